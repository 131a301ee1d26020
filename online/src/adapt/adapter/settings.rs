//! What the adapter has to be told.

use serde::{Deserialize, Serialize};

/// Hyper-parameters of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdapterSettings {
    /// Standard deviation of an item's own part of the log-odds of a like, before any answer; 0: items have none.
    pub item: f32,
    /// The same of a user's part, over the items of the catalogue; 0: users have none.
    pub user: f32,
    /// How much the uncertainty about an item counts when it acts (optimism in the face of uncertainty).
    pub bonus: f32,
    /// The share of the decisions that the frozen policy makes, so that the two can be compared; 0: no comparison.
    pub control: f32,
    /// The part of the frozen policy's likes that may be given up before the adapter steps back.
    pub gate_alpha: f32,
}

impl AdapterSettings {
    /// Chosen on replays of movielens and coat.
    pub const DEFAULT: AdapterSettings = AdapterSettings {
        item: 0.3,
        user: 0.5,
        bonus: 0.5,
        control: 0.01,
        gate_alpha: 0.1,
    };
}
