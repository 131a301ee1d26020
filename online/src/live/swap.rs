//! One policy takes over from another while users are served: what was lived and learnt carries over as far as the ids
//! allow, and on any error the old one stays as it was.

use std::sync::Arc;

use common::policy_artifact::Policy as Artifact;
use common::{Error, Result};
use serde::Serialize;

use super::catalogue::{Catalogue, Succession};
use super::consumed::Consumed;
use super::decision::Decision;
use super::pending::Pending;
use super::settings::Settings;
use super::state::{Counts, State};
use super::users::{Changed, Users, View};
use crate::adapt::{self, EncodedContext};
use crate::context::Context;

/// A policy made ready to take over: all that takes long is done, without a lock on the state.
pub struct Successor {
    state: State,
    succession: Succession,
    /// Whose successor it is.
    of: Arc<Catalogue>,
}

/// What a swap has kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Carried {
    /// The number of the policy that acts now.
    pub epoch: u32,
    /// Items of both policies.
    pub items_shared: usize,
    /// Items that the old one did not have.
    pub items_new: usize,
    /// Items that the new one does not have.
    pub items_gone: usize,
    /// Users who gave feedback: what they have lived stays, but for items that are gone.
    pub users_kept: usize,
    /// Users whom the old policy's table knew and the new one's does not: those who never gave feedback are newcomers from
    /// now on.
    pub users_forgotten: usize,
    /// Whether the two policies' embeddings share their space (mean cosine of shared items at least 0.9).
    pub same_space: bool,
    /// What the strategy has kept of what it had learnt.
    pub learnt: adapt::Carried,
}

impl Successor {
    /// Makes `policy` ready to take over from the one whose items are `present`.
    ///
    /// # Errors
    /// A policy without items, or without any of the present ones.
    pub fn new(present: &Arc<Catalogue>, policy: Artifact, settings: &Settings) -> Result<Self> {
        let succession = present.succession(&policy);
        if succession.shared == 0 {
            return Err(Error::data(format!(
                "none of the {} items of the policy that acts is among the {} of this one",
                present.ids().len(),
                policy.items.ids.len()
            ))
            .hint("a policy takes over from one of the same catalogue, older or newer"));
        }
        Ok(Successor {
            state: State::new(policy, settings)?,
            succession,
            of: present.clone(),
        })
    }

    /// Puts another state of the same policy in its place.
    #[cfg(test)]
    pub(super) fn replace(&mut self, state: State) {
        self.state = state;
    }
}

impl State {
    /// Hands over to `successor`, in the state and in the decisions that wait for their answers. Users who gave feedback
    /// keep their histories and what they have consumed; traits, and all other users, are the new policy's, and their
    /// memories are its table's, moved by what they have lived since. Events that wait to be learnt from are dropped: they belong to the old weights.
    ///
    /// # Errors
    /// A successor of another policy than this one, and what the strategy cannot carry over; nothing changes then.
    pub fn swap(&mut self, successor: Successor, pending: &mut Pending) -> Result<Carried> {
        let arm = self.arm;
        self.swap_among(successor, |map, change| pending.change(arm, map, change))
    }

    /// As [`State::swap`]; `waiting` gets the items' new codes, and what is to be done with each decision that waits.
    ///
    /// # Errors
    /// As [`State::swap`].
    pub(crate) fn swap_among(
        &mut self,
        successor: Successor,
        waiting: impl FnOnce(&[Option<u32>], &dyn Fn(&mut Decision)),
    ) -> Result<Carried> {
        if successor.state.settings != self.settings {
            return Err(meanwhile());
        }
        let epoch = self.counts.epoch.checked_add(1);
        let epoch = epoch.ok_or_else(|| Error::usage("there were more than 4 billion policies"))?;
        let (state, map, carried) = self.heir(successor, epoch)?;
        waiting(&map, &|decision| {
            // Most decisions are of the user's present state, which was translated for its heir.
            let [old, new] = [&self.users, &state.users].map(|users| users.view(&decision.user).user_context);
            match Arc::ptr_eq(&decision.user_context, old) {
                true => decision.recode(new.clone(), &map),
                false => state.adopt(decision, &map),
            }
        });
        *self = state;
        Ok(carried)
    }

    /// The state of another arm, which begins where this one stands: with the users who gave feedback, and with what was
    /// learnt where it acts and learns by the same settings.
    ///
    /// # Errors
    /// A successor of another policy than this one, and what the strategy cannot carry over.
    pub(crate) fn fork(&self, successor: Successor, arm: u16) -> Result<State> {
        let (mut state, _, _) = self.heir(successor, 0)?;
        state.arm = arm;
        Ok(state)
    }

    /// Turns a decision of another state that waits into one in the codes of this one, which `map` gives by the old codes.
    pub(crate) fn adopt(&self, decision: &mut Decision, map: &[Option<u32>]) {
        let user_context = translated(
            &decision.user_context,
            &decision.user,
            &self.users,
            map,
            Vec::new(),
        );
        decision.recode(user_context, map);
    }

