//! What the adapter has to be told beyond how to learn and how to mix.

use serde::{Deserialize, Serialize};

/// Hyper-parameters of the adapter alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdapterSettings {
    /// Items drawn from the adapted policy at each decision for its gradient. More of them make it less noisy and cost
    /// time at every decision and update.
    pub negatives: usize,
    /// What is added to the logits where nothing is known of a user: this times the logarithm of an item's likes.
    pub newcomer: f32,
    /// After an alarm: the factor of the step size while exploration is open again.
    pub boost: f32,
    /// After an alarm: the factor of the adapted logits while exploration is open again; below 1 flattens.
    pub flatten: f32,
}

impl AdapterSettings {
    /// More negatives changed nothing that could be measured. The others are choices by reason: no environment here has
    /// newcomers or sudden changes to choose them by.
    pub const DEFAULT: AdapterSettings = AdapterSettings {
        negatives: 16,
        newcomer: 0.0,
        boost: 2.0,
        flatten: 0.7,
    };
}
