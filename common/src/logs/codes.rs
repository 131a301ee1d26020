//! Ids to dense codes, many rows at a time over worker threads, with codes in the order of first appearance.

use super::ids::Ids;
use crate::ids::{BLOCK, Dictionary, IdKind};
use crate::parallel;

/// The codes of `ids`, which get new ones where `dictionary` does not know them, in the order of the rows.
///
/// The dictionary stays as it is while all workers look up; each collects the ids that it does not find, and these are
/// added one worker's after the other's. So the codes do not depend on the number of workers.
pub(super) fn intern(dictionary: &mut Dictionary, ids: &Ids, workers: usize) -> Vec<u32> {
    let mut codes = Vec::with_capacity(ids.len());
    for part in look_up_all(dictionary, ids, workers) {
        let start = codes.len();
        codes.extend(part.codes);
        let new: Vec<u32> = part.new.ids().map(|id| dictionary.intern(id)).collect();
        for (row, local) in part.pending {
            codes[start + row as usize] = new[local as usize];
        }
    }
    codes
}

/// The codes of `ids`, or the first row whose id is not known, and the id.
pub(super) fn known(dictionary: &Dictionary, ids: &Ids, workers: usize) -> Result<Vec<u32>, (usize, String)> {
    let mut codes = Vec::with_capacity(ids.len());
    for part in look_up_all(dictionary, ids, workers) {
        if let Some(&(row, local)) = part.pending.first() {
            return Err((codes.len() + row as usize, part.new.id(local).to_string()));
        }
        codes.extend(part.codes);
    }
    Ok(codes)
}

fn look_up_all(known: &Dictionary, ids: &Ids, workers: usize) -> Vec<Coded> {
    parallel::map(parallel::slices(ids.len(), workers), |(start, length)| {
        look_up(known, &ids.slice(start, length))
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

fn look_up(known: &Dictionary, ids: &Ids) -> Coded {
    let mut coded = Coded {
        codes: Vec::with_capacity(ids.len()),
        new: Dictionary::new(IdKind::Text),
        pending: Vec::new(),
    };
    let mut found = [None; BLOCK];
    ids.blocks(|block| {
        known.look_up(block, &mut found);
        for (id, code) in block.iter().zip(found) {
            let code = code.unwrap_or_else(|| {
                coded
                    .pending
                    .push((coded.codes.len() as u32, coded.new.intern(id)));
                0
            });
            coded.codes.push(code);
        }
    });
    coded
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringArray;

    #[test]
    fn codes_follow_the_rows_for_any_number_of_workers() {
        let ids: Vec<String> = (0..500).map(|row| format!("u{}", row * row % 131)).collect();
        let column = Ids::Text(StringArray::from_iter_values(&ids));
        let mut expected = Dictionary::new(IdKind::Text);
        let codes: Vec<u32> = ids.iter().map(|id| expected.intern(id)).collect();
        for workers in [1, 2, 3, 7] {
            let mut dictionary = Dictionary::new(IdKind::Text);
            let mut found = intern(&mut dictionary, &column.slice(0, 20), workers);
            let first_new = (20..500)
                .find(|&row| dictionary.code(&ids[row]).is_none())
                .unwrap();
            assert_eq!(
                known(&dictionary, &column, workers),
                Err((first_new, ids[first_new].clone()))
            );
            found.extend(intern(&mut dictionary, &column.slice(20, 480), workers));
            assert_eq!(found, codes);
            assert_eq!(known(&dictionary, &column, workers), Ok(found));
            assert!(dictionary.ids().eq(expected.ids()));
        }
    }
}
