//! A Parquet artifact, a file or a folder of part files, whose columns are decoded when they are asked for; every row with
//! its place, and the manifest.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, TimeUnit};

use super::column::id_type;
use super::file::{ParquetFile, missing};
use super::interactions::{TRUTH, WITHHELD};
use super::parts;
use crate::convert::{convert, shown};
use crate::fingerprint::Fingerprint;
use crate::manifest::{Manifest, PARQUET_KEY};
use crate::{Error, Result, input};

/// A Parquet file, or a folder of Parquet part files: the footers in memory.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    parts: Vec<ParquetFile>,
    /// Some rows of the only part, where no others are meant: how many stand before them, and they.
    held: Option<(usize, RecordBatch)>,
}

/// One column in one batch, with what is needed to name the place of a row.
pub(crate) struct Chunk<'a> {
    pub(crate) array: ArrayRef,
    path: &'a Path,
    /// Rows of each row group of the file.
    row_groups: &'a [usize],
    first_row: usize,
    column: &'a str,
}

impl<'a> Chunk<'a> {
    /// `column` of `batch`, as `wanted`; the batch begins at row `first_row` of the file `path`.
    pub(super) fn of(
        batch: &RecordBatch,
        column: &'a str,
        wanted: &DataType,
        (path, row_groups, first_row): (&'a Path, &'a [usize], usize),
    ) -> Result<Self> {
        let found = batch
            .column_by_name(column)
            .ok_or_else(|| missing(&batch.schema(), column, path))?;
        let chunk = Chunk {
            array: convert(found, wanted)
                .ok_or_else(|| wrong_type(found.data_type(), column, wanted, path))?,
            path,
            row_groups,
            first_row,
            column,
        };
        // A value that the type cannot hold becomes null: that is bad data, not a missing value.
        let nulls = found.logical_nulls();
        let is_null = |row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        if chunk.array.null_count() > found.logical_null_count() {
            let row = (0..found.len())
                .find(|&row| chunk.array.is_null(row) && !is_null(row))
                .unwrap_or(0);
            let error = unfit(found, row, wanted);
            return Err(chunk.place(error, row));
        }
        Ok(chunk)
    }

    /// As [`Chunk::of`], of ids, as text.
    pub(super) fn of_ids(
        batch: &RecordBatch,
        column: &'a str,
        place: (&'a Path, &'a [usize], usize),
    ) -> Result<Self> {
        let kind = batch
            .column_by_name(column)
            .map(|found| id_type(found.data_type()));
        let mut chunk = Chunk::of(batch, column, &kind.unwrap_or(DataType::LargeUtf8), place)?;
        if let Some(text) = convert(&chunk.array, &DataType::LargeUtf8) {
            chunk.array = text;
        }
        Ok(chunk)
    }

    /// How many rows the whole file has, as its footer says.
    pub(super) fn promised(&self) -> usize {
        self.row_groups
            .iter()
            .fold(0usize, |sum, rows| sum.saturating_add(*rows))
    }

    /// Adds the place of `row` of this chunk to an error.
    pub(crate) fn place(&self, error: Error, row: usize) -> Error {
        placed(
            error,
            (self.path, self.row_groups, self.column),
            self.first_row + row,
        )
    }
}

