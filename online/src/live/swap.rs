//! One policy takes over from another while users are served: what was lived and learnt carries over as far as the ids
//! allow, and on any error the old one stays as it was.

use std::sync::Arc;

use common::policy_artifact::Policy as Artifact;
use common::{Error, Result};
use serde::Serialize;

use super::catalogue::{Catalogue, Succession};
use super::pending::Pending;
use super::settings::Settings;
use super::state::{Counts, State};
use super::users::{Changed, Changes, Users};
use crate::adapt::{self, Situation};
use crate::policy::Context;

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
    /// Users whom the old policy knew and the new one does not, and who never gave feedback: newcomers from now on.
    pub users_forgotten: usize,
    /// Whether the two policies' embeddings share their space (mean cosine of shared items at least 0.9).
    pub kin: bool,
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
}

impl State {
    /// Hands over to `successor`, in the state and in the decisions that wait for their answers. Users who gave feedback
    /// keep their histories and what they have consumed; traits, and all other users, are the new policy's. Events that
    /// wait to be learnt from are dropped: they belong to the old weights.
    ///
    /// # Errors
    /// A successor of another policy than this one, and what the strategy cannot carry over; nothing changes then.
    pub fn swap(&mut self, successor: Successor, pending: &mut Pending) -> Result<Carried> {
        let Successor {
            mut state,
            succession,
            of,
        } = successor;
        if !Arc::ptr_eq(&of, &self.catalogue) || state.settings != self.settings {
            return Err(Error::retry("another policy has taken over meanwhile").hint("try again"));
        }
        let epoch = self.counts.epoch.checked_add(1);
        let epoch = epoch.ok_or_else(|| Error::usage("there were more than 4 billion policies"))?;
        let Succession { map, shared, kin } = succession;
        let learnt = state.strategy.carry_over(&self.strategy.save(), &map, kin)?;
        let mut users = Changes::default();
        for (id, user) in self.users.changed().iter() {
            let changed = carried(user, id, &state.users, &map, state.config.network.window);
            users.push(id, changed);
        }
        state.users.set_changed(users);
        let forgotten = self.users.known().ids().ids();
        let carried = Carried {
            epoch,
            items_shared: shared,
            items_new: state.items().len() - shared,
            items_gone: map.len() - shared,
            users_kept: self.users.changed().len(),
            users_forgotten: forgotten.filter(|id| !state.users.knows(id)).count(),
            kin,
            learnt,
        };
        state.counts = Counts { epoch, ..self.counts };
        pending.change(
            |decision| {
                let traits = &state.users.view(&decision.user).situation.context().traits;
                let history = mapped(
                    &decision.situation.context().history,
                    &map,
                    state.config.network.window,
                );
                decision.situation = Arc::new(Situation::new(Context {
                    traits: traits.clone(),
                    history,
                }));
                let negatives = decision.slate.negatives.iter();
                decision.slate.negatives = negatives.filter_map(|&item| map[item as usize]).collect();
            },
            &map,
        );
        *self = state;
        Ok(carried)
    }
}

/// What a user has lived, in the new policy's codes, with the new policy's traits and what it knows besides.
fn carried(user: &Changed, id: &str, users: &Users, map: &[Option<u32>], window: usize) -> Changed {
    let known = users.view(id);
    let mut consumed: Vec<u32> = user
        .consumed
        .iter()
        .filter_map(|&item| map[item as usize])
        .collect();
    consumed.extend_from_slice(known.consumed);
    consumed.sort_unstable();
    consumed.dedup();
    Changed {
        situation: Arc::new(Situation::new(Context {
            traits: known.situation.context().traits.clone(),
            history: mapped(&user.situation.context().history, map, window),
        })),
        consumed,
        events: user.events,
    }
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
