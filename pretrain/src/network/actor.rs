//! The actor: scores every candidate for an encoded state.

use candle_core::{Result, Tensor};
use candle_nn::{Linear, Module};

/// `logits = exp(log_temperature) / sqrt(D) * (E q) + b` with `q = W h + c`.
pub(crate) struct Actor<'a> {
    /// `[C, D]`, shared with the encoder's input
    pub(crate) item_embedding: &'a Tensor,
    /// `[C]`
    pub(crate) item_bias: &'a Tensor,
    /// `[D, H]`
    pub(crate) query_weight: &'a Tensor,
    /// `[D]`
    pub(crate) query_bias: &'a Tensor,
    /// `[1]`
    pub(crate) log_temperature: &'a Tensor,
}

impl Actor<'_> {
    /// Logits `[B, C]` of encoded states `[B, H]`, consumed items not yet masked.
    pub(crate) fn logits(&self, encoded: &Tensor) -> Result<Tensor> {
        let width = self.item_embedding.dim(1)?;
        let scale = (self.log_temperature.exp()? * (1.0 / (width as f64).sqrt()))?;
        let query = Linear::new(self.query_weight.clone(), Some(self.query_bias.clone()));
        let items = Linear::new(self.item_embedding.clone(), Some(self.item_bias.clone()));
        items.forward(&query.forward(encoded)?.broadcast_mul(&scale)?)
    }
}
