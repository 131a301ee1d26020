//! Heads that give every item a state-action value Q(s, a), for training alone.
//!
//! ```text
//! Q(s, a) = item_embedding_a . (W h + c) / sqrt(D) + b_a  +  u . h + d
//! ```
//!
//! What a state is worth whatever is done has terms of its own (dueling, Wang et al. 2016, arXiv 1511.06581): without them
//! every item's bias has to learn it, and the encoder with them, before items can be told apart.
//!
//! The item embeddings are the actor's, so that items whose traits are alike have alike values before anybody has met
//! them. Two heads are each other's target (double Q-learning, van Hasselt 2010), as in SQN.

use candle_core::{Result, Tensor};
use candle_nn::{Linear, Module};
use common::policy_artifact::{NetworkConfig, Shape};
use common::rng::{RngExt, stream};

/// Tensors of a head.
pub(crate) const TENSORS: usize = 5;

/// Names and shapes of head `head`: `[D, H]`, `[D]`, `[N]`, `[H]`, `[1]`.
pub(super) fn shapes(config: &NetworkConfig, head: usize) -> [Shape; TENSORS] {
    let NetworkConfig {
        items, dims, hidden, ..
    } = *config;
    [
        (format!("q{head}_weight"), vec![dims, hidden]),
        (format!("q{head}_bias"), vec![dims]),
        (format!("q{head}_item_bias"), vec![items]),
        (format!("q{head}_state_weight"), vec![hidden]),
        (format!("q{head}_state_bias"), vec![1]),
    ]
}

/// The weight uniform in +-1/sqrt(H), all else zero.
pub(super) fn initial(config: &NetworkConfig, head: usize, seed: u64) -> [Vec<f32>; TENSORS] {
    let bound = (config.hidden as f32).sqrt().recip();
    let mut rng = stream(seed, "pretrain/q head", &[head as u64]);
    let weight = (0..config.dims * config.hidden).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound);
    [
        weight.collect(),
        vec![0.0; config.dims],
        vec![0.0; config.items],
        vec![0.0; config.hidden],
        vec![0.0],
    ]
}

/// A head over the items of a slab.
pub(crate) struct QHead<'a> {
    /// `[C, D]`
    pub(crate) item_embedding: &'a Tensor,
    /// `[D, H]`
    pub(crate) weight: &'a Tensor,
    /// `[D]`
    pub(crate) bias: &'a Tensor,
    /// `[C]`
    pub(crate) item_bias: &'a Tensor,
    /// `[H]`
    pub(crate) state_weight: &'a Tensor,
    /// `[1]`
    pub(crate) state_bias: &'a Tensor,
}

impl QHead<'_> {
    /// Values `[B, C]` of encoded states `[B, H]`.
    pub(crate) fn values(&self, encoded: &Tensor) -> Result<Tensor> {
        let width = self.item_embedding.dim(1)? as f64;
        let query = Linear::new(self.weight.clone(), Some(self.bias.clone())).forward(encoded)?;
        let state = encoded
            .matmul(&self.state_weight.unsqueeze(1)?)?
            .broadcast_add(self.state_bias)?;
        let items = Linear::new(self.item_embedding.clone(), Some(self.item_bias.clone()));
        items.forward(&(query / width.sqrt())?)?.broadcast_add(&state)
    }
}
