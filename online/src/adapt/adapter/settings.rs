//! What the adapter has to be told.

use serde::{Deserialize, Serialize};

/// Hyper-parameters of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdapterSettings {
    /// Standard deviation of an item's own part of the log-odds of a like, before any answer; 0: items have none.
    pub item: f32,
    /// The same of a user's part, over the items of the catalogue; 0: users have none.
    pub user: f32,
    /// Likes in the log that make an item, or a user, as well known as the belief itself: with n of them the variance is
    /// 1 / (1 + n / evidence) of what it is without.
    pub evidence: f32,
    /// How much the uncertainty about an item counts when it acts (optimism in the face of uncertainty).
    pub bonus: f32,
    /// The share of the decisions that the frozen policy makes, so that the two can be compared; 0: no comparison.
    pub control: f32,
    /// The part of the frozen policy's likes that may be given up before the adapter steps back.
    pub gate_alpha: f32,
}

impl AdapterSettings {
    /// Chosen on the movielens environment: larger ones lose there (user 0.5: 1.31, item 0.8: 1.26, evidence 20: 1.31 likes an
    /// episode; these: 1.34, frozen 1.32).
    pub const DEFAULT: AdapterSettings = AdapterSettings {
        item: 0.3,
        user: 0.2,
        evidence: 5.0,
        bonus: 0.5,
        control: 0.01,
        gate_alpha: 0.1,
    };
}
