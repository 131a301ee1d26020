//! What the strategy is to learn from an event, kept until enough of them have come.

use std::sync::Arc;

use common::policy_artifact::NetworkConfig;
use common::{Error, Result};
use serde::{Deserialize, Serialize};

use super::ask::{check_context, check_memory};
use crate::adapt::{EncodedContext, Experience, Step, Trajectory};
use crate::context::Context;
use crate::explore::Shown;

/// One event, ready to be learnt from.
#[derive(Debug, Clone)]
pub(super) struct Transition {
    /// What the user had consumed, but for the item.
    pub(super) consumed: Vec<u32>,
    pub(super) shown: Shown,
    pub(super) negatives: Vec<u32>,
    pub(super) reward: f32,
    /// The state it was decided in.
    pub(super) before: Arc<EncodedContext>,
    /// The state after it, where that is another.
    pub(super) after: Option<Arc<EncodedContext>>,
}

/// A transition on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    consumed: Vec<u32>,
    shown: Shown,
    negatives: Vec<u32>,
    reward: f32,
    before: SavedContext,
    after: Option<SavedContext>,
}

/// A state with its memory, which those of decisions and events go without.
#[derive(Debug, Serialize, Deserialize)]
struct SavedContext {
    context: Context,
    memory: Vec<f32>,
}

/// The transitions as trajectories of one step each, whose last state stands for the rest.
pub(super) fn experience(transitions: impl Iterator<Item = Transition>) -> Experience {
    let mut experience = Experience::default();
    for transition in transitions {
        let context = experience.contexts.len();
        experience.contexts.push(transition.before);
        experience.contexts.extend(transition.after);
        experience.trajectories.push(Trajectory {
            steps: vec![Step {
                context,
                consumed: transition.consumed,
                shown: transition.shown,
                negatives: transition.negatives,
                reward: transition.reward,
            }],
            next: Some(experience.contexts.len() - 1),
        });
    }
    experience
}

impl Transition {
    pub(super) fn save(&self) -> Saved {
        Saved {
            consumed: self.consumed.clone(),
            shown: self.shown,
            negatives: self.negatives.clone(),
            reward: self.reward,
            before: SavedContext::new(&self.before),
            after: self.after.as_deref().map(SavedContext::new),
        }
    }
}

impl SavedContext {
    fn new(user_context: &EncodedContext) -> Self {
        let context = user_context.context().clone();
        SavedContext {
            memory: context.memory.clone(),
            context,
        }
    }

    fn restore(self, network: &NetworkConfig, memory: usize) -> Result<Arc<EncodedContext>> {
        check_context(&self.context, network)?;
        check_memory(&self.memory, memory)?;
        Ok(Arc::new(EncodedContext::new(Context {
            memory: self.memory,
            ..self.context
        })))
    }
}

impl Saved {
    /// The transition again; `memory` is how many numbers are kept of a user.
    ///
    /// # Errors
    /// Where it does not belong to a network of these sizes.
    pub(super) fn restore(self, network: &NetworkConfig, memory: usize) -> Result<Transition> {
        let known = |code: &u32| (*code as usize) < network.items;
        if !self.consumed.iter().chain(&self.negatives).all(known) || !known(&self.shown.item) {
            return Err(Error::data(
                "an event that waits to be learnt from names an unknown item",
            ));
        }
        let user_context = |saved: SavedContext| saved.restore(network, memory);
        Ok(Transition {
            consumed: self.consumed,
            shown: self.shown,
            negatives: self.negatives,
            reward: self.reward,
            before: user_context(self.before)?,
            after: self.after.map(user_context).transpose()?,
        })
    }
}