impl Table {
    /// Opens a Parquet file, or those of a folder, see [`parts::files`].
    ///
    /// # Errors
    /// When there is no such file, no part in the folder, or a part is not a whole Parquet file.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Table {
            path: path.to_path_buf(),
            parts: open_parts(path, &[])?,
            held: None,
        })
    }

    /// A few rows of `part`, before which stand `before`.
    pub(super) fn of_batch(part: &ParquetFile, before: usize, rows: RecordBatch) -> Self {
        Table {
            path: part.path().to_path_buf(),
            parts: vec![part.clone()],
            held: Some((before, rows)),
        }
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        if let Some((_, rows)) = &self.held {
            return rows.num_rows();
        }
        self.parts.iter().map(|part| part.rows() as usize).sum()
    }

    /// The manifest of the (first) file, where it has one.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub fn manifest(&self) -> Result<Option<Manifest>> {
        match self.metadata(PARQUET_KEY) {
            Some(json) => Manifest::from_json(&json, &self.path).map(Some),
            None => Ok(None),
        }
    }

    /// Requires the manifest, where there is one, to be of one of the kinds in `allowed`.
    ///
    /// # Errors
    /// Wrong usage when it is of another kind, such as a held-out truth where a log is wanted.
    pub fn require_artifact(&self, allowed: &[&str]) -> Result<()> {
        self.parts
            .iter()
            .try_for_each(|part| require_artifact(part, allowed))
    }

    /// A value of the Parquet footer's metadata (of the first part).
    pub fn metadata(&self, key: &str) -> Option<String> {
        self.parts.first().and_then(|part| part.metadata(key))
    }

    /// The files.
    pub(crate) fn parts(&self) -> &[ParquetFile] {
        &self.parts
    }

    /// Whether the column is there, in one of the parts at least.
    pub fn has(&self, column: &str) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| part.has(column))
    }

    /// The column's chunks, as `wanted`: decoded now, and no other column with them.
    ///
    /// # Errors
    /// A part without the column or with another type, what cannot be decoded, a value that `wanted` cannot hold.
    pub(crate) fn chunks<'a>(&'a self, column: &'a str, wanted: &DataType) -> Result<Vec<Chunk<'a>>> {
        self.parts
            .iter()
            .try_for_each(|part| part.column_type(column).map(drop))?;
        self.known_chunks(column, wanted)
    }

    /// As [`Table::chunks`], of a column whose values may be null: where a part lacks the column, none is known, but one must
    /// have it.
    pub(crate) fn known_chunks<'a>(&'a self, column: &'a str, wanted: &DataType) -> Result<Vec<Chunk<'a>>> {
        self.chunks_by(column, |batch, place| match batch.column_by_name(column) {
            Some(_) => Chunk::of(batch, column, wanted, place),
            None => {
                let nothing = [(column, new_null_array(wanted, batch.num_rows()))];
                let nothing = RecordBatch::try_from_iter(nothing).map_err(Error::from)?;
                Chunk::of(&nothing, column, wanted, place)
            }
        })
    }

    /// The chunks of a column of ids, as text.
    ///
    /// # Errors
    /// As [`Table::chunks`].
    pub(crate) fn id_chunks<'a>(&'a self, column: &'a str) -> Result<Vec<Chunk<'a>>> {
        self.chunks_by(column, |batch, place| Chunk::of_ids(batch, column, place))
    }

    fn chunks_by<'a>(
        &'a self,
        column: &'a str,
        of: impl Fn(&RecordBatch, (&'a Path, &'a [usize], usize)) -> Result<Chunk<'a>>,
    ) -> Result<Vec<Chunk<'a>>> {
        if let (false, Some(part)) = (self.has(column), self.parts.first()) {
            part.column_type(column)?;
        }
        let mut chunks = Vec::new();
        if let (Some((before, rows)), [part]) = (&self.held, self.parts.as_slice()) {
            return Ok(vec![of(rows, (part.path(), part.row_groups(), *before))?]);
        }
        for part in &self.parts {
            let mut memory = 0;
            part.each_batch(&[column], |first_row, batch| {
                let chunk = of(&batch, (part.path(), part.row_groups(), first_row))?;
                memory += chunk.array.get_array_memory_size() as u64;
                part.fits_memory(memory, column)?;
                chunks.push(chunk);
                Ok(())
            })?;
        }
        Ok(chunks)
    }

    /// Requires at least one row.
    ///
    /// # Errors
    /// Bad data when the table is empty.
    pub fn require_rows(&self, what: &str) -> Result<()> {
        if self.rows() == 0 {
            return Err(Error::data(format!("the {what} is empty: it has no row")).file(&self.path));
        }
        Ok(())
    }

    /// The fingerprint of the content as it stands on disk.
    ///
    /// # Errors
    /// When a part cannot be read again.
    pub fn fingerprint(&self) -> Result<Fingerprint> {
        fingerprint(&self.path)
    }
}

