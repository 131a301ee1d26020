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
/// A missing or unreadable file, another artifact, a missing column, a type that is neither text nor integer, a null,
/// an empty or repeated id.
pub(crate) fn unique_ids(path: &Path, column: &str, allowed: &[&str]) -> Result<Dictionary> {
    let mut ids: Option<Dictionary> = None;
    for path in table::part_paths(path)? {
        let builder = table::open(&path)?;
        table::require_artifact(table::footer(&builder), allowed, &path)?;
        let row_groups = table::row_groups(&builder);
        let schema = builder.schema().clone();
        let Some((root, field)) = schema.column_with_name(column) else {
            return Err(table::missing(&schema, column, &path));
        };
        let ids = match &mut ids {
            Some(ids) => ids,
            none => none.insert(Dictionary::new(id_kind(Some(field.data_type()), column, &path)?)),
        };
        let promised = row_groups
            .iter()
            .fold(0usize, |sum, rows| sum.saturating_add(*rows));
        ids.reserve(promised.min(MOST_ROOM));
        let only = ProjectionMask::roots(builder.parquet_schema(), [root]);
        let mut batches = builder
            .with_projection(only)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| table::damaged(e, &path))?;
        let mut first_row = 0;
        while let Some(batch) = fence::decode(|| batches.next()).map_err(|e| e.file(&path))? {
            let batch = batch.map_err(|e| table::damaged(e, &path))?;
            let chunk = Chunk::of(
                &batch,
                column,
                &DataType::LargeUtf8,
                (&path, &row_groups, first_row),
            )?;
            each_id(&chunk, |row, id| intern_new(ids, &chunk, row, id))?;
            first_row += batch.num_rows();
        }
    }
    Ok(ids.unwrap_or_default())
}
