//! The strategies: what acts, and what is learnt from what came back. One file each, the baselines beside them.

mod acting;
mod adapter;
mod ap;
mod buffers;
mod build;
mod encoded_context;
mod explanation;
mod frozen;
mod ft;
mod learner;
mod linucb;
mod mixing;
mod popularity;
mod random;
mod returns;
mod saved;
mod scratch;

pub use adapter::{Adapter, AdapterSettings};
pub use ap::Ap;
pub use buffers::Buffers;
pub use build::{Hyper, Name, build};
pub use encoded_context::EncodedContext;
pub use explanation::{Carried, Explanation, Reason};
pub use frozen::Frozen;
pub use ft::fine_tune;
pub use learner::{Learner, Learning};
pub use linucb::{LinUcb, LinUcbSettings};
pub use mixing::{GateSettings, Mixing, Rule};
pub use popularity::Popularity;
pub use random::Random;
pub use scratch::from_scratch;

use std::sync::Arc;

use common::Result;
use common::policy::Network;

use crate::explore::{Shown, Slate};

/// One recommendation to make.
#[derive(Debug, Clone, Copy)]
pub struct ChoiceRequest<'a> {
    /// The state.
    pub user_context: &'a EncodedContext,
    /// Items that may not be chosen, in any order, repeats allowed. Who has consumed all may get any.
    pub consumed: &'a [u32],
    /// The same items as a set (see [`common::policy::distribution::mask_set`]), where there are many, each once, but not all
    /// of the catalogue.
    pub consumed_set: Option<&'a [u64]>,
    /// Only these may be chosen: codes of the catalogue, ascending, each once, at least one. None: all.
    pub candidates: Option<&'a [u32]>,
    /// How many items are wanted. Fewer come where fewer may be chosen.
    pub k: usize,
    /// The index of the draws' randomness, never used twice.
    pub key: [u64; 3],
    /// Whether the best items are taken and nothing is drawn, by strategies that can tell which these are.
    pub greedy: bool,
}

/// One step that was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The state, as an index into the experience's contexts.
    pub context: usize,
    /// Items that could not be chosen; may be left empty where the strategy does not want them
    /// ([`Strategy::wants_consumed`]).
    pub consumed: Vec<u32>,
    /// What was shown, and with which probabilities.
    pub shown: Shown,
    /// Draws from the adapted policy at this decision ([`Slate::negatives_at`]).
    pub negatives: Vec<u32>,
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
#[derive(Debug, Clone, Default)]
pub struct Experience {
    /// The states, each once.
    pub contexts: Vec<Arc<EncodedContext>>,
    /// The trajectories: those of ended episodes first.
    pub trajectories: Vec<Trajectory>,
}

/// A way to act, and perhaps to learn.
pub trait Strategy: Send + Sync {
    /// Draws a slate for each request. Pure: the same requests and the same state of the strategy give the same slates,
    /// whatever the rest of the batch.
    fn choose(&self, choices: &[ChoiceRequest<'_>], buffers: &mut Buffers) -> Vec<Slate>;

    /// Answers between two calls of [`Strategy::learn`]; none where it does not learn, or from each answer alone
    /// ([`Strategy::answer`]).
    fn rollout(&self) -> Option<usize> {
        None
    }

    /// Whether [`Step::consumed`] matters.
    fn wants_consumed(&self) -> bool {
        false
    }

    /// The network that it acts by beside what it has learnt; none where there is no such network.
    fn prior(&self) -> Option<&Network> {
        None
    }

    /// Learns from what happened since the last call.
    ///
    /// # Errors
    /// When the update would make a weight NaN or infinite; the weights stay as they were.
    fn learn(&mut self, _experience: &Experience) -> Result<()> {
        Ok(())
    }

    /// Numbers that the strategy keeps of each user, after those of the encoder in [`crate::context::Context::memory`]; all 0
    /// for a user who gave no feedback yet.
    fn memory(&self) -> usize {
        0
    }

    /// Moves the encoder's numbers of a user's memory by an item that the user had, and liked or not. A strategy with a
    /// network asks that ([`common::policy::Network::remember`]); one without keeps the memory as it is.
    fn remember(&self, _memory: &mut [f32], _item: u32, _liked: bool) {}

    /// Takes one answer at once: moves `memory`, which is the user's (the encoder's numbers, then the strategy's), and
    /// learns what it can from this answer alone. `user_context` is the user's present one. True where the policy changed.
    fn answer(
        &mut self,
        _user_context: &EncodedContext,
        memory: &mut [f32],
        shown: &Shown,
        reward: f32,
    ) -> bool {
        self.remember(memory, shown.item, reward > 0.0);
        false
    }

    /// How many updates the acting policy has had.
    fn version(&self) -> u64 {
        0
    }

    /// All that was learnt. The same history gives the same bytes.
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes over what [`Strategy::save`] gave for a policy of the same sizes.
    ///
    /// # Errors
    /// Bytes that are damaged, of other sizes, or hold a number that is not finite; nothing changes then.
    fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        saved::nothing(bytes)
    }

    /// What a person may want to know of a decision.
    fn explain(&self, choice: &ChoiceRequest<'_>, buffers: &mut Buffers) -> Explanation;

    /// For a strategy that was just made for a new policy: takes over what the old one had learnt (its
    /// [`Strategy::save`]), as far as it applies. `map` gives the new code of each old item that is still there; `same_space`
    /// says that old and new embeddings share their space.
    ///
    /// # Errors
    /// Bytes that are damaged; nothing changes then.
    fn carry_over(&mut self, _from: &[u8], _map: &[Option<u32>], same_space: bool) -> Result<Carried> {
        Ok(Carried {
            users: same_space,
            ..Carried::default()
        })
    }
}
