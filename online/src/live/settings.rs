//! How a live policy acts and learns: all that, besides the policy itself and the events, decides its state.

use serde::{Deserialize, Serialize};

use crate::adapt::{Hyper, Name};

/// The strategy, its hyper-parameters and the seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How to act and learn.
    pub strategy: Name,
    /// Discount per step; none: the policy's own.
    pub gamma: Option<f32>,
    /// What the policy's logits are divided by; none: they stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// The strategy's hyper-parameters; its discount gives way to `gamma` or the policy's.
    pub hyper: Hyper,
    /// Decides the draws and fresh weights.
    pub seed: u64,
}

impl Settings {
    /// The defaults of a strategy.
    pub fn new(strategy: Name, seed: u64) -> Self {
        Settings {
            strategy,
            gamma: None,
            temperature: None,
            hyper: Hyper::for_strategy(strategy),
            seed,
        }
    }

    /// The hyper-parameters for a policy that was trained with the discount `gamma`.
    pub fn hyper_for(&self, gamma: f32) -> Hyper {
        let mut hyper = self.hyper;
        hyper.learning.gamma = self.gamma.unwrap_or(gamma);
        hyper
    }
}
