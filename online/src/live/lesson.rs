//! What the strategy is to learn from an event, kept until enough of them have come.

use std::sync::Arc;

use common::policy_artifact::NetworkConfig;
use common::{Error, Result};
use serde::{Deserialize, Serialize};

use super::ask::{check_context, check_memory};
use crate::adapt::{Experience, Situation, Step, Trajectory};
use crate::context::Context;
use crate::explore::Shown;

/// One event, ready to be learnt from.
#[derive(Debug, Clone)]
pub(super) struct Lesson {
    /// What the user had consumed, but for the item.
    pub(super) consumed: Vec<u32>,
    pub(super) shown: Shown,
    pub(super) negatives: Vec<u32>,
    pub(super) reward: f32,
    /// The state it was decided in.
    pub(super) before: Arc<Situation>,
    /// The state behind it, where that is another.
    pub(super) behind: Option<Arc<Situation>>,
}

/// A lesson on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    consumed: Vec<u32>,
    shown: Shown,
    negatives: Vec<u32>,
    reward: f32,
    before: SavedContext,
    behind: Option<SavedContext>,
}

/// A state with its memory, which those of decisions and events go without.
#[derive(Debug, Serialize, Deserialize)]
struct SavedContext {
    context: Context,
    memory: Vec<f32>,
}

/// The lessons as trajectories of one step each, whose last state stands for the rest.
pub(super) fn experience(lessons: impl Iterator<Item = Lesson>) -> Experience {
    let mut experience = Experience::default();
    for lesson in lessons {
        let context = experience.contexts.len();
        experience.contexts.push(lesson.before);
        experience.contexts.extend(lesson.behind);
        experience.trajectories.push(Trajectory {
            steps: vec![Step {
                context,
                consumed: lesson.consumed,
                shown: lesson.shown,
                negatives: lesson.negatives,
                reward: lesson.reward,
            }],
            next: Some(experience.contexts.len() - 1),
        });
    }
    experience
}

impl Lesson {
    pub(super) fn save(&self) -> Saved {
        Saved {
            consumed: self.consumed.clone(),
            shown: self.shown,
            negatives: self.negatives.clone(),
            reward: self.reward,
            before: SavedContext::new(&self.before),
            behind: self.behind.as_deref().map(SavedContext::new),
        }
    }
}

impl SavedContext {
    fn new(situation: &Situation) -> Self {
        let context = situation.context().clone();
        SavedContext {
            memory: context.memory.clone(),
            context,
        }
    }

    fn restore(self, network: &NetworkConfig, memory: usize) -> Result<Arc<Situation>> {
        check_context(&self.context, network)?;
        check_memory(&self.memory, memory)?;
        Ok(Arc::new(Situation::new(Context {
            memory: self.memory,
            ..self.context
        })))
    }
}

impl Saved {
    /// The lesson again; `memory` is how many numbers are kept of a user.
    ///
    /// # Errors
    /// Where it does not belong to a network of these sizes.
    pub(super) fn restore(self, network: &NetworkConfig, memory: usize) -> Result<Lesson> {
        let known = |code: &u32| (*code as usize) < network.items;
        if !self.consumed.iter().chain(&self.negatives).all(known) || !known(&self.shown.item) {
            return Err(Error::data(
                "an event that waits to be learnt from names an unknown item",
            ));
        }
        let situation = |saved: SavedContext| saved.restore(network, memory);
        Ok(Lesson {
            consumed: self.consumed,
            shown: self.shown,
            negatives: self.negatives,
            reward: self.reward,
            before: situation(self.before)?,
            behind: self.behind.map(situation).transpose()?,
        })
    }
}
