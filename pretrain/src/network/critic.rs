//! The critic: the value of an encoded state.

use candle_core::{Result, Tensor};

/// `value = w2 . relu(W1 h + b1) + b2`.
pub(crate) struct Critic<'a> {
    /// `[H, H]`
    pub(crate) weight_1: &'a Tensor,
    /// `[H]`
    pub(crate) bias_1: &'a Tensor,
    /// `[H]`
    pub(crate) weight_2: &'a Tensor,
    /// `[1]`
    pub(crate) bias_2: &'a Tensor,
}

impl Critic<'_> {
    /// Values `[B]` of encoded states `[B, H]`.
    pub(crate) fn values(&self, encoded: &Tensor) -> Result<Tensor> {
        let inner = encoded
            .matmul(&self.weight_1.t()?)?
            .broadcast_add(self.bias_1)?
            .relu()?;
        inner
            .matmul(&self.weight_2.unsqueeze(1)?)?
            .squeeze(1)?
            .broadcast_add(self.bias_2)
    }
}
