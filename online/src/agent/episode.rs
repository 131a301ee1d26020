//! One user's episode in one environment: what may still be shown, and the recommendation that waits for its answer.

use common::ids::Dictionary;
use common::{Error, Result};

use super::Row;
use crate::live::{Decision, Event, State};

/// An episode that is open. What is known of its user is the live state's.
#[derive(Debug)]
pub(super) struct Episode {
    pub(super) user: String,
    /// The items of this user in the policy's table, and those of this episode; ascending, each once.
    pub(super) consumed: Vec<u32>,
    pub(super) pending: Option<Decision>,
    /// The step that is being decided, or waits for its feedback.
    pub(super) step: u32,
    /// Its number over all environments.
    pub(super) number: u32,
}

impl Episode {
    /// Begins with what the policy's table says that the user had consumed.
    pub(super) fn begin(user: &str, state: &State, number: u32) -> Self {
        Episode {
            user: user.to_string(),
            consumed: state.consumed_before(user).to_vec(),
            pending: None,
            step: 0,
            number,
        }
    }

    /// The event of the item of the pending recommendation that `row` answers.
    pub(super) fn answered(&mut self, row: &Row<'_>, items: &Dictionary, time: i64) -> Result<Event> {
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
        let Some(decision) = self.pending.take() else {
            return Err(Error::data(format!(
                "a reward for `{item}`, but nothing was recommended"
            )));
        };
        let recommended = &decision.slate.items;
        let position = recommended.iter().position(|shown| *shown == code);
        position
            .and_then(|position| decision.event(position, reward, time))
            .ok_or_else(|| {
                let recommended: Vec<&str> = recommended.iter().map(|item| items.id(*item)).collect();
                Error::data(format!(
                    "the reward is for `{item}`, but `{}` was recommended",
                    recommended.join("`, `")
                ))
            })
    }

    /// Goes on to the next step: the item is not shown again.
    pub(super) fn move_on(&mut self, item: u32) {
        self.step += 1;
        if let Err(place) = self.consumed.binary_search(&item) {
            self.consumed.insert(place, item);
        }
    }
}
