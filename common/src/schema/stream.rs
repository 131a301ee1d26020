//! Reading one column of a Parquet artifact batch by batch: memory for what is kept of it, and not for the file.

use std::path::Path;

use arrow::datatypes::DataType;

use super::column::{each_id, id_kind, intern_new};
use super::file::ParquetFile;
use super::parts;
use super::table::{self, Chunk};
use crate::Result;
use crate::ids::{Dictionary, IdKind};

/// Room for so many ids is made at once where a footer promises them; a damaged footer cannot ask for more.
const MOST_ROOM: usize = 1 << 24;

/// The type of the ids in `column` of a file.
///
/// # Errors
/// A missing or unreadable file, a missing column, a type that is neither text nor integer.
pub(crate) fn kind_of_ids(path: &Path, column: &str) -> Result<IdKind> {
    let file = ParquetFile::open(path)?;
    id_kind(Some(file.column_type(column)?), column, path)
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
pub(crate) fn each_batch<'a>(
    path: &Path,
    columns: &[&'a str],
    allowed: &[&str],
    mut take: impl FnMut(&mut [Dictionary], &[Chunk<'_>]) -> Result<()>,
) -> Result<Vec<Dictionary>> {
    let mut ids: Vec<Dictionary> = Vec::with_capacity(columns.len());
    for path in parts::files(path)? {
        let file = ParquetFile::open(&path)?;
        table::require_artifact(&file, allowed)?;
        for (at, column) in columns.iter().enumerate() {
            let kind = id_kind(Some(file.column_type(column)?), column, &path)?;
            if ids.len() == at {
                ids.push(Dictionary::new(kind));
            }
        }
        file.each_batch(columns, |first_row, batch| {
            let place = (path.as_path(), file.row_groups(), first_row);
            let chunk = |column: &&'a str| Chunk::of(&batch, column, &DataType::LargeUtf8, place);
            let chunks = columns.iter().map(chunk).collect::<Result<Vec<_>>>()?;
            take(&mut ids, &chunks)
        })?;
    }
    Ok(ids)
}
