//! Reading one column of a Parquet artifact batch by batch: memory for what is kept of it, and not for the file.

use std::path::Path;

use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;

use super::column::{each_id, id_kind, intern_new};
use super::table::{self, BATCH_ROWS, Chunk};
use crate::ids::{Dictionary, IdKind};
use crate::{Result, fence};

/// Room for so many ids is made at once where a footer promises them; a damaged footer cannot ask for more.
const MOST_ROOM: usize = 1 << 24;

/// The type of the ids in `column` of a file.
///
/// # Errors
/// A missing or unreadable file, a missing column, a type that is neither text nor integer.
pub(crate) fn kind_of_ids(path: &Path, column: &str) -> Result<IdKind> {
    let builder = table::open(path)?;
    match builder.schema().column_with_name(column) {
        Some((_, field)) => id_kind(Some(field.data_type()), column, path),
        None => Err(table::missing(builder.schema(), column, path)),
    }
}

/// The unique ids in `column` of a file or a folder of part files whose manifests, if any, are of a kind in `allowed`.
///
/// # Errors
/// As [`each_batch`], and a null, an empty or repeated id.
pub(crate) fn unique_ids(path: &Path, column: &str, allowed: &[&str]) -> Result<Dictionary> {
    let mut ids = each_batch(path, &[column], allowed, |ids, chunks| {
        let (Some(ids), Some(chunk)) = (ids.first_mut(), chunks.first()) else {
            return Ok(());
        };
        ids.reserve(chunk.promised().min(MOST_ROOM).saturating_sub(ids.len()));
        each_id(chunk, |row, id| intern_new(ids, chunk, row, id))
    })?;
    Ok(ids.pop().unwrap_or_default())
}

/// Hands these columns of ids, as text, to `take`, a batch of rows at a time, with a dictionary for each column, empty at
/// first and of the type of its ids; gives the dictionaries. `path` is a file or a folder of part files whose manifests, if
/// any, are of a kind in `allowed`.
///
/// # Errors
/// A missing or unreadable file, another artifact, a missing column, a type that is neither text nor integer; those of
/// `take`.
pub(crate) fn each_batch(
    path: &Path,
    columns: &[&str],
    allowed: &[&str],
    mut take: impl FnMut(&mut [Dictionary], &[Chunk<'_>]) -> Result<()>,
) -> Result<Vec<Dictionary>> {
    let mut ids: Vec<Dictionary> = Vec::with_capacity(columns.len());
    for path in table::part_paths(path)? {
        let builder = table::open(&path)?;
        table::require_artifact(table::footer(&builder), allowed, &path)?;
        let row_groups = table::row_groups(&builder);
        let schema = builder.schema().clone();
        let mut roots = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            let Some((root, field)) = schema.column_with_name(column) else {
                return Err(table::missing(&schema, column, &path));
            };
            let kind = id_kind(Some(field.data_type()), column, &path)?;
            if ids.len() == at {
                ids.push(Dictionary::new(kind));
            }
            roots.push(root);
        }
        let only = ProjectionMask::roots(builder.parquet_schema(), roots);
        let mut batches = builder
            .with_projection(only)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| table::damaged(e, &path))?;
        let mut first_row = 0;
        while let Some(batch) = fence::decode(|| batches.next()).map_err(|e| e.file(&path))? {
            let batch = batch.map_err(|e| table::damaged(e, &path))?;
            let chunks = columns
                .iter()
                .map(|column| {
                    let place = (path.as_path(), row_groups.as_slice(), first_row);
                    Chunk::of(&batch, column, &DataType::LargeUtf8, place)
                })
                .collect::<Result<Vec<_>>>()?;
            take(&mut ids, &chunks)?;
            first_row += batch.num_rows();
        }
    }
    Ok(ids)
}
