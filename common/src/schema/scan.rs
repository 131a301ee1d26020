//! A log read batch by batch, in the order of its rows: memory for one batch, whatever the size of the file or of its
//! row groups. For a log in memory see [`super::interactions`].

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type};

use super::column::{finite, id_at, id_kind, present, time_at, time_type};
use super::events::EVENTS;
use super::file::ParquetFile;
use super::interactions::{
    Empty, FEEDBACK, Feedback, ITEM_ID, LOG, PROPENSITY, TIMESTAMP, USER_ID, check_propensity,
    feedback_of_log,
};
use super::parts;
use super::table::{self, Chunk};
use crate::ids::{BLOCK, Dictionary, IdKind};
use crate::terminal::Progress;
use crate::{Error, Result};

/// What becomes of a row that holds a null, an empty id, NaN, an infinity or a propensity outside (0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRows {
    /// It is an error with the row's place.
    #[default]
    Refuse,
    /// It is left out and counted.
    Skip,
}

/// The files of a log, their columns checked; see [`Scan::rows`].
#[derive(Clone, Debug)]
pub struct Scan {
    files: Vec<ParquetFile>,
    bad_rows: BadRows,
    /// What feedback means.
    pub kind: Feedback,
    /// The type of user ids: integers where they are so in every file.
    pub users: IdKind,
    /// The type of item ids, likewise.
    pub items: IdKind,
    /// How many rows the files hold, bad ones among them.
    pub total: u64,
}

/// Consecutive rows of a log, without those that are skipped. All vectors have one value a row.
pub struct Batch<'a> {
    user: Chunk<'a>,
    item: Chunk<'a>,
    /// Where in the chunks the rows stand.
    place: Vec<u32>,
    /// Times in milliseconds, UTC.
    pub timestamp: Vec<i64>,
    /// Feedback.
    pub feedback: Vec<f32>,
    /// Logging propensities, where known.
    pub propensity: Vec<Option<f32>>,
}

impl Scan {
    /// The log at `path`: a file, or a folder of part files in the order of their names. `like_threshold` overrides what
    /// the file says, and is needed where it says nothing.
    ///
    /// # Errors
    /// A missing or unreadable file, a missing column, ids that are neither text nor integers, held-out truth, an empty
    /// log, an unknown like threshold.
    pub fn open(path: &Path, like_threshold: Option<f32>, bad_rows: BadRows) -> Result<Self> {
        Self::open_log(path, like_threshold, bad_rows, Empty::Refuse)
    }

    /// As [`Scan::open`], for a log from which rows may have been cut: all of them, it may be.
    ///
    /// # Errors
    /// As [`Scan::open`], but for an empty log.
    pub fn open_cut(path: &Path, like_threshold: Option<f32>, bad_rows: BadRows) -> Result<Self> {
        Self::open_log(path, like_threshold, bad_rows, Empty::Allow)
    }

    /// A log that is not there yet: no file and no row.
    pub fn of_no_file(like_threshold: Option<f32>) -> Self {
        Scan {
            files: Vec::new(),
            bad_rows: BadRows::Refuse,
            kind: Feedback::unknown(like_threshold),
            users: IdKind::Integer,
            items: IdKind::Integer,
            total: 0,
        }
    }

    fn open_log(path: &Path, like_threshold: Option<f32>, bad_rows: BadRows, empty: Empty) -> Result<Self> {
        let mut files = Vec::new();
        let (mut users, mut items, mut total) = (IdKind::Integer, IdKind::Integer, 0);
        for path in &parts::files(path)? {
            let file = ParquetFile::open(path)?;
            table::require_artifact(&file, &[LOG, EVENTS])?;
            for (column, kind) in [(USER_ID, &mut users), (ITEM_ID, &mut items)] {
                let found = file.column_type(column)?;
                if id_kind(Some(found), column, path)? == IdKind::Text {
                    *kind = IdKind::Text;
                }
            }
            for column in [TIMESTAMP, FEEDBACK] {
                file.column_type(column)?;
            }
            total += file.rows();
            files.push(file);
        }
        if total == 0 && empty == Empty::Refuse {
            return Err(Error::data("the log is empty: it has no row").file(path));
        }
        Ok(Scan {
            kind: feedback_of_log(path, like_threshold)?,
            files,
            bad_rows,
            users,
            items,
            total,
        })
    }

    /// Hands all rows to `take` in their order, a batch at a time, and returns how many were skipped. `label` is for the
    /// progress display.
    ///
    /// # Errors
    /// A file that cannot be decoded, a column of another type, a bad row unless these are skipped; those of `take`.
    pub fn rows(&self, label: &str, mut take: impl FnMut(&Batch<'_>) -> Result<()>) -> Result<u64> {
        let progress = Progress::new(label, self.total, "rows");
        let mut skipped = 0;
        for file in &self.files {
            file.each_batch(
                &[USER_ID, ITEM_ID, TIMESTAMP, FEEDBACK, PROPENSITY],
                |first_row, batch| {
                    let chunk = |column, wanted: &DataType| {
                        Chunk::of(
                            &batch,
                            column,
                            wanted,
                            (file.path(), file.row_groups(), first_row),
                        )
                    };
                    let schema = batch.schema();
                    let time = schema
                        .column_with_name(TIMESTAMP)
                        .map(|(_, field)| field.data_type());
                    let columns = Columns {
                        user: chunk(USER_ID, &DataType::LargeUtf8)?,
                        item: chunk(ITEM_ID, &DataType::LargeUtf8)?,
                        time: chunk(TIMESTAMP, &time_type(time))?,
                        feedback: chunk(FEEDBACK, &DataType::Float32)?,
                        propensity: match schema.column_with_name(PROPENSITY) {
                            Some(_) => Some(chunk(PROPENSITY, &DataType::Float32)?),
                            None => None,
                        },
                    };
                    let kept = columns.kept(self.bad_rows)?;
                    skipped += (batch.num_rows() - kept.len()) as u64;
                    take(&columns.batch(kept))?;
                    progress.add(batch.num_rows() as u64);
                    Ok(())
                },
            )?;
        }
        Ok(skipped)
    }
}

/// The columns of some rows as they stand in the file.
struct Columns<'a> {
    user: Chunk<'a>,
    item: Chunk<'a>,
    time: Chunk<'a>,
    feedback: Chunk<'a>,
    propensity: Option<Chunk<'a>>,
}

