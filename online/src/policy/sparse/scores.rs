//! The adapted logits of the whole catalogue in one pass: a table of e_j + d_j and bias_j + b_j, kept up to date item by
//! item. It costs the memory of the embeddings once more, and saves the second pass that d_j would cost a decision.

use super::Rows;
use crate::policy::Network;
use crate::policy::linear::Packed;

/// The table. It holds nothing that the network and [`Rows`] do not.
#[derive(Debug, Clone)]
pub struct Scores {
    embeddings: Packed,
    biases: Vec<f32>,
}

impl Scores {
    /// That of a network beside which nothing was learnt.
    pub fn new(network: &Network) -> Self {
        let (config, weights) = (network.config(), network.weights());
        Scores {
            embeddings: Packed::new(&weights.item_embedding, config.items, config.dims),
            biases: weights.item_bias.clone(),
        }
    }

    /// Takes over what was learnt of the touched item at `place`.
    pub fn set(&mut self, network: &Network, rows: &Rows, place: usize) {
        let item = rows.items()[place] as usize;
        let (dims, weights) = (network.config().dims, network.weights());
        let embedding = &weights.item_embedding[item * dims..][..dims];
        let moved = embedding.iter().zip(rows.row(place)).map(|(e, d)| e + d);
        self.embeddings.set(item, moved);
        self.biases[item] = weights.item_bias[item] + rows.bias(place);
    }

    /// The logits of queries q', `[queries, D]`, over all items, `[queries, items]`: scale * (e_j + d_j) . q' + bias_j +
    /// b_j; `out` is overwritten.
    pub fn logits(&self, bent: &[f32], scale: f32, out: &mut [f32]) {
        self.embeddings.forward(bent, out);
        for row in out.chunks_exact_mut(self.biases.len()) {
            for (logit, bias) in row.iter_mut().zip(&self.biases) {
                *logit = *logit * scale + bias;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use common::policy_artifact::{Encoder, NetworkConfig, Weights};

    use super::*;

    #[test]
    fn only_touched_items_move_and_each_by_its_own_row() {
        let config = NetworkConfig {
            items: 100,
            dims: 3,
            hidden: 4,
            traits: 0,
            window: 10,
            encoder: Encoder::Mean,
        };
        let mut weights = Weights::zeros(&config);
        weights.item_bias = vec![1.0; 100];
        let network = Network::new(config, weights);
        let mut rows = Rows::new(100, 3);
        let mut scores = Scores::new(&network);
        // More than a panel, in an order of its own.
        let touched: Vec<u32> = (0..76).map(|i| (i * 7) % 100).collect();
        for &item in &touched {
            let place = rows.touch(item);
            assert_eq!(rows.touch(item), place);
            for (k, d) in rows.row_mut(place).iter_mut().enumerate() {
                *d = item as f32 + k as f32 / 4.0;
            }
            *rows.bias_mut(place) = 0.5;
            scores.set(&network, &rows, place);
        }
        let mut logits = vec![0.0; 100];
        scores.logits(&[1.0, 2.0, -4.0], 0.5, &mut logits);
        for item in 0..100u32 {
            let expected = match rows.place(item) {
                Some(_) => 1.0 + 0.5 * (-(item as f32) + 0.5 - 2.0) + 0.5,
                None => 1.0,
            };
            assert_eq!(logits[item as usize], expected, "{item}");
            assert_eq!(rows.place(item).is_some(), touched.contains(&item));
        }
        assert_eq!(rows.row(1), [7.0, 7.25, 7.5]);
    }
}
