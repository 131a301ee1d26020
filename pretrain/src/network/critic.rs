//! The critic: the value of an encoded state.

use candle_core::{Result, Tensor};
use candle_nn::{Linear, Module};

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
        let inner = Linear::new(self.weight_1.clone(), Some(self.bias_1.clone()));
        let inner = inner.forward(encoded)?.relu()?;
        inner
            .matmul(&self.weight_2.unsqueeze(1)?)?
            .squeeze(1)?
            .broadcast_add(self.bias_2)
    }
}
