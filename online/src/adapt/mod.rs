//! The strategies: what acts, and what is learnt from what came back. One file each, the baselines beside them.

mod actor;
mod ap;
mod frozen;
mod ft;
mod learner;
mod popularity;
mod random;
mod returns;
mod scratch;

pub use ap::{Ap, Schedule};
pub use frozen::Frozen;
pub use ft::fine_tune;
pub use learner::{Learner, Learning};
pub use popularity::Popularity;
pub use random::Random;
pub use scratch::from_scratch;

use common::Result;
use common::policy_artifact::{NetworkConfig, PolicyItems, Weights};

use crate::explore::Choice;
use crate::policy::Context;

/// One recommendation to make.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// The place of the environment or session among those served, from 0.
    pub slot: usize,
    /// A number that changes whenever the context does and is never used again.
    pub revision: u64,
    /// The state.
    pub context: &'a Context,
    /// Items that may not be chosen, in any order, repeats allowed.
    pub consumed: &'a [u32],
    /// The draw's randomness, uniform in [0, 1).
    pub uniform: f64,
}

/// One step that was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The state, as an index into the experience's contexts.
    pub context: usize,
    /// Items that could not be chosen.
    pub consumed: Vec<u32>,
    /// What was chosen, and with which chance.
    pub choice: Choice,
    /// What came back.
    pub reward: f32,
}

/// Consecutive steps of one episode.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// The steps in order; at least one.
    pub steps: Vec<Step>,
    /// The state after the last step, as an index into the contexts; none where the episode ended.
    pub next: Option<usize>,
}

/// What happened since the last update.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Experience {
    /// The states, each once.
    pub contexts: Vec<Context>,
    /// The trajectories: those of ended episodes first.
    pub trajectories: Vec<Trajectory>,
}

/// A way to act, and perhaps to learn.
pub trait Strategy {
    /// Chooses an item for each decision.
    fn choose(&mut self, decisions: &[Decision<'_>]) -> Vec<Choice>;

    /// Vector steps between two calls of [`Strategy::learn`]; none where it does not learn.
    fn rollout(&self) -> Option<usize> {
        None
    }

    /// Learns from what happened since the last call.
    ///
    /// # Errors
    /// When the update would make a weight NaN or infinite; the weights stay as they were.
    fn learn(&mut self, _experience: &Experience) -> Result<()> {
        Ok(())
    }

    /// How many updates the acting policy has had.
    fn version(&self) -> u64 {
        0
    }
}

/// The name of a strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
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

/// Makes the strategy `name` for a policy.
pub fn build(
    name: Name,
    network: &NetworkConfig,
    weights: Weights,
    items: &PolicyItems,
    learning: &Learning,
    schedule: &Schedule,
    seed: u64,
) -> Box<dyn Strategy> {
    match name {
        Name::Random => Box::new(Random::new(network.items)),
        Name::Popularity => Box::new(Popularity::new(&items.popularity)),
        Name::Frozen => Box::new(Frozen::new(network.clone(), weights)),
        Name::Scratch => Box::new(from_scratch(network.clone(), *learning, seed)),
        Name::Ft => Box::new(fine_tune(network.clone(), weights, *learning)),
        Name::Ap => Box::new(Ap::new(network.clone(), weights, *learning, *schedule, seed)),
    }
}
