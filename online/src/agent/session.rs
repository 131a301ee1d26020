//! One user's episode in one environment.

use std::sync::Arc;

use common::ids::Dictionary;
use common::policy_artifact::{NetworkConfig, PolicyUsers};
use common::{Error, Result};

use super::Row;
use crate::adapt::{Situation, Step};
use crate::explore::Shown;
use crate::policy::Context;

/// A recommendation that waits for its feedback.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) shown: Shown,
    pub(super) negatives: Vec<u32>,
    /// The version of the policy that chose.
    pub(super) version: u64,
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
    pub(super) fn open(user: &str, users: &PolicyUsers, network: &NetworkConfig, episode: u32) -> Self {
        let (context, consumed) = start(user, users, network);
        Session {
            user: user.to_string(),
            situation: Arc::new(Situation::new(context)),
            recorded: None,
            consumed,
            pending: None,
            step: 0,
            episode,
            trajectory: Vec::new(),
        }
    }

    /// Checks that `row` answers the pending recommendation, and gives both.
    pub(super) fn answered(&mut self, row: &Row<'_>, items: &Dictionary) -> Result<(Pending, f32)> {
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
        match self.pending.take() {
            Some(pending) if pending.shown.item == code => Ok((pending, reward)),
            Some(pending) => Err(Error::data(format!(
                "the reward is for `{item}`, but `{}` was recommended",
                items.id(pending.shown.item)
            ))),
            None => Err(Error::data(format!(
                "a reward for `{item}`, but nothing was recommended"
            ))),
        }
    }

    /// Moves on: the item is consumed, and joins the history where the reward is positive.
    pub(super) fn move_on(&mut self, pending: &Pending, reward: f32, window: usize) {
        self.step += 1;
        self.consumed.push(pending.shown.item);
        if reward > 0.0 {
            let mut context = self.situation.context().clone();
            context.history.push((pending.shown.item, 1.0));
            let surplus = context.history.len().saturating_sub(window);
            context.history.drain(..surplus);
            self.situation = Arc::new(Situation::new(context));
            self.recorded = None;
        }
    }
}

/// What the policy knows of a user: the state, and the items of the log.
pub(crate) fn start(user: &str, users: &PolicyUsers, network: &NetworkConfig) -> (Context, Vec<u32>) {
    let NetworkConfig { traits, window, .. } = *network;
    let Some(code) = users.ids.code(user).map(|code| code as usize) else {
        return (
            Context {
                traits: vec![0.0; traits],
                history: Vec::new(),
            },
            Vec::new(),
        );
    };
    let history = &users.history[code];
    let context = Context {
        traits: users.traits[code * traits..(code + 1) * traits].to_vec(),
        history: history[history.len().saturating_sub(window)..].to_vec(),
    };
    (context, users.consumed[code].clone())
}
