//! Drawing items that a user never met.

use clap::ValueEnum;
use common::rng::{self, RngExt};

use super::{Draw, History};

/// How likely an unseen item is to be drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Weighting {
    /// In proportion to its likes: a method cannot win by telling what is liked at all from what is not
    /// (all alike while there is no like)
    #[default]
    Popularity,
    /// All items alike
    Uniform,
}

impl Weighting {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Weighting::Popularity => "popularity",
            Weighting::Uniform => "uniform",
        }
    }

    /// The weight of each item, from its likes.
    pub(super) fn weights(self, popularity: &[u32]) -> Vec<u32> {
        match self {
            // Where nothing has a like yet, no item is more popular than another.
            Weighting::Popularity if popularity.iter().any(|&likes| likes > 0) => popularity.to_vec(),
            Weighting::Popularity | Weighting::Uniform => vec![1; popularity.len()],
        }
    }
}

/// Up to `draw.unseen` items that `history` does not hold, one after the other in proportion to their weights and
/// without replacement; fewer where fewer have a weight.
///
/// Each item waits for an exponential time of its weight's rate, and the first to arrive are taken (Efraimidis and
/// Spirakis 2006, "Weighted random sampling with a reservoir").
pub(super) fn unseen(history: &History, weights: &[u32], draw: &Draw, user: u64) -> Vec<u32> {
    let mut rng = rng::stream(draw.seed, "candidates: unseen", &[user]);
    let mut seen: Vec<u32> = history.items.iter().flatten().copied().collect();
    seen.sort_unstable();
    let mut arrivals: Vec<(f64, u32)> = Vec::with_capacity(weights.len());
    for (item, &weight) in (0..).zip(weights) {
        // A draw for every item: that of one does not depend on which others there are.
        let wait = -(1.0 - rng.random::<f64>()).ln();
        if weight > 0 && seen.binary_search(&item).is_err() {
            arrivals.push((wait / f64::from(weight), item));
        }
    }
    let order = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if draw.unseen < arrivals.len() {
        arrivals.select_nth_unstable_by(draw.unseen, order);
        arrivals.truncate(draw.unseen);
    }
    arrivals.sort_unstable_by(order);
    arrivals.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(unseen: usize) -> Draw {
        Draw {
            unseen,
            weighting: Weighting::Popularity,
            users: 0,
            seed: 1,
        }
    }

    #[test]
    fn only_unseen_items_with_a_weight_are_drawn_each_once() {
        let history = History {
            items: vec![Some(0), None],
            liked: vec![true, true],
        };
        let mut all = unseen(&history, &[9, 1, 0, 2], &draw(10), 7);
        all.sort_unstable();
        assert_eq!(all, [1, 3]);
        assert_eq!(unseen(&history, &[9, 1, 0, 2], &draw(1), 7).len(), 1);
    }

    #[test]
    fn items_come_in_proportion_to_their_weights() {
        let first = |user| unseen(&History::default(), &[1, 3, 0], &draw(1), user)[0];
        let heavy = (0..4000).filter(|&user| first(user) == 1).count();
        assert!((2900..3100).contains(&heavy), "{heavy} of 4000, not 3000");
    }
}
