//! A-iALP_ft: start from the prior and keep updating everything.

use common::policy_artifact::{NetworkConfig, Weights};

use super::{Learner, Learning};

/// A learner with the prior's weights.
pub fn fine_tune(config: NetworkConfig, prior: Weights, learning: Learning) -> Learner {
    Learner::new(config, prior, learning)
}
