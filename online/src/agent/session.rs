//! One user's episode in one environment.

use std::sync::Arc;

use common::ids::Dictionary;
use common::{Error, Result};

use super::Row;
use crate::adapt::{Situation, Step};
use crate::explore::{Shown, Slate};
use crate::live::{Known, moved_on};

/// A recommendation that waits for its feedback.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) slate: Slate,
    /// The version of the policy that chose.
    pub(super) version: u64,
}

/// An item of it that was answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) shown: Shown,
    pub(super) negatives: Vec<u32>,
    /// The version of the policy that chose.
    pub(super) version: u64,
    pub(super) reward: f32,
}

/// The live state of an episode.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) user: String,
    pub(super) situation: Arc<Situation>,
    /// Where the recorder keeps the situation: its rollout, and the index.
    pub(super) recorded: Option<(u64, usize)>,
    /// The log's items of this user, then those shown in this episode.
    pub(super) consumed: Vec<u32>,
    pub(super) pending: Option<Pending>,
    /// The step that is being decided, or waits for its feedback.
    pub(super) step: u32,
    /// The episode's number over all environments.
    pub(super) episode: u32,
    /// Steps since the last update.
    pub(super) trajectory: Vec<Step>,
}

impl Session {
    /// Starts from what the policy knows of the user: an unknown one has no history, no traits, nothing consumed.
    pub(super) fn open(user: &str, users: &Known, episode: u32) -> Self {
        let (context, consumed) = users.start(user);
        Session {
            user: user.to_string(),
            situation: Arc::new(Situation::new(context)),
            recorded: None,
            consumed: consumed.to_vec(),
            pending: None,
            step: 0,
            episode,
            trajectory: Vec::new(),
        }
    }

    /// Checks that `row` answers an item of the pending recommendation.
    pub(super) fn answered(&mut self, row: &Row<'_>, items: &Dictionary) -> Result<Answer> {
        if row.user != self.user {
            return Err(Error::data(format!(
                "the user changed from `{}` to `{}` in an episode",
                self.user, row.user
            )));
        }
        if row.step != self.step + 1 {
            return Err(Error::data(format!(
                "step {} follows step {}",
                row.step, self.step
            )));
        }
        let Some(item) = row.item else {
            return Err(Error::data("no `last_item`: the reward belongs to no item"));
        };
        let Some(code) = items.code(item) else {
            return Err(Error::data(format!(
                "the item `{item}` is not in the policy's catalogue"
            )));
        };
        let Some(reward) = row.reward else {
            return Err(Error::data(format!("no reward for the item `{item}`")));
        };
        if !reward.is_finite() {
            return Err(Error::data(format!("the reward {reward} is not finite")));
        }
        let Some(Pending { slate, version }) = self.pending.take() else {
            return Err(Error::data(format!(
                "a reward for `{item}`, but nothing was recommended"
            )));
        };
        let position = slate.items.iter().position(|shown| *shown == code);
        match position.and_then(|position| Some((position, slate.shown(position)?))) {
            Some((position, shown)) => Ok(Answer {
                shown,
                negatives: slate.negatives_at(position),
                version,
                reward,
            }),
            None => {
                let recommended: Vec<&str> = slate.items.iter().map(|item| items.id(*item)).collect();
                Err(Error::data(format!(
                    "the reward is for `{item}`, but `{}` was recommended",
                    recommended.join("`, `")
                )))
            }
        }
    }

    /// Moves on: the item is consumed, and joins the history where the reward is positive.
    pub(super) fn move_on(&mut self, answer: &Answer, window: usize, memory: Vec<f32>) {
        self.step += 1;
        self.consumed.push(answer.shown.item);
        let behind = moved_on(&self.situation, answer.shown.item, answer.reward, window, memory);
        if !Arc::ptr_eq(&behind, &self.situation) {
            self.situation = behind;
            self.recorded = None;
        }
    }
}
