//! Ids to dense codes, many rows at a time over worker threads, with codes in the order of first appearance.

use common::ids::{Dictionary, IdKind};
use polars::prelude::StringChunked;

use super::parallel;

/// The codes of the ids of `column`, which get new ones where `dictionary` does not know them, in the order of the rows.
/// None where an id is null or empty.
///
/// The dictionary stays as it is while all workers look up; each collects the ids that it does not find, and these are
/// added one worker's after the other's. So the codes do not depend on the number of workers.
pub(super) fn intern(
    dictionary: &mut Dictionary,
    column: &StringChunked,
    workers: usize,
) -> Option<Vec<u32>> {
    let mut codes = Vec::with_capacity(column.len());
    for part in look_up_all(dictionary, column, workers) {
        let part = part?;
        let start = codes.len();
        codes.extend(part.codes);
        let new: Vec<u32> = part.new.ids().map(|id| dictionary.intern(id)).collect();
        for (row, local) in part.pending {
            codes[start + row as usize] = new[local as usize];
        }
    }
    Some(codes)
}

/// The codes of the ids of `column`. None where an id is not known.
pub(super) fn known(dictionary: &Dictionary, column: &StringChunked, workers: usize) -> Option<Vec<u32>> {
    let mut codes = Vec::with_capacity(column.len());
    for part in look_up_all(dictionary, column, workers) {
        codes.extend(part.filter(|part| part.pending.is_empty())?.codes);
    }
    Some(codes)
}

fn look_up_all(known: &Dictionary, column: &StringChunked, workers: usize) -> Vec<Option<Coded>> {
    parallel::map(parallel::slices(column.len(), workers), |(start, length)| {
        look_up(known, &column.slice(start as i64, length))
    })
}

/// Rows of which some wait for the code of their id.
struct Coded {
    codes: Vec<u32>,
    /// Ids that were not known.
    new: Dictionary,
    /// Rows with such an id, and its code in `new`.
    pending: Vec<(u32, u32)>,
}

fn look_up(known: &Dictionary, ids: &StringChunked) -> Option<Coded> {
    let mut coded = Coded {
        codes: Vec::with_capacity(ids.len()),
        new: Dictionary::new(IdKind::Text),
        pending: Vec::new(),
    };
    let mut row = 0;
    for id in ids.iter() {
        let id = id.filter(|id| !id.is_empty())?;
        let code = known.code(id).unwrap_or_else(|| {
            coded.pending.push((row, coded.new.intern(id)));
            0
        });
        coded.codes.push(code);
        row += 1;
    }
    Some(coded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::{NewChunkedArray, PlSmallStr};

    #[test]
    fn codes_follow_the_rows_for_any_number_of_workers() {
        let ids: Vec<String> = (0..500).map(|row| format!("u{}", row * row % 131)).collect();
        let column = StringChunked::from_slice(PlSmallStr::EMPTY, &ids);
        let mut expected = Dictionary::new(IdKind::Text);
        let codes: Vec<u32> = ids.iter().map(|id| expected.intern(id)).collect();
        for workers in [1, 2, 3, 7] {
            let mut dictionary = Dictionary::new(IdKind::Text);
            assert!(known(&dictionary, &column, workers).is_none());
            let mut found = intern(&mut dictionary, &column.slice(0, 200), workers).unwrap();
            found.extend(intern(&mut dictionary, &column.slice(200, 300), workers).unwrap());
            assert_eq!(found, codes);
            assert_eq!(known(&dictionary, &column, workers), Some(found));
            assert!(dictionary.ids().eq(expected.ids()));
        }
    }

    #[test]
    fn null_and_empty_ids_have_no_code() {
        for bad in [None, Some("")] {
            let column = StringChunked::from_slice_options(PlSmallStr::EMPTY, &[Some("a"), bad]);
            assert!(intern(&mut Dictionary::default(), &column, 2).is_none());
        }
    }
}
