//! A2C from scratch: the same network, seed by seed, without anything that was learnt before.

use common::policy_artifact::{NetworkConfig, Weights};

use super::{Learner, Learning};

/// A learner with random weights; `seed` decides them and the draws.
pub fn from_scratch(config: NetworkConfig, learning: Learning, seed: u64) -> Learner {
    let weights = Weights::init(&config, seed);
    Learner::new(config, weights, learning, seed).fresh()
}
