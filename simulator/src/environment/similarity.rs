//! When two items are too similar to be shown one after the other.
//!
//! Items are compared by the cosine of their vectors in the user model: two items are similar when the same users
//! take them up, beyond what popularity explains. Too similar is what only one pair of items in twenty exceeds,
//! so that the bar means the same in every environment.

use common::rng::{RngExt, stream};
use common::stats::dot;

use super::Environment;

/// The share of pairs of items that are too similar.
pub const SHARE: f64 = 0.05;
/// Pairs drawn to find the bar.
const PAIRS: u64 = 1 << 16;

/// The bar, and what is needed to compare two items.
#[derive(Clone, Debug)]
pub struct Similarity<'a> {
    environment: &'a Environment,
    /// 1 over the length of each item's vector; 0 for an item without direction, which is similar to none.
    inverse_length: Vec<f32>,
    bar: f32,
}

impl<'a> Similarity<'a> {
    /// Finds the bar of `environment` from pairs of items drawn by its seed.
    pub fn new(environment: &'a Environment) -> Self {
        let rank = environment.model.rank;
        let inverse_length = environment.model.item_vector.chunks_exact(rank).map(|vector| {
            let length = dot(vector, vector).sqrt();
            if length > 0.0 { 1.0 / length } else { 0.0 }
        });
        let mut similarity = Similarity {
            inverse_length: inverse_length.collect(),
            environment,
            bar: 1.0,
        };
        let items = environment.items.len() as u32;
        if items < 2 {
            return similarity;
        }
        let mut rng = stream(environment.seed, "similarity", &[]);
        let mut cosines: Vec<f32> = (0..PAIRS)
            .map(|_| {
                let one = rng.random_range(0..items);
                // Another item: the draw skips the first.
                let other = rng.random_range(0..items - 1);
                similarity.cosine(one, other + u32::from(other >= one))
            })
            .collect();
        cosines.sort_unstable_by(f32::total_cmp);
        similarity.bar = cosines[((cosines.len() - 1) as f64 * (1.0 - SHARE)).round() as usize];
        similarity
    }

    /// The cosine of the vectors of two items.
    pub fn cosine(&self, one: u32, other: u32) -> f32 {
        let model = &self.environment.model;
        dot(model.item(one), model.item(other))
            * self.inverse_length[one as usize]
            * self.inverse_length[other as usize]
    }

    /// Whether the two are too similar. An item is too similar to itself.
    pub fn too_similar(&self, one: u32, other: u32) -> bool {
        one == other || self.cosine(one, other) > self.bar
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::small;
    use super::*;

    #[test]
    fn one_pair_in_twenty_is_too_similar() {
        let mut environment = small();
        let items = 400;
        let mut rng = stream(0, "test", &[]);
        environment.items = common::ids::Dictionary::from_values(
            common::ids::IdKind::Integer,
            (0..items).map(|i: u32| i.to_string()),
        )
        .unwrap();
        environment.model.rank = 4;
        environment.model.item_vector = (0..4 * items).map(|_| common::rng::normal(&mut rng)).collect();
        // An item without direction.
        environment.model.item_vector[..4].fill(0.0);
        let similarity = Similarity::new(&environment);
        let pairs = (0..items).flat_map(|one| (0..one).map(move |other| (one, other)));
        let similar = pairs
            .filter(|&(one, other)| similarity.too_similar(one, other))
            .count();
        let share = similar as f64 / f64::from(items * (items - 1) / 2);
        assert!((share - SHARE).abs() < 0.005, "{share}");
        assert!((1..items).all(|item| !similarity.too_similar(0, item)));
        assert!(similarity.too_similar(0, 0));
    }
}
