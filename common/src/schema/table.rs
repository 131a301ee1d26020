//! A Parquet artifact read whole: record batches with the place of every row, and the manifest.
//!
//! Threat model: a file may be cut short, be no Parquet at all, lack columns, hold other types, nulls or NaN.
//! Each is one [`Error`] with its place. A file made to exhaust memory is out of scope: inputs are the user's own.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;

use super::interactions::{TRUTH, WITHHELD};
use crate::convert::{convert, shown};
use crate::fingerprint::Fingerprint;
use crate::manifest::{Manifest, PARQUET_KEY};
use crate::{Error, Result, fence};

/// Rows of a batch when a file is read.
pub(super) const BATCH_ROWS: usize = 65_536;

/// A Parquet file, or a folder of Parquet part files, in memory.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    path: PathBuf,
    batches: Vec<RecordBatch>,
    row_groups: Vec<usize>,
    metadata: Vec<KeyValue>,
    rows: usize,
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
            array: convert(found, wanted).ok_or_else(|| wrong_type(found, column, wanted, path))?,
            path,
            row_groups,
            first_row,
            column,
        };
        // A value that the type cannot hold becomes null: that is bad data, not a missing value.
        if chunk.array.null_count() > found.null_count() {
            let row = (0..found.len())
                .find(|&r| chunk.array.is_null(r) && found.is_valid(r))
                .unwrap_or(0);
            let shown = shown(found, row);
            let error = Error::data(format!("`{shown}` is not {}", type_name(wanted)))
                .hint(format!("write the column as {}", type_name(wanted)));
            return Err(chunk.place(error, row));
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
        let row = self.first_row + row;
        let mut before = 0;
        let mut group = 0;
        for (index, rows) in self.row_groups.iter().enumerate() {
            if row < before + rows {
                group = index;
                break;
            }
            before += rows;
        }
        error
            .file(self.path)
            .column(self.column)
            .at(format!("row group {group}"))
            .row(row)
    }
}

impl Table {
    /// Reads a Parquet file, or every `*.parquet` in a folder in the order of their names.
    ///
    /// # Errors
    /// When there is no such file, no part in the folder, or a part is no whole Parquet file.
    pub fn read(path: &Path) -> Result<Self> {
        let parts = part_paths(path)?
            .into_iter()
            .map(|part| read_part(&part))
            .collect::<Result<_>>()?;
        Ok(Table {
            path: path.to_path_buf(),
            parts,
        })
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
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
            .try_for_each(|part| require_artifact(&part.metadata, allowed, &part.path))
    }

    /// A value of the Parquet footer's metadata (of the first part).
    pub fn metadata(&self, key: &str) -> Option<String> {
        self.parts.first().and_then(|part| find(&part.metadata, key))
    }

    /// Whether the column is there.
    pub fn has(&self, column: &str) -> bool {
        self.parts.iter().all(|part| {
            part.batches
                .iter()
                .all(|batch| batch.column_by_name(column).is_some())
        })
    }

    /// The column's chunks, as `wanted`.
    pub(crate) fn chunks<'a>(&'a self, column: &'a str, wanted: &DataType) -> Result<Vec<Chunk<'a>>> {
        let mut chunks = Vec::new();
        for part in &self.parts {
            let mut first_row = 0;
            for batch in &part.batches {
                let place = (part.path.as_path(), part.row_groups.as_slice(), first_row);
                chunks.push(Chunk::of(batch, column, wanted, place)?);
                first_row += batch.num_rows();
            }
        }
        Ok(chunks)
    }

    /// The type of the column in the file, of the first batch.
    pub(crate) fn column_type(&self, column: &str) -> Option<DataType> {
        let batch = self.parts.iter().flat_map(|part| &part.batches).next()?;
        batch
            .column_by_name(column)
            .map(|array| array.data_type().clone())
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
    of_parts(path, Fingerprint::of_file)
}

/// The fingerprint of what the rows of a Parquet file, or of all parts of a folder, hold: of the pages of its columns with
/// their names and types, and of nothing that the footer says beside them. The same rows written by the same tool have the
/// same one, whatever the file's manifest.
///
/// # Errors
/// When a part cannot be read, or is no whole Parquet file.
pub(super) fn fingerprint_of_rows(path: &Path) -> Result<Fingerprint> {
    of_parts(path, |part| {
        let builder = open(part)?;
        let pages = Fingerprint::of_beginning(part, footer_start(part)?)?;
        let fields = builder.schema().fields().iter();
        let fields = fields.map(|field| format!("{}: {}", field.name(), field.data_type()));
        let mut all: Vec<String> = fields.collect();
        all.push(pages.to_string());
        Ok(Fingerprint::of_parts(all.iter().map(String::as_bytes)))
    })
}

/// Where the footer of a whole Parquet file begins: its length and four letters end the file.
fn footer_start(path: &Path) -> Result<u64> {
    let read = || -> std::io::Result<u64> {
        let mut file = File::open(path)?;
        let end = file.seek(SeekFrom::End(-8))?;
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        Ok(end.saturating_sub(u64::from(u32::from_le_bytes(length))))
    };
    read().map_err(|e| Error::io(e, "read", path))
}

fn of_parts(path: &Path, of: impl Fn(&Path) -> Result<Fingerprint>) -> Result<Fingerprint> {
    let parts = part_paths(path)?;
    if let [only] = parts.as_slice() {
        return of(only);
    }
    let prints = parts.iter().map(|part| of(part)).collect::<Result<Vec<_>>>()?;
    Ok(Fingerprint::of_parts(
        prints.iter().map(|print| print.as_str().as_bytes()),
    ))
}

/// How many rows a Parquet file, or all parts of a folder, have; reads the footers alone.
///
/// # Errors
/// When a file is no whole Parquet file.
pub fn count_rows(path: &Path) -> Result<u64> {
    let mut rows = 0;
    for part in part_paths(path)? {
        rows += row_groups(&open(&part)?)
            .iter()
            .map(|&rows| rows as u64)
            .sum::<u64>();
    }
    Ok(rows)
}

/// The manifest in a Parquet file's footer, where it has one; reads the footer alone.
///
/// # Errors
/// When the file is no whole Parquet file, or its manifest cannot be read.
pub fn read_manifest(path: &Path) -> Result<Option<Manifest>> {
    match read_metadata(path, PARQUET_KEY)? {
        Some(json) => Manifest::from_json(&json, path).map(Some),
        None => Ok(None),
    }
}

/// A value of a Parquet file's footer metadata (of the first part of a folder); reads the footer alone.
///
/// # Errors
/// When the file is no whole Parquet file.
pub fn read_metadata(path: &Path, key: &str) -> Result<Option<String>> {
    let parts = part_paths(path)?;
    Ok(find(footer(&open(&parts[0])?), key))
}

/// Requires the manifest in a footer, where there is one, to be of one of the kinds in `allowed`.
pub(super) fn require_artifact(footer: &[KeyValue], allowed: &[&str], path: &Path) -> Result<()> {
    let Some(json) = find(footer, PARQUET_KEY) else {
        return Ok(());
    };
    let manifest = Manifest::from_json(&json, path)?;
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
    .file(path)
    .hint(hint))
}

