//! Writing a Parquet artifact, whole or in pieces: the manifest in its footer, row groups of one size, atomically.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::checksums;
use super::file::ParquetFile;
use crate::manifest::{Manifest, PARQUET_KEY};
use crate::{Error, Result, atomic_file};

/// Rows per row group: small enough to be a unit of parallel work, large enough to compress.
pub(super) const ROW_GROUP_ROWS: usize = 131_072;

/// How rows are cut into row groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowGroups {
    /// All of one size, whatever the pieces.
    #[default]
    OfOneSize,
    /// One a piece, so that a reader can take a piece alone.
    Pieces,
}

/// Named columns with whether they may hold nulls.
pub(crate) type Columns = Vec<(&'static str, ArrayRef, bool)>;

/// The schema of a file with such columns.
///
/// # Errors
/// When the columns make no record batch.
pub(crate) fn schema(columns: Columns) -> Result<SchemaRef> {
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?.schema())
}

/// Writes `columns` to `path` with the manifest and other footer `metadata`, atomically.
///
/// # Errors
/// On I/O failure.
pub(crate) fn write(
    path: &Path,
    manifest: &Manifest,
    metadata: &[(&str, String)],
    columns: Columns,
) -> Result<()> {
    let schema = schema(columns.clone())?;
    stream(path, manifest, metadata, schema, |write| write(columns))
}

/// Writes to `path` the pieces that `fill` hands to its argument, atomically and in memory for one row group beside the
/// piece at hand. Row groups have one size, whatever the pieces.
///
/// # Errors
/// Those of `fill`, a piece that does not fit `schema`, I/O failures.
pub(crate) fn stream<T>(
    path: &Path,
    manifest: &Manifest,
    metadata: &[(&str, String)],
    schema: SchemaRef,
    fill: impl FnOnce(&mut dyn FnMut(Columns) -> Result<()>) -> Result<T>,
) -> Result<T> {
    stream_groups(path, manifest, metadata, schema, RowGroups::OfOneSize, fill)
}

/// Writes to `out` the rows of `parts`, files with a row group a piece, as [`stream`] would have written these pieces.
///
/// # Errors
/// A part that cannot be read, I/O failures.
pub(crate) fn merge(out: &Path, manifest: &Manifest, parts: &[&Path]) -> Result<()> {
    let files = parts.iter().map(|part| ParquetFile::open(part));
    let files = files.collect::<Result<Vec<_>>>()?;
    let first = files
        .first()
        .ok_or_else(|| Error::data("there are no parts").file(out))?;
    // A reader's schema holds the footer's metadata too, such as the manifest of the part.
    let schema = Arc::new(Schema::new(first.schema().fields().clone()));
    encode(
        out,
        manifest,
        &[],
        schema.clone(),
        RowGroups::OfOneSize,
        |write| {
            for file in &files {
                file.each_group(|batch| {
                    if batch.schema().fields() != schema.fields() {
                        return Err(unlike(&batch.schema(), &schema).file(file.path()));
                    }
                    write(RecordBatch::try_new(schema.clone(), batch.columns().to_vec())?)
                })?;
            }
            Ok(())
        },
    )
}

/// As [`stream`], with a choice of row groups.
///
/// # Errors
/// As [`stream`].
pub(crate) fn stream_groups<T>(
    path: &Path,
    manifest: &Manifest,
    metadata: &[(&str, String)],
    schema: SchemaRef,
    groups: RowGroups,
    fill: impl FnOnce(&mut dyn FnMut(Columns) -> Result<()>) -> Result<T>,
) -> Result<T> {
    encode(path, manifest, metadata, schema, groups, |write| {
        fill(&mut |columns| write(RecordBatch::try_from_iter_with_nullable(columns)?))
    })
}

/// As [`stream_groups`], of record batches.
fn encode<T>(
    path: &Path,
    manifest: &Manifest,
    metadata: &[(&str, String)],
    schema: SchemaRef,
    groups: RowGroups,
    fill: impl FnOnce(&mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<T>,
) -> Result<T> {
    let mut pairs = vec![KeyValue::new(PARQUET_KEY.to_string(), manifest.to_json())];
    pairs.extend(
        metadata
            .iter()
            .map(|(key, value)| KeyValue::new((*key).to_string(), value.clone())),
    );
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count((groups == RowGroups::OfOneSize).then_some(ROW_GROUP_ROWS))
        .set_key_value_metadata(Some(pairs))
        .build();
    atomic_file::write(path, |file| {
        let failed = |e: parquet::errors::ParquetError| Error::write(&e, path);
        let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(failed)?;
        let value = fill(&mut |batch| {
            if batch.schema() != schema {
                return Err(unlike(&batch.schema(), &schema).file(path));
            }
            writer.write(&batch).map_err(failed)?;
            match groups {
                RowGroups::OfOneSize => Ok(()),
                RowGroups::Pieces => writer.flush().map_err(failed),
            }
        })?;
        checksums::finish(writer).map_err(failed)?;
        Ok(value)
    })
}

/// The error of a piece whose columns have other types than the file's: texts that offsets of 32 bits do not reach, or its
/// maker erred.
fn unlike(piece: &Schema, file: &Schema) -> Error {
    let long = |field: &&Arc<Field>| {
        let short = file.field_with_name(field.name()).map(Field::data_type);
        field.data_type() == &DataType::LargeUtf8 && short.is_ok_and(|short| short == &DataType::Utf8)
    };
    match piece.fields().iter().find(long) {
        Some(field) => Error::data("more than 2 GiB of text stand together in a column")
            .column(field.name())
            .hint("shorten the longest ids and texts"),
        None => Error::data("a piece has columns of other types than the file"),
    }
}
