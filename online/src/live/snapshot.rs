//! The state and the pending decisions as bytes and back. The same history gives the same bytes: everything stands in an
//! order that history alone decides.

use std::borrow::Cow;
use std::sync::Arc;

use common::fingerprint::Fingerprint;
use common::{Error, Result};
use serde::{Deserialize, Serialize};

use super::ask::{check_context, check_memory};
use super::consumed::Consumed;
use super::decision::Decision;
use super::pending::Pending;
use super::state::{Counts, State};
use super::transition;
use super::users::{Changed, Changes};
use crate::adapt::EncodedContext;
use crate::context::Context;

#[derive(Serialize, Deserialize)]
struct SavedState<'a> {
    /// Of the policy that it belongs to.
    policy: Fingerprint,
    counts: Counts,
    /// By number.
    #[serde(borrow)]
    users: Vec<SavedUser<'a>>,
    unlearnt: Vec<transition::Saved>,
    strategy: Vec<u8>,
}

/// A user's traits are the policy's.
#[derive(Serialize, Deserialize)]
struct SavedUser<'a> {
    id: &'a str,
    history: Cow<'a, [(u32, f32)]>,
    memory: Cow<'a, [f32]>,
    consumed: Cow<'a, [u32]>,
    events: u32,
    lived: Cow<'a, [(u32, bool)]>,
}

#[derive(Deserialize)]
struct SavedPending {
    next: u64,
    /// By number of the decision.
    decisions: Vec<(Decision, Vec<Option<f32>>)>,
}

/// As [`SavedPending`], borrowed: there may be a hundred thousand decisions, and recommendations wait meanwhile.
#[derive(Serialize)]
struct BorrowedPending<'a> {
    next: u64,
    decisions: Vec<(&'a Decision, &'a [Option<f32>])>,
}

impl State {
    /// All that has happened to this policy, as bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let users = self.users.changed().iter().map(|(id, user)| SavedUser {
            id,
            history: Cow::Borrowed(&user.user_context.context().history),
            memory: Cow::Borrowed(&user.user_context.context().memory),
            consumed: Cow::Borrowed(&user.consumed),
            events: user.events,
            lived: Cow::Borrowed(&user.lived),
        });
        bytes(&SavedState {
            policy: self.fingerprint.clone(),
            counts: self.counts,
            users: users.collect(),
            unlearnt: self.unlearnt.iter().map(transition::Transition::save).collect(),
            strategy: self.strategy.save(),
        })
    }

    /// The fingerprint of [`State::snapshot`]: two states with the same one are the same.
    pub fn digest(&self) -> Fingerprint {
        Fingerprint::of_bytes(&self.snapshot())
    }

    /// Takes over a snapshot of a state of the same policy and settings.
    ///
    /// # Errors
    /// Bytes that are damaged or of another policy; nothing changes then.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<()> {
        let saved: SavedState = parse(snapshot)?;
        if saved.policy != self.fingerprint {
            return Err(Error::data(format!(
                "the snapshot is of the policy {}, not of {}",
                saved.policy, self.fingerprint
            )));
        }
        let mut users = Changes::default();
        for user in saved.users {
            let (id, user) = self.user(user)?;
            if users.get(id).is_some() {
                return Err(Error::data("the snapshot holds a user twice").at(format!("user {id}")));
            }
            users.push(id, user);
        }
        let (network, memory) = (&self.config.network, self.users.known().memory());
        let unlearnt = saved.unlearnt.into_iter().map(|one| one.restore(network, memory));
        let unlearnt = unlearnt.collect::<Result<Vec<_>>>()?;
        self.strategy.restore(&saved.strategy)?;
        self.users.set_changed(users);
        self.counts = saved.counts;
        self.unlearnt = unlearnt;
        Ok(())
    }

    /// A user with the policy's traits.
    fn user<'a>(&self, saved: SavedUser<'a>) -> Result<(&'a str, Changed)> {
        let SavedUser {
            id,
            history,
            memory,
            consumed,
            events,
            lived,
        } = saved;
        let place = |error: Error| error.at(format!("snapshot, user {id}"));
        let context = Context {
            traits: self.users.known().traits(id),
            history: history.into_owned(),
            memory: memory.into_owned(),
        };
        check_context(&context, &self.config.network).map_err(place)?;
        check_memory(&context.memory, self.users.known().memory()).map_err(place)?;
        let beyond = |code: &u32| *code as usize >= self.config.network.items;
        if !consumed.is_sorted_by(|a, b| a < b) || consumed.last().is_some_and(beyond) {
            return Err(place(Error::data(
                "what was consumed is not ascending codes of the catalogue",
            )));
        }
        if lived.iter().any(|(item, _)| beyond(item)) {
            return Err(place(Error::data(
                "an item that came back is not in the catalogue",
            )));
        }
        let changed = Changed {
            user_context: Arc::new(EncodedContext::new(context)),
            consumed: Consumed::new(consumed.into_owned(), self.config.network.items),
            events,
            lived: lived.into_owned(),
        };
        Ok((id, changed))
    }
}

impl Pending {
    /// The kept decisions and their answers, as bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut decisions: Vec<_> = self
            .entries()
            .map(|entry| (&entry.decision, entry.rewards.as_slice()))
            .collect();
        decisions.sort_unstable_by_key(|(decision, _)| decision.request);
        bytes(&BorrowedPending {
            next: self.next_request(),
            decisions,
        })
    }

    /// Replaces the kept decisions by those of a snapshot; where there is less room than it needs, by the latest.
    ///
    /// # Errors
    /// Bytes that are damaged; nothing changes then.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<()> {
        let saved: SavedPending = parse(snapshot)?;
        let mut restored = Pending::new(self.capacity());
        for (decision, rewards) in saved.decisions {
            let slate = &decision.slate;
            let fits = |count: usize| count == slate.items.len();
            let optional = |count: usize| count == 0 || fits(count);
            if !fits(slate.propensities.len())
                || ![rewards.len(), slate.prior.len(), slate.adapted.len()]
                    .into_iter()
                    .all(optional)
            {
                return Err(
                    Error::data("the snapshot is damaged").at(format!("request {}", decision.request))
                );
            }
            restored.put(decision, rewards);
        }
        restored.count_from(saved.next);
        *self = restored;
        Ok(())
    }
}

fn bytes(value: &impl Serialize) -> Vec<u8> {
    // Writing to memory fails for maps of unknown length alone, and there is none.
    postcard::to_stdvec(value).unwrap_or_default()
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(Error::data(format!(
            "the snapshot has {} bytes too many",
            rest.len()
        ))),
        Err(e) => Err(Error::data(format!("the snapshot cannot be read: {e}"))),
    }
}
