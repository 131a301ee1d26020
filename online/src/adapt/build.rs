//! The strategies by name.

use common::policy_artifact::{NetworkConfig, PolicyItems, Weights};
use serde::{Deserialize, Serialize};

use super::{Ap, Frozen, Learning, Popularity, Random, Schedule, Strategy, fine_tune, from_scratch};

/// The name of a strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Name {
    /// Uniform over the items not yet consumed
    Random,
    /// The item liked most often in the log among those not yet consumed
    Popularity,
    /// The prior policy as it is
    Frozen,
    /// A2C from random weights: the same network and budget without the prior
    Scratch,
    /// A-iALP_ft: start from the prior and keep updating everything
    Ft,
    /// A-iALP_ap: the frozen prior mixed with a fresh policy that learns from all steps
    Ap,
}

/// All hyper-parameters; each strategy reads those that it has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hyper {
    /// How to learn.
    pub learning: Learning,
    /// The prior's weight over time.
    pub schedule: Schedule,
}

impl Hyper {
    /// The defaults of a strategy.
    pub fn for_strategy(name: Name) -> Self {
        Hyper {
            learning: Learning::for_strategy(name),
            schedule: Schedule::DEFAULT,
        }
    }
}

/// Makes the strategy `name` for a policy; `seed` decides fresh weights and the draws.
pub fn build(
    name: Name,
    network: &NetworkConfig,
    weights: Weights,
    items: &PolicyItems,
    hyper: &Hyper,
    seed: u64,
) -> Box<dyn Strategy> {
    let network = network.clone();
    let learning = hyper.learning;
    match name {
        Name::Random => Box::new(Random::new(network.items, seed)),
        Name::Popularity => Box::new(Popularity::new(&items.popularity)),
        Name::Frozen => Box::new(Frozen::new(network, weights, seed)),
        Name::Scratch => Box::new(from_scratch(network, learning, seed)),
        Name::Ft => Box::new(fine_tune(network, weights, learning, seed)),
        Name::Ap => Box::new(Ap::new(network, weights, learning, hyper.schedule, seed)),
    }
}