pub(super) fn part_paths(path: &Path) -> Result<Vec<PathBuf>> {
    let kind = std::fs::metadata(path).map_err(|e| Error::io(e, "read", path))?;
    if !kind.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = std::fs::read_dir(path).map_err(|e| Error::io(e, "list", path))?;
    let mut parts: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|x| x == "parquet"))
        .collect();
    parts.sort();
    if parts.is_empty() {
        return Err(Error::usage("the folder holds no *.parquet file").file(path));
    }
    Ok(parts)
}

pub(super) fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).map_err(|e| Error::io(e, "read", path))?;
    fence::decode(|| ParquetRecordBatchReaderBuilder::try_new(file))
        .map_err(|e| e.file(path))?
        .map_err(|e| {
            Error::data(format!("no whole Parquet file: {e}"))
                .file(path)
                .hint("it may have been cut short in a copy; copy or make it again")
        })
}

fn read_part(path: &Path) -> Result<Part> {
    let builder = open(path)?;
    let row_groups = row_groups(&builder);
    let metadata = footer(&builder).to_vec();
    let schema = builder.schema().clone();
    let reader = builder
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|e| damaged(e, path))?;
    let mut batches = fence::decode(|| reader.collect::<Result<Vec<_>, _>>())
        .map_err(|e| e.file(path))?
        .map_err(|e| damaged(e, path))?;
    if batches.is_empty() {
        // Keep the columns of an empty file known: a missing column is another error than an empty log.
        batches.push(RecordBatch::new_empty(schema));
    }
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    Ok(Part {
        path: path.to_path_buf(),
        batches,
        row_groups,
        metadata,
        rows,
    })
}

/// Rows of each row group, as the footer says.
pub(super) fn row_groups(builder: &ParquetRecordBatchReaderBuilder<File>) -> Vec<usize> {
    let groups = builder.metadata().row_groups().iter();
    groups.map(|group| group.num_rows() as usize).collect()
}

/// The footer's metadata.
pub(super) fn footer(builder: &ParquetRecordBatchReaderBuilder<File>) -> &[KeyValue] {
    let pairs = builder.metadata().file_metadata().key_value_metadata();
    pairs.map_or(&[], Vec::as_slice)
}

fn find(pairs: &[KeyValue], key: &str) -> Option<String> {
    pairs
        .iter()
        .find(|pair| pair.key == key)
        .and_then(|pair| pair.value.clone())
}

/// The error of a file whose pages cannot be decoded.
pub(super) fn damaged(error: impl std::fmt::Display, path: &Path) -> Error {
    Error::data(format!("the file cannot be decoded: {error}")).file(path)
}

/// The error of a column that is not there.
pub(super) fn missing(schema: &Schema, column: &str, path: &Path) -> Error {
    let found: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| format!("`{}`", field.name()))
        .collect();
    Error::data(format!(
        "column `{column}` is missing; the file has {}",
        found.join(", ")
    ))
    .file(path)
    .column(column)
    .hint(format!("rename the column that holds it to `{column}`"))
}

fn wrong_type(found: &ArrayRef, column: &str, wanted: &DataType, path: &Path) -> Error {
    Error::data(format!(
        "column `{column}` is {}, not {}",
        type_name(found.data_type()),
        type_name(wanted)
    ))
    .file(path)
    .column(column)
    .hint(format!("write the column as {}", type_name(wanted)))
}

/// A type's name as a user would say it.
pub(crate) fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::LargeUtf8 | DataType::Utf8 | DataType::Utf8View => "text".into(),
        DataType::Float32 => "a 32-bit number".into(),
        DataType::Int64 => "a 64-bit integer".into(),
        DataType::UInt32 => "a non-negative 32-bit integer".into(),
        DataType::UInt64 => "a non-negative 64-bit integer".into(),
        DataType::Boolean => "true or false".into(),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("a list of {}", type_name(item.data_type()))
        }
        other => format!("{other}"),
    }
}
