//! A decision, and the event that it becomes when it is answered. Both hold every fact that a later update needs, so
//! that feedback can be late, out of order, or read from a disk.

use std::sync::Arc;

use common::policy_artifact::NetworkConfig;
use common::{Error, Result};
use serde::{Deserialize, Serialize};

use super::ask::check_context;
use crate::adapt::EncodedContext;
use crate::context::Context;
use crate::explore::{Shown, Slate};

/// The largest reward taken, in absolute value: far from where f32 overflows.
pub const MOST_REWARD: f32 = 1e6;

/// What was recommended, and all that was known then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decision {
    /// Its number, which the answer names.
    pub request: u64,
    /// The arm that decided; 0 is the reference. Records say it beside the decision.
    #[serde(skip)]
    pub arm: u16,
    /// The user's id.
    pub user: String,
    /// Events applied to the state that decided.
    pub decided_after: u64,
    /// The policy that decided: 0 for the first, 1 more at each swap.
    pub epoch: u32,
    /// Updates that policy had had.
    pub version: u64,
    /// The user's state.
    #[serde(with = "super::as_context")]
    pub user_context: Arc<EncodedContext>,
    /// The items and their probabilities.
    pub slate: Slate,
}

/// One recommended item with its feedback.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// The number of the decision.
    pub request: u64,
    /// The item's place in the slate, from 0.
    pub position: u32,
    /// The arm that decided, in whose codes the items are; 0 is the reference.
    #[serde(skip)]
    pub arm: u16,
    /// The user's id.
    pub user: String,
    /// The user's number in order of their first feedback, from 0; set where the event is applied.
    pub episode: u32,
    /// The user's events before this one; set where the event is applied.
    pub step: u32,
    /// Events applied to the state that decided.
    pub decided_after: u64,
    /// The policy that decided.
    pub epoch: u32,
    /// Updates that policy had had.
    pub version: u64,
    /// The user's state when it decided.
    #[serde(with = "super::as_context")]
    pub user_context: Arc<EncodedContext>,
    /// The item and its probabilities.
    pub shown: Shown,
    /// Items drawn from the adapted policy in the same state ([`Slate::negatives_at`]).
    pub negatives: Vec<u32>,
    /// What came back.
    pub reward: f32,
    /// When it came back, in milliseconds since 1970 as the caller says.
    pub timestamp_ms: i64,
}

impl Decision {
    /// Puts a decision into other codes, but for its items, which have places of their own among those that wait.
    pub(super) fn recode(&mut self, user_context: Arc<EncodedContext>, map: &[Option<u32>]) {
        self.user_context = user_context;
        let negatives = self.slate.negatives.iter();
        self.slate.negatives = negatives.filter_map(|&item| map[item as usize]).collect();
    }

    /// The event of the item at `position`; none where the slate has no such place.
    pub(crate) fn event(&self, position: usize, reward: f32, timestamp_ms: i64) -> Option<Event> {
        Some(Event {
            request: self.request,
            position: position as u32,
            arm: self.arm,
            user: self.user.clone(),
            episode: 0,
            step: 0,
            decided_after: self.decided_after,
            epoch: self.epoch,
            version: self.version,
            user_context: self.user_context.clone(),
            shown: self.slate.shown(position)?,
            negatives: self.slate.negatives_at(position),
            reward,
            timestamp_ms,
        })
    }
}

impl Event {
    /// The user's state when it was decided.
    pub fn context(&self) -> &Context {
        self.user_context.context()
    }

    /// Refuses an event that did not come from a decision over this catalogue.
    pub(super) fn check(&self, network: &NetworkConfig) -> Result<()> {
        let place = |error: Error| error.at(format!("request {}", self.request));
        check_context(self.context(), network).map_err(place)?;
        let mut items = self.negatives.iter().chain([&self.shown.item]);
        if let Some(item) = items.find(|item| **item as usize >= network.items) {
            return Err(place(Error::data(format!(
                "item {item} is not among the {} of the catalogue",
                network.items
            ))));
        }
        if !is_reward(self.reward) {
            return Err(place(Error::data(format!(
                "the reward {} is not a number from -{MOST_REWARD} to {MOST_REWARD}",
                self.reward
            ))));
        }
        let Shown {
            propensity,
            prior,
            adapted,
            weight,
            ..
        } = self.shown;
        let is_probability = |p: f32| (0.0..=1.0).contains(&p);
        if propensity == 0.0
            || ![propensity, prior, adapted, weight]
                .into_iter()
                .all(is_probability)
        {
            return Err(place(Error::data(format!(
                "probabilities of {propensity} (prior {prior}, adapted {adapted}, weight {weight}): each lies from 0 to 1, \
                 and what was drawn had one above 0"
            ))));
        }
        Ok(())
    }
}

/// Whether this is a reward that is taken.
pub(super) fn is_reward(reward: f32) -> bool {
    reward.is_finite() && reward.abs() <= MOST_REWARD
}