/// The fingerprint of a Parquet file, or of all parts of a folder.
///
/// # Errors
/// When a part cannot be read.
pub fn fingerprint(path: &Path) -> Result<Fingerprint> {
    fingerprint_of(&parts::files(path)?)
}

/// The fingerprint of one file is its own, that of several is of their fingerprints in order.
///
/// # Errors
/// When a file cannot be read.
pub fn fingerprint_of(files: &[PathBuf]) -> Result<Fingerprint> {
    of_parts(files, Fingerprint::of_file)
}

/// The fingerprint of what the rows of a Parquet file, or of all parts of a folder, hold: of the pages of its columns with
/// their names and types, and of nothing that the footer says beside them. The same rows written by the same tool have the
/// same one, whatever the file's manifest.
///
/// # Errors
/// When a part cannot be read, or is not a whole Parquet file.
pub(super) fn fingerprint_of_rows(path: &Path) -> Result<Fingerprint> {
    of_parts(&parts::files(path)?, |part| {
        let file = ParquetFile::open(part)?;
        let pages = Fingerprint::of_beginning(part, footer_start(part)?)?;
        let fields = file.schema().fields().iter();
        let fields = fields.map(|field| format!("{}: {}", field.name(), field.data_type()));
        let mut all: Vec<String> = fields.collect();
        all.push(pages.to_string());
        Ok(Fingerprint::of_parts(all.iter().map(String::as_bytes)))
    })
}

/// Where the footer of a whole Parquet file begins: its length and four letters end the file.
fn footer_start(path: &Path) -> Result<u64> {
    let mut file = input::open(path)?;
    let mut read = || -> std::io::Result<u64> {
        let end = file.seek(SeekFrom::End(-8))?;
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        Ok(end.saturating_sub(u64::from(u32::from_le_bytes(length))))
    };
    read().map_err(|e| Error::io(e, "read", path))
}

fn of_parts(files: &[PathBuf], of: impl Fn(&Path) -> Result<Fingerprint>) -> Result<Fingerprint> {
    if let [only] = files {
        return of(only);
    }
    let prints = files.iter().map(|file| of(file)).collect::<Result<Vec<_>>>()?;
    Ok(Fingerprint::of_parts(
        prints.iter().map(|print| print.as_str().as_bytes()),
    ))
}

/// How many rows a Parquet file, or all parts of a folder, have; reads the footers alone.
///
/// # Errors
/// When a file is not a whole Parquet file.
pub fn count_rows(path: &Path) -> Result<u64> {
    let rows = parts::files(path)?.into_iter();
    rows.map(|part| Ok(ParquetFile::open(&part)?.rows())).sum()
}

/// The manifest in a Parquet file's footer, where it has one; reads the footer alone.
///
/// # Errors
/// When the file is not a whole Parquet file, or its manifest cannot be read.
pub fn read_manifest(path: &Path) -> Result<Option<Manifest>> {
    match read_metadata(path, PARQUET_KEY)? {
        Some(json) => Manifest::from_json(&json, path).map(Some),
        None => Ok(None),
    }
}

/// A value of a Parquet file's footer metadata (of the first part of a folder); reads the footer alone.
///
/// # Errors
/// When the file is not a whole Parquet file.
pub fn read_metadata(path: &Path, key: &str) -> Result<Option<String>> {
    Ok(ParquetFile::open(&parts::files(path)?[0])?.metadata(key))
}

/// The files of `path`, see [`parts::files`], whose manifests, if any, are of a kind in `allowed` unless that is empty.
pub(crate) fn open_parts(path: &Path, allowed: &[&str]) -> Result<Vec<ParquetFile>> {
    let open = |path: &PathBuf| {
        let file = ParquetFile::open(path)?;
        if !allowed.is_empty() {
            require_artifact(&file, allowed)?;
        }
        Ok(file)
    };
    parts::files(path)?.iter().map(open).collect()
}

