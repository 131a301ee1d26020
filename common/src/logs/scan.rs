//! The scan itself: files opened and checked, parts decoded over threads, batches handed on in order.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};

use super::decode::{self, Part, ROWS, Rows};
use super::ids::Ids;
use super::{Column, codes};
use crate::bad_rows::BadRows;
use crate::ids::{Dictionary, IdKind};
use crate::schema::column::id_kind;
use crate::schema::events::EVENTS;
use crate::schema::file::ParquetFile;
use crate::schema::interactions::{Empty, Feedback, LOG, feedback_of};
use crate::schema::table;
use crate::terminal::Progress;
use crate::{Error, Result};

/// Threads that decode, at most: a few keep many workers busy, and each holds batches in memory.
const DECODERS: usize = 8;
/// Batches that may wait for the one that is worked on, of each thread that decodes.
const WAITING: usize = 1;

/// What becomes of a row that holds a null, an empty id, a value of another type, NaN, an infinity or a propensity outside
/// (0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Faults {
    /// It is an error with the row's place.
    Refuse,
    /// It is left out, and the error told.
    Tell,
    /// It is left out.
    Drop,
}

/// The files of a log, their columns checked; see [`Scan::rows`].
#[derive(Clone, Debug)]
pub struct Scan {
    files: Vec<ParquetFile>,
    parts: Vec<Part>,
    bad_rows: Arc<Mutex<Bad>>,
    workers: usize,
    /// What feedback means.
    pub kind: Feedback,
    /// The type of user ids: integers where they are so in every file.
    pub users: IdKind,
    /// The type of item ids, likewise.
    pub items: IdKind,
    /// How many rows the files hold, bad ones among them.
    pub total: u64,
}

/// The bad rows of a log, told by the first pass over it.
#[derive(Debug, Default)]
struct Bad {
    rows: BadRows,
    told: bool,
}

/// Consecutive rows of a log, without those that are set aside. The vectors have one value a row, or are empty where the
/// column was not asked for.
pub struct Batch<'a> {
    file: &'a ParquetFile,
    rows: Rows,
    workers: usize,
    /// How many rows of the log stand before these, bad ones among them.
    pub first_row: u64,
    /// Times in milliseconds, UTC.
    pub timestamp: Vec<i64>,
    /// Feedback.
    pub feedback: Vec<f32>,
    /// Logging propensities, where known.
    pub propensity: Vec<Option<f32>>,
}

impl Scan {
    /// The log at `path`: a file, a folder of part files in the order of their names, or a glob. `like_threshold` overrides
    /// what the files say, and is needed where they say nothing.
    ///
    /// # Errors
    /// A missing or unreadable file, a missing column, a column of another type, held-out truth, an empty log, an unknown
    /// like threshold, or files that disagree on it.
    pub fn open(path: &Path, like_threshold: Option<f32>, bad_rows: BadRows) -> Result<Self> {
        Self::open_as(path, &[LOG, EVENTS], like_threshold, bad_rows, Empty::Refuse)
    }

    /// As [`Scan::open`], for a log from which rows may have been cut: all of them, it may be.
    ///
    /// # Errors
    /// As [`Scan::open`], but for an empty log.
    pub fn open_cut(path: &Path, like_threshold: Option<f32>, bad_rows: BadRows) -> Result<Self> {
        Self::open_as(path, &[LOG, EVENTS], like_threshold, bad_rows, Empty::Allow)
    }

    /// A log that is not there yet: no file and no row.
    pub fn of_no_file(like_threshold: Option<f32>) -> Self {
        Scan {
            files: Vec::new(),
            parts: Vec::new(),
            bad_rows: Arc::default(),
            workers: 1,
            kind: Feedback::unknown(like_threshold),
            users: IdKind::Integer,
            items: IdKind::Integer,
            total: 0,
        }
    }

    /// As [`Scan::open`], where the files' manifests, if any, are of a kind in `allowed`.
    pub(crate) fn open_as(
        path: &Path,
        allowed: &[&str],
        like_threshold: Option<f32>,
        bad_rows: BadRows,
        empty: Empty,
    ) -> Result<Self> {
        let files = table::open_parts(path, allowed)?;
        let users = id_kind(&files, Column::User.name())?;
        let items = id_kind(&files, Column::Item.name())?;
        let mut parts = Vec::new();
        for (number, file) in files.iter().enumerate() {
            for column in Column::ALL {
                if column != Column::Propensity || file.has(column.name()) {
                    decode::check_type(file, column)?;
                }
            }
            let rows = file.check(&Column::ALL.map(Column::name))?.min(ROWS);
            parts.extend(parts_of(file, number, rows));
        }
        let total = files.iter().map(ParquetFile::rows).sum();
        if total == 0 && empty == Empty::Refuse {
            return Err(Error::data("the log is empty: it has no row").file(path));
        }
        Ok(Scan {
            kind: feedback_of(&files, like_threshold)?,
            files,
            parts,
            bad_rows: Arc::new(Mutex::new(Bad {
                rows: bad_rows.of(total),
                told: false,
            })),
            workers: 1,
            users,
            items,
            total,
        })
    }

