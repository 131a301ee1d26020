//! Candidate lists: items that a user could be shown, for the verbs that ask which of them the user would like.
//! `profiler candidates` writes them; see [`run`].
//!
//! [`held_out`] mixes likes that the states left out with items that the user never met: what `eval` measures on
//! and `prefer` can be asked about. [`unseen`] has only the latter: what a recommender would choose from. A list
//! depends on the data, the seed and the user's id alone, so that every verb gets the same one.

mod belonging;
mod draw;
mod histories;
mod left_out;
mod lists;

use std::ops::Range;

use common::fingerprint::Fingerprint;
use common::ids::Dictionary;
use common::rng;
use common::schema::items::Items;
use common::schema::states::States;

pub use belonging::{require_cut, require_hold_out, require_log};
pub use draw::Weighting;
pub use histories::{Histories, History};
pub use left_out::LeftOut;
pub use lists::{Config, Kind, run};

/// The candidates of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// The row of the user's state.
    pub row: usize,
    /// Codes of the items in the catalogue, in an order that tells nothing.
    pub items: Vec<u32>,
    /// Whether each is a held-out like.
    pub positive: Vec<bool>,
}

/// How lists are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Items that the user never met, at most, in a list.
    pub unseen: usize,
    /// How likely each of them is to be drawn.
    pub weighting: Weighting,
    /// Users, at most; 0 is all of them. A smaller sample is a part of a larger one.
    pub users: usize,
    /// Seed of all choices.
    pub seed: u64,
}

/// Held-out likes among unseen items, and what they were drawn from.
#[derive(Clone, Debug)]
pub struct HeldOut {
    /// A list a user, in the order of the states.
    pub candidates: Vec<Candidates>,
    /// How many likes each item of the catalogue has in the log, the held-out ones not counted.
    pub popularity: Vec<u32>,
    /// Who and what could not be used.
    pub left_out: LeftOut,
}

/// For each of `draw.users` users: those of the last `per_user` likes of the log that are of items which the user
/// met once, and unseen items. `histories` is the log that `states` were made from, without these likes.
///
/// Users with none of these likes, or with no like in their state to judge by, are counted and passed over before
/// the sample is drawn. The sample is drawn of all users; lists are made, and users counted, of the `rows` of the states.
pub fn held_out(
    histories: &Histories,
    catalogue: &Items,
    states: &States,
    per_user: usize,
    draw: &Draw,
    rows: Range<usize>,
) -> HeldOut {
    let popularity = histories.popularity(per_user);
    let weights = draw.weighting.weights(&popularity);
    let (mut left_out, mut elsewhere) = (LeftOut::default(), LeftOut::default());
    let mut usable = Vec::new();
    for (row, history) in histories.rows().iter().enumerate() {
        let counted = if rows.contains(&row) {
            &mut left_out
        } else {
            &mut elsewhere
        };
        let positives = counted.positives(history, per_user);
        if counted.usable(&positives, has_known_like(catalogue, states, row)) {
            usable.push((row, positives));
        }
    }
    sample(&mut usable, &states.users, draw);
    usable.retain(|(row, _)| rows.contains(row));
    let mut candidates = Vec::with_capacity(usable.len());
    for (row, positives) in usable {
        let key = key(&states.users, row);
        let negatives = draw::unseen(&histories.rows()[row], &weights, draw, key);
        if left_out.enough(negatives.len(), draw.unseen) {
            candidates.push(shuffled(row, &positives, &negatives, draw.seed, key));
        }
    }
    HeldOut {
        candidates,
        popularity,
        left_out,
    }
}

/// For each of `draw.users` users of `users`, those of the states: items that they had not met before the last
/// `per_user` of their likes. Who has met all there is gets no list.
///
/// The held-out likes are among what can be drawn: a list must not tell which they are by lacking them.
pub fn unseen(histories: &Histories, users: &Dictionary, per_user: usize, draw: &Draw) -> Vec<Candidates> {
    let weights = draw.weighting.weights(&histories.popularity(per_user));
    let mut rows: Vec<(usize, ())> = (0..histories.rows().len()).map(|row| (row, ())).collect();
    sample(&mut rows, users, draw);
    let list = |(row, ())| {
        let key = key(users, row);
        let items = draw::unseen(&histories.rows()[row].before(per_user), &weights, draw, key);
        (!items.is_empty()).then(|| shuffled(row, &[], &items, draw.seed, key))
    };
    rows.into_iter().filter_map(list).collect()
}

fn has_known_like(catalogue: &Items, states: &States, row: usize) -> bool {
    let state = states.items[row].iter().zip(&states.liked[row]);
    state
        .into_iter()
        .any(|(item, &liked)| liked && catalogue.ids.code(item).is_some())
}

/// What a user's choices are drawn by: the id, and not the place among other users.
fn key(users: &Dictionary, row: usize) -> u64 {
    Fingerprint::of_bytes(users.id(row as u32).as_bytes()).to_u64()
}

/// Keeps `draw.users` of the rows, in their order.
fn sample<T>(rows: &mut Vec<(usize, T)>, users: &Dictionary, draw: &Draw) {
    if draw.users == 0 || rows.len() <= draw.users {
        return;
    }
    let lot = |row: usize| {
        let mut rng = rng::stream(draw.seed, "candidates: users", &[key(users, row)]);
        (rng::RngExt::random::<u64>(&mut rng), row)
    };
    let mut lots: Vec<(u64, usize)> = rows.iter().map(|&(row, _)| lot(row)).collect();
    lots.sort_unstable();
    let last = lots[draw.users - 1];
    rows.retain(|&(row, _)| lot(row) <= last);
}

