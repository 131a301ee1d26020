//! The weights that training starts from.

use common::policy_artifact::{NetworkConfig, Weights};
use common::rng::{normal, stream};

/// Random weights, the item embeddings from the items' traits where there are some: standardised traits
/// (N x K, row-major) times a fixed random projection (Gaussian, K x D, entries of variance 1 / (K D)), so that
/// items which the language model sees alike start alike, at the scale of a random start.
/// An item whose traits are all zero (it has no profile) keeps its random start.
pub(crate) fn initial_weights(config: &NetworkConfig, item_traits: &[f32], seed: u64) -> Weights {
    let mut weights = Weights::init(config, seed);
    let (k, d) = (config.traits, config.dims);
    if k == 0 {
        return weights;
    }
    let mut rng = stream(seed, "pretrain/projection", &[]);
    let scale = 1.0 / ((k * d) as f32).sqrt();
    let projection: Vec<f32> = (0..k * d).map(|_| normal(&mut rng) * scale).collect();
    for (embedding, traits) in weights
        .item_embedding
        .chunks_exact_mut(d)
        .zip(item_traits.chunks_exact(k))
    {
        if traits.iter().all(|&t| t == 0.0) {
            continue;
        }
        embedding.fill(0.0);
        for (&t, row) in traits.iter().zip(projection.chunks_exact(d)) {
            for (value, p) in embedding.iter_mut().zip(row) {
                *value += t * p;
            }
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_with_like_traits_start_alike_and_one_without_a_profile_at_random() {
        let config = NetworkConfig {
            items: 4,
            dims: 64,
            hidden: 4,
            traits: 3,
            window: 10,
            encoder: common::policy_artifact::Encoder::Gru,
        };
        let traits = [1.0, -1.0, 0.5, 0.9, -1.1, 0.6, -1.0, 1.0, -0.5, 0.0, 0.0, 0.0];
        let weights = initial_weights(&config, &traits, 1);
        let row = |i: usize| &weights.item_embedding[i * 64..(i + 1) * 64];
        let cosine = |a: &[f32], b: &[f32]| {
            let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        assert!(cosine(row(0), row(1)) > 0.9);
        assert!(cosine(row(0), row(2)) < -0.9);
        assert_eq!(row(3), &Weights::init(&config, 1).item_embedding[3 * 64..]);
    }
}
