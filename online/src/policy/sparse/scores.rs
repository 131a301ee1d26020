//! The adapted logits of the whole catalogue in one pass: a table of e_j + d_j and bias_j + b_j, kept up to date item by
//! item, exact or of one byte a number ([`Scan`]). It costs the memory of the embeddings, or a quarter of it, once more, and saves the second pass that d_j would cost a decision.

use super::Rows;
use crate::index::{Coarse, Scan};
use crate::policy::Network;
use crate::policy::linear::Packed;

/// The table. It holds nothing that the network and [`Rows`] do not.
#[derive(Debug, Clone)]
pub struct Scores(Table);

#[derive(Debug, Clone)]
enum Table {
    Exact { embeddings: Packed, biases: Vec<f32> },
    Quantised(Coarse),
}

impl Scores {
    /// That of a network beside which nothing was learnt.
    pub fn new(network: &Network, scan: Scan) -> Self {
        let (config, weights) = (network.config(), network.weights());
        let (embeddings, biases) = (&weights.item_embedding, &weights.item_bias);
        Scores(match scan {
            Scan::Exact => Table::Exact {
                embeddings: Packed::new(embeddings, config.items, config.dims),
                biases: biases.clone(),
            },
            Scan::Quantised => Table::Quantised(Coarse::new(embeddings, biases, config.dims)),
        })
    }

    /// Takes over what was learnt of the touched item at `place`.
    pub fn set(&mut self, network: &Network, rows: &Rows, place: usize) {
        let item = rows.items()[place] as usize;
        let (dims, weights) = (network.config().dims, network.weights());
        let embedding = &weights.item_embedding[item * dims..][..dims];
        let moved = embedding.iter().zip(rows.row(place)).map(|(e, d)| e + d);
        let bias = weights.item_bias[item] + rows.bias(place);
        match &mut self.0 {
            Table::Exact { embeddings, biases } => {
                embeddings.set(item, moved);
                biases[item] = bias;
            }
            Table::Quantised(coarse) => coarse.set(item, moved, bias),
        }
    }

    /// The logits of queries q', `[queries, dims]`, over all items, `[queries, items]`: scale * (e_j + d_j) . q' + bias_j
    /// + b_j; `out` is overwritten.
    pub fn logits(&self, bent: &[f32], dims: usize, scale: f32, out: &mut [f32]) {
        let items = out.len() / (bent.len() / dims).max(1);
        match &self.0 {
            Table::Exact { embeddings, biases } => {
                embeddings.forward(bent, out);
                for row in out.chunks_exact_mut(items) {
                    for (logit, bias) in row.iter_mut().zip(biases) {
                        *logit = *logit * scale + bias;
                    }
                }
            }
            Table::Quantised(coarse) => {
                for (query, row) in bent.chunks_exact(dims).zip(out.chunks_exact_mut(items)) {
                    coarse.scores(query, scale, row);
                }
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
        let mut scores = Scores::new(&network, Scan::Exact);
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
        scores.logits(&[1.0, 2.0, -4.0], 3, 0.5, &mut logits);
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
