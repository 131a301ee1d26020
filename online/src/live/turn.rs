//! What an environment asks of a live policy: recommendations to many users at once, of what each environment leaves open.

use super::decision::Decision;
use super::state::State;
use crate::adapt::{Buffers, ChoiceRequest};

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
        buffers: &mut Buffers,
    ) -> Vec<Decision> {
        let choices: Vec<ChoiceRequest<'_>> = turns
            .iter()
            .map(|turn| ChoiceRequest {
                user_context: self.users.view(turn.user).user_context,
                consumed: turn.consumed,
                consumed_set: None,
                candidates: None,
                k,
                key: turn.key,
                greedy: false,
            })
            .collect();
        let slates = self.strategy.choose(&choices, buffers);
        let decided = turns.iter().zip(slates).zip(request..);
        decided
            .map(|((turn, slate), request)| {
                let user_context = self.users.view(turn.user).user_context.clone();
                self.decision(request, turn.user, user_context, slate)
            })
            .collect()
    }
}
