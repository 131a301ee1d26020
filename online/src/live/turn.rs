//! What an environment asks of a live policy: recommendations to many users at once, of what each environment leaves open.

use super::decision::Decision;
use super::state::State;
use crate::adapt::{Moment, Room};

/// One recommendation wanted. An environment's episode begins again with what may be shown; what is known of the user goes
/// on, as in a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn<'a> {
    /// The user's id.
    pub(crate) user: &'a str,
    /// What may not be chosen, in place of what the state knows as consumed.
    pub(crate) consumed: &'a [u32],
    /// The index of the draws' randomness, never used twice.
    pub(crate) key: [u64; 3],
}

impl State {
    /// Recommends `k` items at each turn, all by the same state; the decisions' numbers count from `request`.
    pub(crate) fn decide_turns(
        &self,
        turns: &[Turn<'_>],
        k: usize,
        request: u64,
        room: &mut Room,
    ) -> Vec<Decision> {
        let moments: Vec<Moment<'_>> = turns
            .iter()
            .map(|turn| Moment {
                situation: self.users.view(turn.user).situation,
                consumed: turn.consumed,
                candidates: None,
                k,
                key: turn.key,
            })
            .collect();
        let slates = self.strategy.choose(&moments, room);
        let decided = turns.iter().zip(slates).zip(request..);
        decided
            .map(|((turn, slate), request)| {
                let situation = self.users.view(turn.user).situation.clone();
                self.decision(request, turn.user, situation, slate)
            })
            .collect()
    }
}
