//! Reading one column of a Parquet artifact batch by batch: memory for what is kept of it, and not for the file.

use std::path::Path;

use super::column::{each_id, id_kind, intern_new};
use super::table::{self, Chunk};
use crate::Result;
use crate::ids::{Dictionary, IdKind};

/// Room for so many ids is made at once where a footer promises them; a damaged footer cannot ask for more.
const MOST_ROOM: usize = 1 << 24;

/// The type of the ids in `column` of a file, or of a folder of part files.
///
/// # Errors
/// A missing or unreadable file, a missing column, a type that is neither text nor integer.
pub(crate) fn kind_of_ids(path: &Path, column: &str) -> Result<IdKind> {
    id_kind(&table::open_parts(path, &[])?, column)
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
    let files = table::open_parts(path, allowed)?;
    let kinds = columns.iter().map(|column| id_kind(&files, column));
    let mut ids: Vec<Dictionary> = kinds
        .map(|kind| kind.map(Dictionary::new))
        .collect::<Result<_>>()?;
    for file in &files {
        file.each_batch(columns, |first_row, batch| {
            let place = (file.path(), file.row_groups(), first_row);
            let chunk = |column: &&'a str| Chunk::of_ids(&batch, column, place);
            let chunks = columns.iter().map(chunk).collect::<Result<Vec<_>>>()?;
            take(&mut ids, &chunks)
        })?;
    }
    Ok(ids)
}