fn shuffled(row: usize, positives: &[u32], negatives: &[u32], seed: u64, key: u64) -> Candidates {
    let positives = positives.iter().map(|&item| (item, true));
    let negatives = negatives.iter().map(|&item| (item, false));
    let mut mixed: Vec<(u32, bool)> = positives.chain(negatives).collect();
    rng::shuffle(&mut rng::stream(seed, "candidates: order", &[key]), &mut mixed);
    let (items, positive) = mixed.into_iter().unzip();
    Candidates { row, items, positive }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ids::IdKind;

    const ITEMS: u32 = 40;
    const ALL: Range<usize> = 0..usize::MAX;

    fn ids(count: u32) -> Dictionary {
        Dictionary::from_values(IdKind::Integer, (0..count).map(|n| n.to_string())).unwrap()
    }

    /// User n met the items n, n + 1, ..., n + 5 in this order and liked all but the last.
    fn world(users: u32) -> (Histories, Items, States) {
        let met = |user: u32| (user..user + 6).map(|item| item % ITEMS);
        let history = |user| History {
            items: met(user).map(Some).collect(),
            liked: vec![true, true, true, true, true, false],
        };
        let catalogue = Items {
            ids: ids(ITEMS),
            ..Items::default()
        };
        let states = States {
            users: ids(users),
            items: (0..users)
                .map(|user| met(user).take(2).map(|item| item.to_string()).collect())
                .collect(),
            liked: vec![vec![false, true]; users as usize],
            ..States::default()
        };
        let histories = Histories::new((0..users).map(history).collect(), ITEMS as usize);
        (histories, catalogue, states)
    }

    fn draw(users: usize, seed: u64) -> Draw {
        Draw {
            unseen: 8,
            weighting: Weighting::Popularity,
            users,
            seed,
        }
    }

    #[test]
    fn held_out_likes_stand_among_unseen_items() {
        let (histories, catalogue, states) = world(ITEMS);
        let found = held_out(&histories, &catalogue, &states, 2, &draw(0, 1), ALL);
        assert_eq!(found.candidates.len(), ITEMS as usize);
        // Each item was liked by five users, and is one of the last two likes of two of them.
        assert_eq!(found.popularity, vec![3; ITEMS as usize]);
        for list in &found.candidates {
            let user = list.row as u32;
            let pick = |positive: bool| {
                let both = list.items.iter().zip(&list.positive);
                both.filter(move |(_, is)| **is == positive)
                    .map(|(&item, _)| item)
            };
            let mut positives: Vec<u32> = pick(true).collect();
            positives.sort_unstable();
            let mut expected = [(user + 3) % ITEMS, (user + 4) % ITEMS];
            expected.sort_unstable();
            assert_eq!(positives, expected);
            assert!(pick(false).all(|item| (item + ITEMS - user) % ITEMS >= 6));
            assert_eq!(list.items.len(), 10);
        }
        let first = |list: &Candidates| list.positive[0];
        assert!(found.candidates.iter().any(first) && !found.candidates.iter().all(first));
    }

    #[test]
    fn a_user_gets_the_same_list_whoever_else_is_there() {
        let (histories, catalogue, states) = world(ITEMS);
        let lists =
            |users, seed| held_out(&histories, &catalogue, &states, 2, &draw(users, seed), ALL).candidates;
        let (all, some, few) = (lists(0, 1), lists(20, 1), lists(5, 1));
        assert_eq!((some.len(), few.len()), (20, 5));
        assert!(some.iter().all(|list| all.contains(list)));
        assert!(few.iter().all(|list| some.contains(list)));
        assert!(some.is_sorted_by_key(|list| list.row));
        assert_ne!(lists(0, 2), all);
        assert_ne!(
            lists(5, 2).iter().map(|l| l.row).collect::<Vec<_>>(),
            few.iter().map(|l| l.row).collect::<Vec<_>>()
        );
    }

    #[test]
    fn users_without_what_it_takes_are_passed_over_and_counted() {
        let (histories, catalogue, mut states) = world(4);
        states.liked[1] = vec![false, false];
        let mut rows = histories.rows().to_vec();
        rows[2].liked = vec![false; 6];
        let histories = Histories::new(rows, ITEMS as usize);
        let found = held_out(&histories, &catalogue, &states, 1, &draw(0, 1), ALL);
        assert_eq!(
            found.candidates.iter().map(|list| list.row).collect::<Vec<_>>(),
            [0, 3]
        );
        let LeftOut {
            usable_users,
            users_without_held_out,
            users_without_likes,
            ..
        } = found.left_out;
        assert_eq!(
            (usable_users, users_without_held_out, users_without_likes),
            (2, 1, 1)
        );
    }

    #[test]
    fn unseen_lists_have_no_item_of_the_log() {
        let (histories, _, states) = world(ITEMS);
        let lists = unseen(&histories, &states.users, 0, &draw(10, 1));
        assert_eq!(lists.len(), 10);
        for list in lists {
            assert_eq!(list.items.len(), 8);
            let seen = &histories.rows()[list.row].items;
            assert!(list.items.iter().all(|&item| !seen.contains(&Some(item))));
            assert!(!list.positive.contains(&true));
        }
        let all = Draw {
            unseen: ITEMS as usize,
            ..draw(0, 1)
        };
        for list in unseen(&histories, &states.users, 2, &all) {
            // Three likes came before the last two: those two and the item after them are not known yet.
            assert_eq!(list.items.len(), ITEMS as usize - 3);
        }
    }
}
