//! A Parquet artifact read whole: record batches with the place of every row, and the manifest; and its writer.
//!
//! Threat model: a file may be cut short, be no Parquet at all, lack columns, hold other types, nulls or NaN.
//! Each is one [`Error`] with its place. A file made to exhaust memory is out of scope: inputs are the user's own.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::fingerprint::Fingerprint;
use crate::manifest::{Manifest, PARQUET_KEY};
use crate::{Error, Result, atomic_file, fence};

/// Rows a row group: small enough to be a unit of parallel work, large enough to compress.
const ROW_GROUP_ROWS: usize = 131_072;

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
    table: &'a Table,
    part: usize,
    first_row: usize,
    column: &'a str,
}

impl Chunk<'_> {
    /// Adds the place of `row` of this chunk to an error.
    pub(crate) fn place(&self, error: Error, row: usize) -> Error {
        let part = &self.table.parts[self.part];
        let row = self.first_row + row;
        let mut before = 0;
        let mut group = 0;
        for (index, rows) in part.row_groups.iter().enumerate() {
            if row < before + rows {
                group = index;
                break;
            }
            before += rows;
        }
        error
            .file(&part.path)
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
        for part in &self.parts {
            let Some(json) = find(&part.metadata, PARQUET_KEY) else {
                continue;
            };
            let manifest = Manifest::from_json(&json, &part.path)?;
            if !allowed.contains(&manifest.artifact.as_str()) {
                let hint = if manifest.artifact == "truth" {
                    "this is the held-out truth of an environment: no tool but the simulator may read it"
                } else {
                    "check that the paths are not mixed up"
                };
                return Err(Error::usage(format!(
                    "expected {}, found {}",
                    allowed.join(" or "),
                    manifest.artifact
                ))
                .file(&part.path)
                .hint(hint));
            }
        }
        Ok(())
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

    /// The column's chunks, cast to `wanted`.
    pub(crate) fn chunks<'a>(&'a self, column: &'a str, wanted: &DataType) -> Result<Vec<Chunk<'a>>> {
        let mut chunks = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            let mut first_row = 0;
            for batch in &part.batches {
                let found = batch
                    .column_by_name(column)
                    .ok_or_else(|| missing(batch, column, &part.path))?;
                let array = cast(found, wanted).map_err(|_| wrong_type(found, column, wanted, &part.path))?;
                // A cast that cannot represent a value yields null: that is bad data, not a missing value.
                if array.null_count() > found.null_count() {
                    let row = (0..array.len())
                        .find(|&r| array.is_null(r) && found.is_valid(r))
                        .unwrap_or(0);
                    let shown = array_value_to_string(found, row).unwrap_or_default();
                    let error = Error::data(format!("`{shown}` is not {}", type_name(wanted)))
                        .hint(format!("write the column as {}", type_name(wanted)));
                    let chunk = Chunk {
                        array,
                        table: self,
                        part: index,
                        first_row,
                        column,
                    };
                    return Err(chunk.place(error, row));
                }
                chunks.push(Chunk {
                    array,
                    table: self,
                    part: index,
                    first_row,
                    column,
                });
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
    let parts = part_paths(path)?;
    if let [only] = parts.as_slice() {
        return Fingerprint::of_file(only);
    }
    let prints = parts
        .iter()
        .map(|part| Fingerprint::of_file(part))
        .collect::<Result<Vec<_>>>()?;
    Ok(Fingerprint::of_parts(
        prints.iter().map(|print| print.as_str().as_bytes()),
    ))
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
    let builder = open(&parts[0])?;
    Ok(builder
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .and_then(|pairs| find(pairs, key)))
}

/// Writes batches to `path` with the manifest and other footer `metadata`, atomically.
///
/// # Errors
/// On I/O failure.
pub(crate) fn write(
    path: &Path,
    manifest: &Manifest,
    metadata: &[(&str, String)],
    batch: &RecordBatch,
) -> Result<()> {
    let mut pairs = vec![KeyValue::new(PARQUET_KEY.to_string(), manifest.to_json())];
    pairs.extend(
        metadata
            .iter()
            .map(|(key, value)| KeyValue::new((*key).to_string(), value.clone())),
    );
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_key_value_metadata(Some(pairs))
        .build();
    atomic_file::write(path, |file| {
        let failed = |e: parquet::errors::ParquetError| Error::retry(format!("cannot write: {e}")).file(path);
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(failed)?;
        writer.write(batch).map_err(failed)?;
        writer.close().map_err(failed)?;
        Ok(())
    })
}

fn part_paths(path: &Path) -> Result<Vec<PathBuf>> {
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

fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
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
    let footer = builder.metadata();
    let row_groups = footer
        .row_groups()
        .iter()
        .map(|group| group.num_rows() as usize)
        .collect();
    let metadata = footer
        .file_metadata()
        .key_value_metadata()
        .cloned()
        .unwrap_or_default();
    let schema = builder.schema().clone();
    let damaged = |e: String| Error::data(format!("the file cannot be decoded: {e}")).file(path);
    let reader = builder
        .with_batch_size(65_536)
        .build()
        .map_err(|e| damaged(e.to_string()))?;
    let mut batches = fence::decode(|| reader.collect::<Result<Vec<_>, _>>())
        .map_err(|e| e.file(path))?
        .map_err(|e| damaged(e.to_string()))?;
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

fn find(pairs: &[KeyValue], key: &str) -> Option<String> {
    pairs
        .iter()
        .find(|pair| pair.key == key)
        .and_then(|pair| pair.value.clone())
}

fn missing(batch: &RecordBatch, column: &str, path: &Path) -> Error {
    let found: Vec<String> = batch
        .schema()
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