/// Requires the manifest in a footer, where there is one, to be of one of the kinds in `allowed`.
pub(crate) fn require_artifact(file: &ParquetFile, allowed: &[&str]) -> Result<()> {
    let Some(json) = file.metadata(PARQUET_KEY) else {
        return Ok(());
    };
    let manifest = Manifest::from_json(&json, file.path())?;
    if allowed.contains(&manifest.artifact.as_str()) {
        return Ok(());
    }
    let hint = if [TRUTH, WITHHELD].contains(&manifest.artifact.as_str()) {
        "this is the held-out truth of an environment: no tool but the simulator may read it"
    } else {
        "check that the paths are not mixed up"
    };
    Err(Error::usage(format!(
        "expected {}, found {}",
        allowed.join(" or "),
        manifest.artifact
    ))
    .file(file.path())
    .hint(hint))
}

/// The error of a value that the wanted type cannot hold.
pub(crate) fn unfit(found: &ArrayRef, row: usize, wanted: &DataType) -> Error {
    let wanted = type_name(wanted);
    Error::data(format!("`{}` is not {wanted}", shown(found, row)))
        .hint(format!("write the column as {wanted}"))
}

/// The error of a column whose type does not stand for the wanted one.
pub(crate) fn wrong_type(found: &DataType, column: &str, wanted: &DataType, path: &Path) -> Error {
    Error::data(format!(
        "column `{column}` is {}, not {}",
        type_name(found),
        type_name(wanted)
    ))
    .file(path)
    .column(column)
    .hint(format!("write the column as {}", type_name(wanted)))
}

impl Table {
    /// Adds the place of `row` of this table to an error: the part that holds it, the column, the row group and the row there.
    pub(crate) fn place(&self, error: Error, column: &str, row: usize) -> Error {
        let mut row = row + self.held.as_ref().map_or(0, |(before, _)| *before);
        for part in &self.parts {
            let rows = part.rows() as usize;
            if row < rows {
                return placed(error, (part.path(), part.row_groups(), column), row);
            }
            row -= rows;
        }
        error.file(&self.path).column(column)
    }
}

/// Adds the place of `row` of the file or folder at `path` to an error, as [`Table::place`] does: for what is found when the
/// table is no longer held.
pub fn place(error: Error, path: &Path, column: &str, row: usize) -> Error {
    match Table::open(path) {
        Ok(table) => table.place(error, column, row),
        Err(_) => error.file(path).column(column).row(row),
    }
}

/// Adds the place of a file's row to an error.
pub(crate) fn placed(error: Error, (path, row_groups, column): (&Path, &[usize], &str), row: usize) -> Error {
    let mut before = 0;
    let mut group = 0;
    for (index, rows) in row_groups.iter().enumerate() {
        if row < before + rows {
            group = index;
            break;
        }
        before += rows;
    }
    error.file(path).column(column).row_group(group).row(row)
}

/// A type's name as a user would say it.
pub fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::LargeUtf8 | DataType::Utf8 | DataType::Utf8View => "text".into(),
        DataType::Null => "without any value".into(),
        DataType::Float32 => "a 32-bit number".into(),
        DataType::Int64 => "a 64-bit integer".into(),
        DataType::UInt32 => "a non-negative 32-bit integer".into(),
        DataType::UInt64 => "a non-negative 64-bit integer".into(),
        DataType::Boolean => "true or false".into(),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("a list of {}", type_name(item.data_type()))
        }
        DataType::Timestamp(TimeUnit::Millisecond, None) => {
            "a timestamp, a date or integer milliseconds since 1970 UTC".into()
        }
        DataType::Map(_, _) => "a map of text to text".into(),
        other => format!("{other}"),
    }
}
