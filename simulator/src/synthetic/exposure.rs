//! The logging policy: items by popularity, without replacement within a user, each with the exact probability that it
//! was drawn with given the user's earlier draws.

use common::rng::{ChaCha8Rng, RngExt, Weights};

/// Zipf's exponent: the item of popularity rank r (from 0) has the weight (r + 1)^-0.8.
const EXPONENT: f64 = 0.8;

/// Weights of items.
#[derive(Debug)]
pub(super) struct Exposure(Weights);

impl Exposure {
    /// `rank[i]` is item i's popularity rank, 0 for the most popular.
    pub(super) fn new(rank: &[u32]) -> Self {
        let weight = |&rank: &u32| (f64::from(rank) + 1.0).powf(-EXPONENT);
        Exposure(Weights::new(rank.iter().map(weight)))
    }

    /// Draws an item that is not in `shown` and adds it there, in order; gives it with its probability.
    ///
    /// A draw from all items that is thrown away where it is in `shown` is a draw from the others in proportion to
    /// their weights, so that the probability is w_i / (W - the weights of `shown`).
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng, shown: &mut Shown) -> (u32, f64) {
        loop {
            let item = self.0.draw(rng) as u32;
            if shown.add(item) {
                let weight = self.0.weight(item as usize);
                let probability = weight / (self.0.total() - shown.weight);
                shown.weight += weight;
                return (item, probability);
            }
        }
    }

    /// Draws an item uniformly from those that are not in `shown`, adds it there, and gives it with its probability.
    pub(super) fn draw_uniform(&self, rng: &mut ChaCha8Rng, shown: &mut Shown) -> (u32, f64) {
        let items = self.0.count();
        let left = items - shown.items.len();
        loop {
            let item = rng.random_range(0..items as u32);
            if shown.add(item) {
                return (item, 1.0 / left as f64);
            }
        }
    }
}

/// What a user was shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// In ascending order.
    pub(super) items: Vec<u32>,
    weight: f64,
}

impl Shown {
    fn add(&mut self, item: u32) -> bool {
        match self.items.binary_search(&item) {
            Ok(_) => false,
            Err(at) => {
                self.items.insert(at, item);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use common::rng::stream;

    use super::*;

    #[test]
    fn draws_come_as_often_as_their_probability_says() {
        let exposure = Exposure::new(&[2, 0, 1, 3]);
        let mut rng = stream(0, "test", &[]);
        let rounds = 60_000;
        // By first and second item: how often, and the product of the two probabilities.
        let mut pairs = std::collections::BTreeMap::new();
        for _ in 0..rounds {
            let mut shown = Shown::default();
            let (first, p) = exposure.draw(&mut rng, &mut shown);
            let (second, q) = exposure.draw(&mut rng, &mut shown);
            let pair = pairs.entry((first, second)).or_insert((0, p * q));
            pair.0 += 1;
            assert_eq!(pair.1, p * q);
        }
        assert_eq!(pairs.len(), 12);
        let total: f64 = pairs.values().map(|(_, p)| p).sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
        for ((first, second), (count, p)) in pairs {
            let (mean, sd) = (p * f64::from(rounds), (p * (1.0 - p) * f64::from(rounds)).sqrt());
            assert!(
                (f64::from(count) - mean).abs() < 4.5 * sd,
                "{first} {second}: {count} {mean} +- {sd}"
            );
        }
    }

    #[test]
    fn uniform_draws_leave_out_what_was_shown() {
        let exposure = Exposure::new(&[0, 1, 2]);
        let mut rng = stream(0, "test", &[]);
        let mut shown = Shown::default();
        let (first, _) = exposure.draw(&mut rng, &mut shown);
        let (second, p) = exposure.draw_uniform(&mut rng, &mut shown);
        let (third, q) = exposure.draw_uniform(&mut rng, &mut shown);
        assert_eq!((p, q), (0.5, 1.0));
        assert_eq!(shown.items, [0, 1, 2]);
        assert!(first != second && second != third && third != first);
    }
}
