//! The strategies by name.

use common::policy_artifact::{LikeModel, NetworkConfig, PolicyItems, Weights};
use serde::{Deserialize, Serialize};

use super::{
    Adapter, AdapterSettings, Ap, Frozen, Learning, LinUcb, LinUcbSettings, Mixing, Popularity, Random,
    Strategy, fine_tune, from_scratch,
};
use crate::index::Scan;

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
    /// LinUCB: ridge regressions of the answers on the policy's item vectors, with optimism, from nothing
    Linucb,
    /// A2C from random weights: the same network and budget without the prior
    Scratch,
    /// A-iALP_ft: start from the prior and keep updating everything
    Ft,
    /// A-iALP_ap: the frozen prior mixed with a fresh policy that learns from all steps
    Ap,
    /// The prior policy beside a small model of likes that learns from each answer
    Adapter,
}

/// All hyper-parameters; each strategy reads those that it has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hyper {
    /// How to learn.
    pub learning: Learning,
    /// How the prior is weighted.
    pub mixing: Mixing,
    /// The adapter's own.
    pub adapter: AdapterSettings,
    /// LinUCB's own.
    #[serde(default)]
    pub linucb: LinUcbSettings,
    /// By what the adapter scores the catalogue.
    pub scan: Scan,
}

impl Hyper {
    /// The defaults of a strategy.
    pub fn for_strategy(name: Name) -> Self {
        Hyper {
            learning: Learning::for_strategy(name),
            mixing: Mixing::DEFAULT,
            adapter: AdapterSettings::DEFAULT,
            linucb: LinUcbSettings::default(),
            scan: Scan::Exact,
        }
    }
}

/// Makes the strategy `name` for a policy, whose logits say of likes what `likes` says; `seed` decides fresh weights and
/// the draws.
pub fn build(
    name: Name,
    network: &NetworkConfig,
    weights: Weights,
    items: &PolicyItems,
    likes: Option<LikeModel>,
    hyper: &Hyper,
    seed: u64,
) -> Box<dyn Strategy> {
    let network = network.clone();
    let learning = hyper.learning;
    match name {
        Name::Random => Box::new(Random::new(network.items, seed)),
        Name::Popularity => Box::new(Popularity::new(&items.popularity)),
        Name::Frozen => Box::new(Frozen::new(network, weights, seed)),
        Name::Linucb => Box::new(LinUcb::new(&network, &weights.item_embedding, hyper.linucb)),
        Name::Scratch => Box::new(from_scratch(network, learning, seed)),
        Name::Ft => Box::new(fine_tune(network, weights, learning, seed)),
        Name::Ap => Box::new(Ap::new(network, weights, hyper, seed)),
        Name::Adapter => Box::new(Adapter::new(
            network,
            weights,
            likes,
            &items.popularity,
            hyper,
            seed,
        )),
    }
}
