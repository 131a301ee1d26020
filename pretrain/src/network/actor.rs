//! The actor: scores every candidate for an encoded state.

use candle_core::{Result, Tensor};

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
        let query = encoded
            .matmul(&self.query_weight.t()?)?
            .broadcast_add(self.query_bias)?;
        query
            .broadcast_mul(&scale)?
            .matmul(&self.item_embedding.t()?)?
            .broadcast_add(self.item_bias)
    }
}
