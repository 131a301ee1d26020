//! What an encoder reads of the interactions: [item embedding ; feedback], a row each.

use crate::policy_artifact::{NetworkConfig, Weights};

use super::super::dropout::{Dropout, Mask};

#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) items: Vec<u32>,
    /// `[interactions, dims + 1]`.
    pub(super) rows: Vec<f32>,
    mask: Mask,
}

impl Inputs {
    /// Of `interactions`, a share of the numbers left out where there is `dropout`.
    pub(super) fn new(
        config: &NetworkConfig,
        weights: &Weights,
        interactions: impl Iterator<Item = (u32, f32)>,
        dropout: Option<&mut Dropout>,
    ) -> Self {
        let (mut items, mut rows) = (Vec::new(), Vec::new());
        for (item, feedback) in interactions {
            items.push(item);
            rows.extend_from_slice(&weights.item_embedding[item as usize * config.dims..][..config.dims]);
            rows.push(feedback);
        }
        let mask = Mask::draw(dropout, &mut rows);
        Inputs { items, rows, mask }
    }

    /// Adds `upstream`, the gradient at the rows, to that of their items' embeddings.
    pub(super) fn backward(&self, config: &NetworkConfig, mut upstream: Vec<f32>, gradient: &mut Weights) {
        self.mask.apply(&mut upstream);
        for (at_row, &item) in upstream.chunks_exact(config.dims + 1).zip(&self.items) {
            let embedding = &mut gradient.item_embedding[item as usize * config.dims..][..config.dims];
            for (g, x) in embedding.iter_mut().zip(at_row) {
                *g += x;
            }
        }
    }
}
