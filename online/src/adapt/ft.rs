//! A-iALP_ft: start from the prior and keep updating everything.

use common::policy_artifact::{NetworkConfig, Weights};

use super::{Learner, Learning};

/// A learner with the prior's weights; `seed` decides the draws.
pub fn fine_tune(config: NetworkConfig, prior: Weights, learning: Learning, seed: u64) -> Learner {
    Learner::new(config, prior, learning, seed)
}
