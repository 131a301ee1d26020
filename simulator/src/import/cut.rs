//! A part of the log alone: how much of a log is known is a matter of the dataset, and so it is decided here, for the
//! environment, for what learns from the log, and for what acts, alike. Rows that are cut leave behind whom the user is
//! known to have had, without feedback.

use std::collections::HashSet;

use common::rng::{Family, RngExt};
use common::schema::consumed::Consumed;
use common::schema::interactions::Interactions;

use super::split::subset;

/// How much of the log is left, and the seed of the draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogCut {
    /// The probability of each row to stay, from 0 to 1.
    pub fraction: f64,
    /// The seed of the draw.
    pub seed: u64,
}

/// A log after the cut.
pub(super) struct Parts {
    /// The rows that stay.
    pub(super) log: Interactions,
    /// The rows that are cut.
    pub(super) withheld: Interactions,
    /// The pairs of the rows that are cut, each once, without those that the log still has.
    pub(super) consumed: Consumed,
}

impl LogCut {
    /// The whole log.
    pub const WHOLE: LogCut = LogCut {
        fraction: 1.0,
        seed: 0,
    };

    /// Whether the whole log is left.
    pub fn is_whole(&self) -> bool {
        self.fraction >= 1.0
    }

    /// Cuts `log`. Each row has a draw of its own, keyed by seed and row: a row that stays at some fraction stays at every
    /// higher one.
    pub(super) fn of(&self, log: &Interactions) -> Parts {
        let draws = Family::new(self.seed, "log fraction", &[]);
        let stays = |row: &usize| draws.stream(*row as u64).random::<f64>() < self.fraction;
        let (kept, cut): (Vec<usize>, Vec<usize>) = (0..log.len()).partition(stays);
        let pair = |row: usize| (log.user[row], log.item[row]);
        let mut seen: HashSet<(u32, u32)> = kept.iter().map(|&row| pair(row)).collect();
        let new = |pair: &(u32, u32)| seen.insert(*pair);
        let (user, item) = cut.iter().map(|&row| pair(row)).filter(new).unzip();
        Parts {
            log: subset(log, &kept),
            withheld: subset(log, &cut),
            consumed: Consumed {
                users: log.users.clone(),
                items: log.items.clone(),
                user,
                item,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use common::ids::{Dictionary, IdKind};
    use common::schema::interactions::{Feedback, Kind};

    use super::*;

    /// 100 users with ten items each, and a second row of the first of them.
    fn log() -> Interactions {
        let ids = |n: usize| Dictionary::from_values(IdKind::Integer, (0..n).map(|i| i.to_string())).unwrap();
        Interactions {
            users: ids(100),
            items: ids(10),
            user: (0..1100).map(|row| row / 11).collect(),
            item: (0..1100).map(|row| row % 11 % 10).collect(),
            timestamp: (0..1100).collect(),
            feedback: (0..1100).map(|row| (row % 5) as f32).collect(),
            propensity: vec![None; 1100],
            kind: Feedback {
                kind: Kind::Rating,
                like_threshold: 4.0,
            },
        }
    }

    fn cut(fraction: f64, seed: u64) -> Parts {
        LogCut { fraction, seed }.of(&log())
    }

    fn pairs(user: &[u32], item: &[u32]) -> HashSet<(u32, u32)> {
        user.iter().copied().zip(item.iter().copied()).collect()
    }

    #[test]
    fn what_stays_of_a_small_part_stays_of_a_larger_one() {
        let (small, large) = (cut(0.1, 1), cut(0.5, 1));
        assert!((80..140).contains(&small.log.len()), "{}", small.log.len());
        assert!((500..600).contains(&large.log.len()), "{}", large.log.len());
        let of_large: HashSet<i64> = large.log.timestamp.iter().copied().collect();
        assert!(small.log.timestamp.iter().all(|row| of_large.contains(row)));
        assert_ne!(cut(0.1, 2).log.timestamp, small.log.timestamp);
    }

    #[test]
    fn cut_rows_keep_their_feedback_apart_and_leave_their_pairs() {
        let all = log();
        let parts = cut(0.5, 3);
        let mut rows: Vec<i64> = [&parts.log.timestamp[..], &parts.withheld.timestamp].concat();
        rows.sort_unstable();
        assert_eq!(rows, all.timestamp);
        let of = |part: &Interactions| pairs(&part.user, &part.item);
        let consumed = pairs(&parts.consumed.user, &parts.consumed.item);
        assert_eq!(consumed.len(), parts.consumed.len(), "each pair once");
        assert!(
            consumed.is_disjoint(&of(&parts.log)),
            "of these feedback is known"
        );
        assert_eq!(&consumed | &of(&parts.log), of(&all));
        let feedback = |row: usize| (parts.withheld.timestamp[row] % 5) as f32;
        assert!((0..parts.withheld.len()).all(|row| parts.withheld.feedback[row] == feedback(row)));
    }

    #[test]
    fn nothing_and_all_can_be_left() {
        let (none, all) = (cut(0.0, 1), cut(1.0, 1));
        assert_eq!((none.log.len(), none.consumed.len()), (0, 1000));
        assert_eq!(
            (all.log.len(), all.withheld.len(), all.consumed.len()),
            (1100, 0, 0)
        );
    }
}
