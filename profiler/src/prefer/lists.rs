//! Candidate lists of users and items that are known.

use std::path::Path;

use common::schema::candidates::Candidates;
use common::schema::items::Items;
use common::schema::states::States;
use common::{Error, Result, terminal};

use crate::subjects::Unknown;

/// A candidate list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    /// Its row among the candidates.
    pub(super) row: usize,
    /// The row of its user's state.
    pub(super) state: usize,
    /// Codes of the catalogue; at least one.
    pub(super) items: Vec<u32>,
}

/// The lists of `candidates` with a known user and at least one known item, in their order; of each the first
/// `at_most` items. What is unknown is left out, and counted in a warning.
///
/// # Errors
/// When nothing is left; `place` is the file of the candidates.
pub(super) fn known(
    candidates: &Candidates,
    states: &States,
    catalogue: &Items,
    at_most: Option<usize>,
    place: &Path,
) -> Result<Vec<List>> {
    let mut lists = Vec::with_capacity(candidates.items.len());
    let (mut no_state, mut no_item, mut no_items) = (Unknown::default(), Unknown::default(), 0);
    for (row, (user, items)) in candidates.user_id.iter().zip(&candidates.items).enumerate() {
        let Some(state) = states.users.code(user) else {
            no_state.note(user);
            continue;
        };
        let asked = items.iter().take(at_most.unwrap_or(usize::MAX));
        let known: Vec<u32> = asked
            .filter_map(|id| {
                let code = catalogue.ids.code(id);
                if code.is_none() {
                    no_item.note(id);
                }
                code
            })
            .collect();
        if known.is_empty() {
            no_items += 1;
            continue;
        }
        lists.push(List {
            row,
            state: state as usize,
            items: known,
        });
    }
    if lists.is_empty() {
        let why = if no_items == 0 {
            format!("none of the users has a state, such as `{}`", no_state.first)
        } else {
            format!(
                "none of the candidates is in the catalogue, such as `{}`",
                no_item.first
            )
        };
        return Err(Error::usage(why)
            .file(place)
            .hint("candidates, states and items must come from the same data"));
    }
    no_state.warn(|count| format!("{count} lists are of users without a state"));
    no_item.warn(|count| format!("{count} candidates are not in the catalogue"));
    if no_items > 0 {
        terminal::warn(&format!(
            "{no_items} lists are left out: none of their candidates is known"
        ));
    }
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ids::{Dictionary, IdKind};

    fn ids(names: &[&str]) -> Dictionary {
        Dictionary::from_values(IdKind::Text, names.iter().map(|n| n.to_string())).unwrap()
    }

    fn known_of(lists: &[(&str, &[&str])], at_most: Option<usize>) -> Result<Vec<List>> {
        let candidates = Candidates {
            user_id: lists.iter().map(|(user, _)| user.to_string()).collect(),
            items: lists
                .iter()
                .map(|(_, items)| items.iter().map(|i| i.to_string()).collect())
                .collect(),
        };
        let states = States {
            users: ids(&["u", "v"]),
            ..States::default()
        };
        let catalogue = Items {
            ids: ids(&["a", "b", "c"]),
            ..Items::default()
        };
        known(&candidates, &states, &catalogue, at_most, Path::new("c"))
    }

    #[test]
    fn what_is_unknown_is_left_out_and_the_order_kept() {
        let found = known_of(
            &[
                ("v", &["c", "x", "a"]),
                ("w", &["a"]),
                ("u", &["x"]),
                ("u", &["b"]),
            ],
            None,
        );
        let list = |row, state, items: &[u32]| List {
            row,
            state,
            items: items.to_vec(),
        };
        assert_eq!(found.unwrap(), [list(0, 1, &[2, 0]), list(3, 0, &[1])]);
    }

    #[test]
    fn nothing_known_is_an_error_that_says_what() {
        let refused = |lists| known_of(lists, None).unwrap_err().to_string();
        assert!(refused(&[("w", &["a"])]).contains("none of the users has a state, such as `w`"));
        assert!(
            refused(&[("u", &["x"])]).contains("none of the candidates is in the catalogue, such as `x`")
        );
    }

    #[test]
    fn a_list_is_cut_from_its_end() {
        let found = known_of(&[("u", &["c", "x", "a"])], Some(2)).unwrap();
        assert_eq!(found[0].items, [2]);
    }
}