    /// The successor with what is kept of this state, by the items' new codes.
    fn heir(&self, successor: Successor, epoch: u32) -> Result<(State, Vec<Option<u32>>, Carried)> {
        let Successor {
            mut state,
            succession,
            of,
        } = successor;
        if !Arc::ptr_eq(&of, &self.catalogue) {
            return Err(meanwhile());
        }
        state.arm = self.arm;
        state.retire(self.shelf.retired());
        let same_settings = state.settings == self.settings;
        let Succession {
            map,
            shared,
            same_space,
            forgotten,
        } = succession;
        let learnt = match same_settings {
            true => state
                .strategy
                .carry_over(&self.strategy.save(), &map, same_space)?,
            false => adapt::Carried::default(),
        };
        // A policy that was trained with answers knows users by them. What was learnt of items stays: on the coat environment,
        // retrained every 1,000 episodes, it is worth 3 % (3.562 with it, 3.469 without).
        let users = learnt.users && !state.users.known().knows_answers();
        // Nothing can fail from here on.
        let carried = Carried {
            epoch,
            items_shared: shared,
            items_new: state.items().len() - shared,
            items_gone: map.len() - shared,
            users_kept: self.users.changed().len(),
            users_forgotten: forgotten,
            same_space,
            learnt,
        };
        state.counts = Counts { epoch, ..self.counts };
        let changed = self.users.changed().map(|id, user| {
            let lived = user.lived.iter();
            let lived = lived.filter_map(|&(item, liked)| Some((map[item as usize]?, liked)));
            let lived: Vec<_> = lived.collect();
            let of_strategy = users.then(|| self.of_strategy(user.user_context.context()));
            let memory = state.memory(id, &lived, of_strategy);
            Changed {
                user_context: translated(&user.user_context, id, &state.users, &map, memory),
                consumed: Consumed::new(
                    consumed(&user.consumed, state.users.view(id).consumed, &map),
                    state.config.network.items,
                ),
                events: user.events,
                lived,
            }
        });
        state.users.set_changed(changed);
        Ok((state, map, carried))
    }

    /// The strategy's numbers in a memory of this policy.
    fn of_strategy<'a>(&self, context: &'a Context) -> &'a [f32] {
        &context.memory[self.config.network.memory()..]
    }

    /// What this policy, to which nothing has happened yet, keeps of a user: what its table says, moved by what they have
    /// `lived`, but for items of which the table knows already; then the strategy's numbers, where those of the former
    /// policy's strategy fit.
    fn memory(&self, user: &str, lived: &[(u32, bool)], of_strategy: Option<&[f32]>) -> Vec<f32> {
        let View {
            user_context,
            consumed,
            ..
        } = self.users.view(user);
        let known = self.users.known();
        let answered = known
            .ids()
            .code(user)
            .map_or(&[][..], |code| known.answered(code));
        let mut memory = user_context.context().memory.clone();
        for &(item, liked) in lived {
            if consumed.binary_search(&item).is_err() && answered.binary_search(&item).is_err() {
                self.strategy.remember(&mut memory, item, liked);
            }
        }
        let own = &mut memory[self.config.network.memory()..];
        if let Some(former) = of_strategy.filter(|former| former.len() == own.len()) {
            own.copy_from_slice(former);
        }
        memory
    }
}

fn meanwhile() -> Error {
    Error::retry("another policy has taken over meanwhile").hint("try again")
}

/// A user's state with the new policy's codes, traits and memory.
fn translated(
    user_context: &EncodedContext,
    user: &str,
    users: &Users,
    map: &[Option<u32>],
    memory: Vec<f32>,
) -> Arc<EncodedContext> {
    Arc::new(EncodedContext::new(Context {
        traits: users.view(user).user_context.context().traits.clone(),
        history: mapped(&user_context.context().history, map, users.known().window()),
        memory,
    }))
}

/// What a user has consumed, in the new policy's codes, with what the new policy knows besides.
fn consumed(lived: &[u32], known: &[u32], map: &[Option<u32>]) -> Vec<u32> {
    let lived = lived.iter().filter_map(|&item| map[item as usize]);
    let mut consumed: Vec<u32> = lived.chain(known.iter().copied()).collect();
    consumed.sort_unstable();
    consumed.dedup();
    consumed
}

/// The last `window` items of a history that are still there.
fn mapped(history: &[(u32, f32)], map: &[Option<u32>], window: usize) -> Vec<(u32, f32)> {
    let kept = history
        .iter()
        .filter_map(|&(item, feedback)| Some((map[item as usize]?, feedback)));
    let mut kept: Vec<_> = kept.collect();
    kept.drain(..kept.len().saturating_sub(window));
    kept
}
