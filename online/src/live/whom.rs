//! What a batch or an environment asks of a live policy: recommendations to many users at once.

use super::decision::Decision;
use super::state::State;
use crate::adapt::{Buffers, ChoiceRequest, EncodedContext};
use crate::context::Context;
use crate::explore::Slate;
use common::policy::{Network, history};

/// A user to recommend to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whom<'a> {
    /// What is known of the user, in place of what the state knows.
    pub(crate) given: Option<&'a EncodedContext>,
    /// The user's id.
    pub(crate) user: &'a str,
    /// What may not be chosen: codes in any order.
    pub(crate) closed: &'a [u32],
    /// Only these may be chosen: codes, ascending, each once, at least one. None: all.
    pub(crate) candidates: Option<&'a [u32]>,
    /// The index of the draws' randomness, never used twice.
    pub(crate) key: [u64; 3],
}

impl State {
    /// The best `k` items for each, or a draw of so many; fewer where fewer may be chosen.
    pub(crate) fn recommend_to(
        &self,
        whom: &[Whom<'_>],
        k: usize,
        greedy: bool,
        buffers: &mut Buffers,
    ) -> Vec<Slate> {
        let open: Vec<_> = whom.iter().map(|one| self.shelf.among(one.candidates)).collect();
        let choices: Vec<ChoiceRequest<'_>> = whom
            .iter()
            .zip(&open)
            .map(|(one, open)| ChoiceRequest {
                user_context: one
                    .given
                    .unwrap_or_else(|| self.users.view(one.user).user_context),
                consumed: one.closed,
                consumed_set: None,
                candidates: open.as_deref(),
                k,
                key: one.key,
                greedy,
            })
            .collect();
        self.strategy.choose(&choices, buffers)
    }

    /// Draws `k` items for each, all by the same state, as decisions whose numbers count from `request`. An environment's
    /// episode begins again with what may be shown; what is known of the user goes on, as in a service.
    pub(crate) fn decide_turns(
        &self,
        turns: &[Whom<'_>],
        k: usize,
        request: u64,
        buffers: &mut Buffers,
    ) -> Vec<Decision> {
        let slates = self.recommend_to(turns, k, false, buffers);
        let decided = turns.iter().zip(slates).zip(request..);
        decided
            .map(|((turn, slate), request)| {
                let user_context = self.users.view(turn.user).user_context.clone();
                self.decision(request, turn.user, user_context, slate)
            })
            .collect()
    }

    /// What is known of `user` at present.
    pub(crate) fn context_of(&self, user: &str) -> &Context {
        self.users.view(user).user_context.context()
    }

    /// What the policy's table says of a user to whom nothing has happened since; unlike what deciding keeps of such users, it
    /// goes with the caller, so that asking for millions fills no memory.
    pub(crate) fn as_trained(&self, user: &str) -> Option<EncodedContext> {
        let known = self.users.known();
        let code = known.ids().code(user)?;
        let untouched = self.users.changed().get(user).is_none();
        untouched.then(|| EncodedContext::new(known.context(code)))
    }

    /// The state of a newcomer with this past, oldest first: items, and whether each was liked.
    pub(crate) fn context_after(&self, past: &[(u32, bool)]) -> Context {
        let mut context = self.users.known().stranger();
        match self.prior().filter(|network| network.config().memory() > 0) {
            Some(network) => past.iter().for_each(|&(item, liked)| {
                history::remember(&network.weights().encoder, &mut context.memory, item, liked, 1.0);
            }),
            // Made from the history that the network reads.
            None => context.memory.clear(),
        }
        let signs = past
            .iter()
            .map(|&(item, liked)| (item, if liked { 1.0 } else { -1.0 }));
        context.history.extend(signs);
        let surplus = context.history.len().saturating_sub(self.network().window);
        context.history.drain(..surplus);
        context
    }

    /// The ids of all who are known: those of the policy's table, then those who answered besides, in order of their first.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &str> {
        let table = self.table();
        let answered = self.users.changed().iter().map(|(id, _)| id);
        table.ids().chain(answered.filter(|id| table.code(id).is_none()))
    }

    /// The network that chooses, where it is one that does not learn.
    pub(crate) fn prior(&self) -> Option<&Network> {
        self.strategy.prior()
    }
}