    /// Decodes and looks up with so many threads; the result does not depend on it.
    pub fn with_workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Hands all rows to `take` in their order, a batch at a time, and returns how many were set aside: the first pass over a
    /// log writes them beside the output. `label` is for the progress display.
    ///
    /// # Errors
    /// A file that cannot be decoded, more bad rows than may be set aside; those of `take`.
    pub fn rows(&self, label: &str, take: impl FnMut(&Batch<'_>) -> Result<()>) -> Result<u64> {
        self.columns(label, &Column::ALL, take)
    }

    /// As [`Scan::rows`], of these columns alone. Where bad rows are set aside, they are so whichever column is to blame.
    ///
    /// # Errors
    /// As [`Scan::rows`].
    pub fn columns(
        &self,
        label: &str,
        columns: &[Column],
        mut take: impl FnMut(&Batch<'_>) -> Result<()>,
    ) -> Result<u64> {
        let faults = {
            let bad = self.bad()?;
            match (bad.rows.is_refusal(), bad.told) {
                (true, _) => Faults::Refuse,
                (false, false) => Faults::Tell,
                (false, true) => Faults::Drop,
            }
        };
        let columns = match faults {
            Faults::Refuse => columns,
            Faults::Tell | Faults::Drop => &Column::ALL,
        };
        let progress = Progress::new(label, self.total, "rows");
        let threads = self.workers.clamp(1, DECODERS);
        let mut skipped = 0;
        std::thread::scope(|scope| {
            let receivers: Vec<Receiver<Result<Vec<Rows>>>> = (0..threads)
                .map(|first| {
                    let (sender, receiver) = sync_channel(WAITING);
                    let parts = self.parts.iter().skip(first).step_by(threads);
                    scope.spawn(move || self.decode(parts, columns, faults, &sender));
                    receiver
                })
                .collect();
            let mut first_row = 0;
            // Each thread decodes every n-th part, so that taking turns gives them in order. Those that still decode
            // when this ends find their channel closed.
            for (part, receiver) in self.parts.iter().zip(receivers.iter().cycle()) {
                let all = receiver
                    .recv()
                    .map_err(|_| Error::retry("a thread that decodes the log has stopped"))??;
                for mut rows in all {
                    let passed = rows.all as u64;
                    skipped += passed - rows.count as u64;
                    for error in std::mem::take(&mut rows.bad) {
                        self.bad()?.rows.take(error, "bad value")?;
                    }
                    take(&Batch {
                        file: &self.files[part.file],
                        workers: self.workers,
                        first_row,
                        timestamp: std::mem::take(&mut rows.timestamp),
                        feedback: std::mem::take(&mut rows.feedback),
                        propensity: std::mem::take(&mut rows.propensity),
                        rows,
                    })?;
                    first_row += passed;
                    progress.add(passed);
                }
            }
            let mut bad = self.bad()?;
            if !std::mem::replace(&mut bad.told, true) {
                bad.rows.finish(self.total)?;
            }
            drop(bad);
            Ok(skipped)
        })
    }

    fn bad(&self) -> Result<MutexGuard<'_, Bad>> {
        let locked = self.bad_rows.lock();
        locked.map_err(|_| Error::retry("a thread that reads the log has stopped"))
    }

    fn decode<'a>(
        &self,
        parts: impl Iterator<Item = &'a Part>,
        columns: &[Column],
        faults: Faults,
        sender: &SyncSender<Result<Vec<Rows>>>,
    ) {
        for part in parts {
            let rows = decode::decode(&self.files[part.file], part, columns, faults);
            if sender.send(rows).is_err() {
                break;
            }
        }
    }
}

/// The parts of `file`, the log's `number`-th, of so many rows at most.
fn parts_of(file: &ParquetFile, number: usize, most: usize) -> Vec<Part> {
    let (mut parts, mut before) = (Vec::new(), 0);
    for (row_group, &rows) in file.row_groups().iter().enumerate() {
        parts.extend((0..rows).step_by(most).map(|offset| Part {
            file: number,
            row_group,
            offset,
            first_row: before + offset,
            rows: most.min(rows - offset),
        }));
        before += rows;
    }
    parts
}

impl Batch<'_> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each row's user; new ones join `dictionary` in the order of the rows. None where users were not asked for.
    pub fn users(&self, dictionary: &mut Dictionary) -> Vec<u32> {
        self.codes(self.rows.user.as_ref(), dictionary)
    }

    /// Each row's item; new ones join `dictionary` in the order of the rows. None where items were not asked for.
    pub fn items(&self, dictionary: &mut Dictionary) -> Vec<u32> {
        self.codes(self.rows.item.as_ref(), dictionary)
    }

    /// Each row's user, all of whom `dictionary` knows from an earlier pass.
    ///
    /// # Errors
    /// Where it does not, because the log was changed since.
    pub fn known_users(&self, dictionary: &Dictionary) -> Result<Vec<u32>> {
        self.known(self.rows.user.as_ref(), Column::User, dictionary, |id| {
            Error::retry(format!("the log was changed while it was read: `{id}` is new"))
                .hint("run again when nothing writes to it")
        })
    }

    /// Each row's item in the catalogue `dictionary`.
    ///
    /// # Errors
    /// An item that is not in it.
    pub fn known_items(&self, dictionary: &Dictionary) -> Result<Vec<u32>> {
        self.known(self.rows.item.as_ref(), Column::Item, dictionary, |id| {
            Error::data(format!("the item `{id}` is not in the catalogue"))
                .hint("give the items.parquet that belongs to this log")
        })
    }

    fn codes(&self, ids: Option<&Ids>, dictionary: &mut Dictionary) -> Vec<u32> {
        ids.map_or_else(Vec::new, |ids| codes::intern(dictionary, ids, self.workers))
    }

    fn known(
        &self,
        ids: Option<&Ids>,
        column: Column,
        dictionary: &Dictionary,
        unknown: impl Fn(&str) -> Error,
    ) -> Result<Vec<u32>> {
        let Some(ids) = ids else { return Ok(Vec::new()) };
        codes::known(dictionary, ids, self.workers).map_err(|(row, id)| {
            let kept = self.rows.place.as_ref();
            let row = kept.map_or(row, |place| place.value(row) as usize);
            let place = (self.file.path(), self.file.row_groups(), column.name());
            table::placed(unknown(&id), place, self.rows.first_row + row)
        })
    }
}