impl<'a> Columns<'a> {
    fn kept(&self, bad_rows: BadRows) -> Result<Vec<u32>> {
        let mut kept = Vec::with_capacity(self.user.array.len());
        for row in 0..self.user.array.len() {
            match self.check(row) {
                Ok(()) => kept.push(row as u32),
                Err(error) if bad_rows == BadRows::Refuse => return Err(error),
                Err(_) => (),
            }
        }
        Ok(kept)
    }

    fn check(&self, row: usize) -> Result<()> {
        id_at(&self.user, row)?;
        id_at(&self.item, row)?;
        present(&self.time, row)?;
        present(&self.feedback, row)?;
        finite(&self.feedback, row)?;
        match &self.propensity {
            Some(chunk) if chunk.array.is_valid(row) => {
                let value = chunk.array.as_primitive::<Float32Type>().value(row);
                check_propensity(value).map_err(|error| chunk.place(error, row))
            }
            _ => Ok(()),
        }
    }

    fn batch(self, place: Vec<u32>) -> Batch<'a> {
        let rows = || place.iter().map(|&row| row as usize);
        let feedback = self.feedback.array.as_primitive::<Float32Type>();
        let propensity = self
            .propensity
            .as_ref()
            .map(|chunk| chunk.array.as_primitive::<Float32Type>());
        let known = |row: usize| propensity.and_then(|of| of.is_valid(row).then(|| of.value(row)));
        Batch {
            timestamp: rows().map(|row| time_at(&self.time, row)).collect(),
            feedback: rows().map(|row| feedback.value(row)).collect(),
            propensity: rows().map(known).collect(),
            user: self.user,
            item: self.item,
            place,
        }
    }
}

impl Batch<'_> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.place.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.place.is_empty()
    }

    /// Each row's user; new ones join `dictionary` in the order of the rows.
    pub fn users(&self, dictionary: &mut Dictionary) -> Vec<u32> {
        self.codes(&self.user, dictionary)
    }

    /// Each row's item; new ones join `dictionary` in the order of the rows.
    pub fn items(&self, dictionary: &mut Dictionary) -> Vec<u32> {
        self.codes(&self.item, dictionary)
    }

    /// Each row's user, all of whom `dictionary` knows from an earlier pass.
    ///
    /// # Errors
    /// Where it does not, because the log was changed since.
    pub fn known_users(&self, dictionary: &Dictionary) -> Result<Vec<u32>> {
        let changed = |row, id: &str| {
            let error = Error::retry(format!("the log was changed while it was read: `{id}` is new"));
            self.user
                .place(error.hint("run again when nothing writes to it"), row)
        };
        self.known(&self.user, dictionary, changed)
    }

    /// Each row's item in the catalogue `dictionary`.
    ///
    /// # Errors
    /// An item that is not in it.
    pub fn known_items(&self, dictionary: &Dictionary) -> Result<Vec<u32>> {
        let unknown = |row, id: &str| {
            let error = Error::data(format!("the item `{id}` is not in the catalogue"));
            self.item
                .place(error.hint("give the items.parquet that belongs to this log"), row)
        };
        self.known(&self.item, dictionary, unknown)
    }

    fn codes(&self, chunk: &Chunk<'_>, dictionary: &mut Dictionary) -> Vec<u32> {
        let mut codes = Vec::with_capacity(self.len());
        let mut found = [None; BLOCK];
        for rows in self.place.chunks(BLOCK) {
            let ids = ids_of(chunk, rows);
            dictionary.look_up(&ids[..rows.len()], &mut found);
            let known = found.iter().zip(ids).take(rows.len());
            codes.extend(known.map(|(code, id)| code.unwrap_or_else(|| dictionary.intern(id))));
        }
        codes
    }

    fn known(
        &self,
        chunk: &Chunk<'_>,
        dictionary: &Dictionary,
        unknown: impl Fn(usize, &str) -> Error,
    ) -> Result<Vec<u32>> {
        let mut codes = Vec::with_capacity(self.len());
        let mut found = [None; BLOCK];
        for rows in self.place.chunks(BLOCK) {
            let ids = ids_of(chunk, rows);
            dictionary.look_up(&ids[..rows.len()], &mut found);
            for ((code, id), &row) in found.iter().zip(ids).zip(rows) {
                codes.push(code.ok_or_else(|| unknown(row as usize, id))?);
            }
        }
        Ok(codes)
    }
}

/// The ids in at most [`BLOCK`] rows of a chunk of text.
fn ids_of<'a>(chunk: &'a Chunk<'_>, rows: &[u32]) -> [&'a str; BLOCK] {
    let texts = chunk.array.as_string::<i64>();
    let mut ids = [""; BLOCK];
    for (id, &row) in ids.iter_mut().zip(rows) {
        *id = texts.value(row as usize);
    }
    ids
}
