//! Which rows are the log and which are held out.

use common::rng::{shuffle, stream};
use common::schema::interactions::Interactions;
use serde::Serialize;

/// How log and held-out truth were told apart, as the manifests record it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Split {
    /// Of every user's rows the earliest are the log.
    Time {
        /// The share of them that is.
        log_share: f64,
    },
    /// Of every user's rows some at random are the log.
    Random {
        /// The share of them that is.
        log_share: f64,
        /// The seed of the draw.
        seed: u64,
    },
    /// As the source gives it.
    Given,
}

/// Row indices of the log and of what is held out, both by user in code order and within a user by time.
pub(super) type Rows = (Vec<usize>, Vec<usize>);

/// The split in time: of a user's n rows the first floor(share n) go to the log, one at least; ties keep the file's
/// order.
pub(super) fn by_time(all: &Interactions, log_share: f64) -> Rows {
    let (mut log, mut held_out) = (Vec::new(), Vec::new());
    for rows in all.rows_by_user().into_iter().filter(|rows| !rows.is_empty()) {
        // The small addend keeps 0.8 of 10 from being 7.
        let cut = (log_share * rows.len() as f64 + 1e-9).floor() as usize;
        let (early, late) = rows.split_at(cut.clamp(1, rows.len()));
        log.extend_from_slice(early);
        held_out.extend_from_slice(late);
    }
    (log, held_out)
}

/// The split at random: of a user's n rows floor(share n) go to the log, one at least. Times stay as they are.
pub(super) fn at_random(all: &Interactions, log_share: f64, seed: u64) -> Rows {
    let mut drawn = all.clone();
    order_at_random(&mut drawn, seed, "import split");
    let in_time = |mut rows: Vec<usize>| {
        rows.sort_by_key(|&row| (all.user[row], all.timestamp[row], row));
        rows
    };
    let (log, held_out) = by_time(&drawn, log_share);
    (in_time(log), in_time(held_out))
}

/// Gives rows that the source has no time for a random order within each user: the timestamp becomes the row's
/// place (0, 1, ...) in a permutation drawn by seed, purpose and user, so that it carries no information.
pub(super) fn order_at_random(all: &mut Interactions, seed: u64, purpose: &str) {
    all.timestamp.fill(0);
    for (user, mut rows) in all.rows_by_user().into_iter().enumerate() {
        shuffle(&mut stream(seed, purpose, &[user as u64]), &mut rows);
        for (place, row) in rows.into_iter().enumerate() {
            all.timestamp[row] = place as i64;
        }
    }
}

/// The log and the held-out rows of `all`.
pub(super) fn apart(all: &Interactions, (log, held_out): &Rows) -> (Interactions, Interactions) {
    (subset(all, log), subset(all, held_out))
}

/// The rows of `all` at `rows`, in that order.
pub(super) fn subset(all: &Interactions, rows: &[usize]) -> Interactions {
    Interactions {
        users: all.users.clone(),
        items: all.items.clone(),
        user: rows.iter().map(|&row| all.user[row]).collect(),
        item: rows.iter().map(|&row| all.item[row]).collect(),
        timestamp: rows.iter().map(|&row| all.timestamp[row]).collect(),
        feedback: rows.iter().map(|&row| all.feedback[row]).collect(),
        propensity: rows.iter().map(|&row| all.propensity[row]).collect(),
        kind: all.kind,
    }
}

#[cfg(test)]
mod tests {
    use common::ids::{Dictionary, IdKind};
    use common::schema::interactions::{Feedback, Kind};

    use super::*;

    /// User 0 has ten rows in falling time, user 1 one row.
    fn eleven_rows() -> Interactions {
        let ids = |n: usize| Dictionary::from_values(IdKind::Integer, (0..n).map(|i| i.to_string())).unwrap();
        Interactions {
            users: ids(2),
            items: ids(10),
            user: (0..11).map(|row| u32::from(row == 10)).collect(),
            item: (0..11).map(|row| row % 10).collect(),
            timestamp: (0..11).map(|row| 100 - row).collect(),
            feedback: vec![1.0; 11],
            propensity: vec![None; 11],
            kind: Feedback {
                kind: Kind::Rating,
                like_threshold: 1.0,
            },
        }
    }

    #[test]
    fn the_earliest_rows_of_each_user_are_the_log() {
        let all = eleven_rows();
        let rows = by_time(&all, 0.8);
        assert_eq!(rows, (vec![9, 8, 7, 6, 5, 4, 3, 2, 10], vec![1, 0]));
        let (_, held_out) = apart(&all, &rows);
        assert_eq!(held_out.item, [1, 0]);
        assert_eq!(held_out.timestamp, [99, 100]);
    }

    #[test]
    fn a_random_share_of_each_user_is_the_log_in_the_order_of_time() {
        let all = eleven_rows();
        let (log, held_out) = at_random(&all, 0.5, 1);
        assert_eq!((log.len(), held_out.len()), (6, 5));
        assert_eq!(log[5], 10, "a single row goes to the log");
        assert!(log[..5].is_sorted_by(|a, b| a > b) && held_out.is_sorted_by(|a, b| a > b));
        let mut both: Vec<usize> = log.iter().chain(&held_out).copied().collect();
        both.sort_unstable();
        assert_eq!(both, (0..11).collect::<Vec<_>>());
        assert_eq!(at_random(&all, 0.5, 1), (log.clone(), held_out));
        assert_ne!(at_random(&all, 0.5, 2).0, log, "another seed, another half");
    }

    #[test]
    fn a_random_order_is_a_permutation_for_each_user() {
        let mut all = eleven_rows();
        order_at_random(&mut all, 7, "test");
        let mut places = all.timestamp[..10].to_vec();
        assert!(!places.is_sorted());
        places.sort_unstable();
        assert_eq!(places, (0..10).collect::<Vec<_>>());
        assert_eq!(all.timestamp[10], 0);
    }
}
