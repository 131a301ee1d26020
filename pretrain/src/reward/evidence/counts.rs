//! How often two items were liked by the same user, close to each other in the log.

use common::Result;
use common::rng::{RngExt, stream};

use crate::data::{Dataset, Event};

/// Pairs that are counted at most: 128 MB while they are sorted, and at worst as much again for the table.
const PAIRS: u64 = 16_000_000;
/// A like counts with so many likes before it, and they with it, in small logs and in large ones.
const REACH: [u64; 2] = [5, 30];

/// For each item the items that were liked near it, ascending, with counts: rows of a sparse symmetric matrix.
#[derive(Clone, Debug, Default)]
pub(crate) struct CoLikes {
    /// Where each item's row begins, and at last where the last one ends.
    start: Vec<usize>,
    items: Vec<u32>,
    counts: Vec<u32>,
    /// Sum of each row.
    totals: Vec<u32>,
}

impl CoLikes {
    /// Counts the part of each user's log that `part` gives, which holds `likes` likes of `items` items. Where that is
    /// more than [`PAIRS`] allow, fewer likes before each are counted, then fewer users, drawn at random.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn of_log(
        dataset: &Dataset,
        part: fn(&[Event]) -> &[Event],
        likes: f64,
        seed: u64,
    ) -> Result<Self> {
        let allowed = PAIRS as f64 / 2.0 / likes.max(1.0);
        let reach = (allowed as u64).clamp(REACH[0], REACH[1]) as usize;
        let share = allowed / reach as f64;
        let mut pairs = Vec::with_capacity((2.0 * likes * reach as f64).min(PAIRS as f64) as usize);
        let mut liked = Vec::new();
        dataset.replay.visit(|user, log| {
            if share < 1.0 && stream(seed, "reward/evidence", &[u64::from(user)]).random::<f64>() >= share {
                return Ok(());
            }
            let events = part(log).iter();
            liked.clear();
            liked.extend(
                events
                    .filter(|(_, feedback)| *feedback > 0.0)
                    .map(|(item, _)| *item),
            );
            push(&liked, reach, &mut pairs);
            Ok(())
        })?;
        Ok(Self::of_pairs(dataset.items.len(), pairs))
    }

    /// From pairs, each as two halves of a number.
    fn of_pairs(items: usize, mut pairs: Vec<u64>) -> Self {
        pairs.sort_unstable();
        let mut table = CoLikes {
            start: Vec::with_capacity(items + 1),
            totals: vec![0; items],
            ..CoLikes::default()
        };
        for same in pairs.chunk_by(|a, b| a == b) {
            let (row, column) = ((same[0] >> 32) as usize, same[0] as u32);
            while table.start.len() <= row {
                table.start.push(table.items.len());
            }
            table.items.push(column);
            table.counts.push(same.len() as u32);
            table.totals[row] += same.len() as u32;
        }
        table.start.resize(items + 1, table.items.len());
        table
    }

    /// How often `a` and `b` were liked near each other.
    pub(crate) fn together(&self, a: u32, b: u32) -> u32 {
        let row = self.start[a as usize]..self.start[a as usize + 1];
        let found = self.items[row.clone()].binary_search(&b);
        found.map_or(0, |at| self.counts[row.start + at])
    }

    /// How often anything was liked near `item`.
    pub(crate) fn total(&self, item: u32) -> u32 {
        self.totals[item as usize]
    }
}

/// Each of a user's likes, oldest first, with the `reach` before it, both ways round.
fn push(liked: &[u32], reach: usize, pairs: &mut Vec<u64>) {
    let pair = |a: u32, b: u32| (u64::from(a) << 32) | u64::from(b);
    for (at, &item) in liked.iter().enumerate() {
        for &before in &liked[at.saturating_sub(reach)..at] {
            if before != item {
                pairs.extend([pair(before, item), pair(item, before)]);
            }
        }
    }
}

#[cfg(test)]
impl CoLikes {
    /// From users' likes of `items` items, oldest first.
    pub(crate) fn of_likes(items: usize, users: &[Vec<u32>]) -> Self {
        let mut pairs = Vec::new();
        users.iter().for_each(|liked| push(liked, 30, &mut pairs));
        Self::of_pairs(items, pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::example::two_kinds;

    #[test]
    fn the_table_holds_what_a_count_of_all_pairs_finds() {
        let dataset = two_kinds();
        let table = CoLikes::of_log(&dataset, |log| log, 720.0, 0).unwrap();
        let logs = dataset.logs().unwrap();
        let liked = |user: usize, item: u32| logs[user].contains(&(item, 1.0));
        for a in 0..40 {
            let mut total = 0;
            for b in 0..40 {
                let both = (0..60).filter(|&user| a != b && liked(user, a) && liked(user, b));
                let both = both.count() as u32;
                assert_eq!(table.together(a, b), both, "{a} {b}");
                total += both;
            }
            assert_eq!(table.total(a), total);
        }
    }

    #[test]
    fn far_likes_and_repeats_do_not_count() {
        let mut pairs = Vec::new();
        push(&[0, 1, 2, 1], 1, &mut pairs);
        let table = CoLikes::of_pairs(5, pairs);
        assert_eq!(
            [table.together(0, 1), table.together(1, 2), table.together(0, 2)],
            [1, 2, 0]
        );
        assert_eq!(
            [table.together(1, 1), table.total(4), table.together(4, 4)],
            [0, 0, 0]
        );
    }

    /// A log said to be so large that the bound is met keeps about its share of the users.
    #[test]
    fn large_logs_are_sampled_by_user() {
        let dataset = two_kinds();
        let pairs = |likes| {
            let table = CoLikes::of_log(&dataset, |log| log, likes, 0).unwrap();
            table.totals.iter().sum::<u32>()
        };
        let all_near = pairs(PAIRS as f64 / 2.0 / 5.0);
        assert!(all_near < pairs(720.0), "fewer likes before each");
        let half = pairs(PAIRS as f64 / 5.0);
        let share = f64::from(half) / f64::from(all_near);
        assert!((0.3..0.7).contains(&share), "{share}");
        assert_eq!(half, pairs(PAIRS as f64 / 5.0));
    }
}
