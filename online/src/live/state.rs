//! The live state: a pure fold over the answered events, in the order in which they are applied.

use std::collections::BTreeSet;
use std::sync::Arc;

use common::fingerprint::Fingerprint;
use common::ids::Dictionary;
use common::policy_artifact::{NetworkConfig, Policy as Artifact, PolicyConfig, PolicyItems, Weights};
use common::{Error, Result};

use super::ask::Ask;
use super::catalogue::{Catalogue, Sample};
use super::decision::{Decision, Event};
use super::known::Known;
use super::settings::Settings;
use super::shelf::Shelf;
use super::transition::{Transition, experience};
use super::users::{Users, View, moved_on};
use crate::adapt::{self, Buffers, ChoiceRequest, EncodedContext, Explanation, Strategy};
use crate::context::Context;
use crate::explore::Slate;

/// A policy, what it has learnt, and what it knows of users. Deciding reads it and leaves it as it is, so that many
/// threads can; applying an event changes it.
pub struct State {
    /// Which arm of an experiment it is; 0 is the reference, or no experiment.
    pub(super) arm: u16,
    pub(super) settings: Settings,
    pub(super) config: PolicyConfig,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) users: Users,
    /// What may be recommended.
    pub(super) shelf: Shelf,
    pub(super) strategy: Box<dyn Strategy>,
    /// Which policy acts.
    pub(super) fingerprint: Fingerprint,
    pub(super) counts: Counts,
    /// Events applied since the last update.
    pub(super) unlearnt: Vec<Transition>,
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Counts {
    /// Events applied.
    pub(super) applied: u64,
    /// Policies that have acted before this one.
    pub(super) epoch: u32,
    /// Updates that were refused because a weight would not have been finite.
    pub(super) refused: u64,
}

/// What applying an event did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Whether the strategy made an update.
    pub updated: bool,
    /// Why an update was left out: a weight would not have been finite.
    pub refused: Option<Error>,
}

impl State {
    /// The state of a policy to which nothing has happened.
    ///
    /// # Errors
    /// A policy without items, or of whose users other memories are kept than its network reads.
    pub fn new(policy: Artifact, settings: &Settings) -> Result<Self> {
        let policy = match settings.temperature {
            Some(temperature) => policy.at_temperature(temperature),
            None => policy,
        };
        let hyper = settings.hyper_for(policy.config.gamma);
        let likes = policy.config.likes;
        State::acting_by(policy, settings, |config, weights, items| {
            adapt::build(
                settings.strategy,
                config,
                weights,
                items,
                likes,
                &hyper,
                settings.seed,
            )
        })
    }

    /// As [`State::new`], with a strategy of any making; the settings' own is not asked.
    ///
    /// # Errors
    /// As [`State::new`].
    pub fn acting_by(
        policy: Artifact,
        settings: &Settings,
        make: impl FnOnce(&NetworkConfig, Weights, &PolicyItems) -> Box<dyn Strategy>,
    ) -> Result<Self> {
        let config = policy.config;
        let network = &config.network;
        if network.items == 0 {
            return Err(Error::data(
                "the network has 0 items: there is nothing to recommend",
            ));
        }
        let embeddings = Sample::new(&policy.weights.item_embedding, network.dims);
        let strategy = make(network, policy.weights, &policy.items);
        let known = Arc::new(Known::new(policy.users, network, strategy.memory())?);
        Ok(State {
            arm: 0,
            settings: *settings,
            catalogue: Arc::new(Catalogue::new(policy.items, embeddings, known.clone())),
            users: Users::new(known),
            shelf: Shelf::default(),
            strategy,
            fingerprint: Fingerprint::of_bytes(policy.manifest.to_json().as_bytes()),
            counts: Counts::default(),
            unlearnt: Vec::new(),
            config,
        })
    }

    /// Recommends. Pure: the same state, ask and request number give the same decision.
    ///
    /// # Errors
    /// What cannot be answered: more items than there are, a state of other sizes, codes beyond the catalogue.
    pub fn decide(&self, ask: &Ask<'_>, request: u64, buffers: &mut Buffers) -> Result<Decision> {
        let (user_context, slate) = self.at(ask, request, |user_context, choice| {
            let slate = self.strategy.choose(&[choice], buffers).pop();
            (user_context.clone(), slate)
        })?;
        let slate = slate.ok_or_else(|| Error::data("there is nothing to recommend"))?;
        Ok(self.decision(request, ask.user, user_context, slate))
    }

    /// What was decided just now.
    pub(super) fn decision(
        &self,
        request: u64,
        user: &str,
        user_context: Arc<EncodedContext>,
        slate: Slate,
    ) -> Decision {
        let slate = Slate {
            scores: Vec::new(),
            ..slate
        };
        Decision {
            request,
            arm: self.arm,
            user: user.to_string(),
            decided_after: self.counts.applied,
            epoch: self.counts.epoch,
            version: self.strategy.version(),
            user_context,
            slate,
        }
    }

    /// Lays open what [`State::decide`] would draw from.
    ///
    /// # Errors
    /// As [`State::decide`].
    pub fn explain(
        &self,
        ask: &Ask<'_>,
        buffers: &mut Buffers,
    ) -> Result<(Arc<EncodedContext>, Explanation)> {
        self.at(ask, 0, |user_context, choice| {
            (user_context.clone(), self.strategy.explain(&choice, buffers))
        })
    }

    /// Hands `then` the request that `ask` is about.
    fn at<T>(
        &self,
        ask: &Ask<'_>,
        request: u64,
        then: impl FnOnce(&Arc<EncodedContext>, ChoiceRequest<'_>) -> T,
    ) -> Result<T> {
        ask.check(&self.config.network)?;
        let open = self.shelf.among(ask.candidates);
        if let Some(open) = open.as_deref().filter(|open| open.len() < ask.k) {
            return Err(Error::data(format!(
                "{} items wanted of {}, for the others are retired",
                ask.k,
                open.len()
            ))
            .hint("ask for fewer, or restore items"));
        }
        let View {
            user_context,
            consumed,
            consumed_set,
        } = self.users.view(ask.user);
        let given = ask.given.map(|context| {
            let shown = context.history.iter().map(|(item, _)| *item);
            let consumed: Vec<u32> = consumed.iter().copied().chain(shown).collect();
            (Arc::new(EncodedContext::new(context.clone())), consumed)
        });
        let (user_context, consumed, consumed_set) = match &given {
            Some((user_context, consumed)) => (user_context, consumed.as_slice(), None),
            None => (user_context, consumed, consumed_set),
        };
        let choice = ChoiceRequest {
            user_context,
            consumed,
            consumed_set,
            candidates: open.as_deref(),
            k: ask.k,
            key: [request, 0, 0],
            greedy: false,
        };
        Ok(then(user_context, choice))
    }

    /// Applies an event: the item is consumed and, where the reward is positive, joins the user's history; the user's memory
    /// moves; the strategy learns, from this answer alone or when enough events have come. Sets the event's episode and step.
    ///
    /// The state after the event is its own moved on, so that an event that comes late teaches what it would have taught
    /// in time; what moves is the user's present state. Of the memory there is the present one alone, and all is learnt at
    /// it. An event that a former policy decided moves its user and teaches nothing: its probabilities and draws are those
    /// of other weights.
    ///
    /// # Errors
    /// An event that no decision over this catalogue can have had; nothing changes then.
    pub fn apply(&mut self, event: &mut Event) -> Result<Applied> {
        self.apply_within(event, None)
    }

    /// As [`State::apply`]; `consumed` stands in place of what the state knows as consumed where the strategy learns from
    /// what could not be chosen.
    ///
    /// # Errors
    /// As [`State::apply`].
    pub(crate) fn apply_within(&mut self, event: &mut Event, consumed: Option<&[u32]>) -> Result<Applied> {
        event.check(&self.config.network)?;
        let window = self.config.network.window;
        let (item, reward) = (event.shown.item, event.reward);
        let ours = event.arm == self.arm && event.epoch == self.counts.epoch;
        let (number, user) = self.users.change(&event.user);
        event.episode = number;
        event.step = user.events;
        self.counts.applied += 1;
        let mut memory = user.user_context.context().memory.clone();
        let mut updated = false;
        if ours {
            updated = self
                .strategy
                .answer(&user.user_context, &mut memory, &event.shown, reward);
        } else {
            self.strategy.remember(&mut memory, item, reward > 0.0);
        }
        if !ours || self.strategy.rollout().is_none() {
            user.take(item, reward, window, memory);
            return Ok(Applied {
                updated,
                refused: None,
            });
        }
        let consumed = match self.strategy.wants_consumed() {
            true => consumed
                .unwrap_or(&user.consumed)
                .iter()
                .copied()
                .filter(|code| *code != item)
                .collect(),
            false => Vec::new(),
        };
        // What was decided in time shares the encoder's work with the user's next decision.
        let in_time = is_same_but_for_memory(user.user_context.context(), event.context());
        let before = if in_time {
            user.user_context.clone()
        } else {
            at_memory_of(&event.user_context, &user.user_context)
        };
        user.take(item, reward, window, memory.clone());
        let after = if in_time {
            user.user_context.clone()
        } else {
            moved_on(&before, item, reward, window, memory)
        };
        let after = (!Arc::ptr_eq(&before, &after)).then_some(after);
        self.unlearnt.push(Transition {
            consumed,
            shown: event.shown,
            negatives: event.negatives.clone(),
            reward,
            before,
            after,
        });
        let mut applied = self.learn();
        applied.updated |= updated;
        Ok(applied)
    }

    /// Takes note of an answer to what another arm decided: it moves the user and teaches nothing. `item` is the item's code
    /// here; none where it is not in this catalogue.
    pub(crate) fn witness(&mut self, user: &str, item: Option<u32>, reward: f32) {
        let window = self.config.network.window;
        self.counts.applied += 1;
        let (_, user) = self.users.change(user);
        let Some(item) = item else {
            user.events = user.events.saturating_add(1);
            return;
        };
        let mut memory = user.user_context.context().memory.clone();
        self.strategy.remember(&mut memory, item, reward > 0.0);
        user.take(item, reward, window, memory);
    }

    /// Learns where enough events have come since the last time.
    fn learn(&mut self) -> Applied {
        if self
            .strategy
            .rollout()
            .is_none_or(|events| self.unlearnt.len() < events)
        {
            return Applied::default();
        }
        let refused = self.strategy.learn(&experience(self.unlearnt.drain(..))).err();
        self.counts.refused += u64::from(refused.is_some());
        Applied {
            updated: refused.is_none(),
            refused,
        }
    }

    /// The same state as an arm of an experiment.
    pub(crate) fn of_arm(mut self, arm: u16) -> Self {
        self.arm = arm;
        self
    }

    /// Recommends no items of these ids from now on, and all others.
    pub(crate) fn retire(&mut self, retired: &Arc<BTreeSet<String>>) {
        self.shelf = Shelf::new(retired.clone(), self.catalogue.ids());
    }

    /// The ids of items that are not recommended.
    pub fn retired(&self) -> &BTreeSet<String> {
        self.shelf.retired()
    }

    /// Which arm of an experiment it is; 0 is the reference, or no experiment.
    pub fn arm(&self) -> u16 {
        self.arm
    }

    /// Events applied so far.
    pub fn applied(&self) -> u64 {
        self.counts.applied
    }

    /// Which policy acts: 0 for the first, 1 more at each swap.
    pub fn epoch(&self) -> u32 {
        self.counts.epoch
    }

    /// Updates that the policy has had.
    pub fn version(&self) -> u64 {
        self.strategy.version()
    }

    /// Updates that were left out because a weight would not have been finite.
    pub fn refused(&self) -> u64 {
        self.counts.refused
    }

    /// The fingerprint of the policy that acts: that of its folder's manifest.
    pub fn policy(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// How it acts and learns.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The sizes of states and traits.
    pub fn network(&self) -> &NetworkConfig {
        &self.config.network
    }

    /// What the policy is: its method, the origin of its traits, its sizes.
    pub fn config(&self) -> &PolicyConfig {
        &self.config
    }

    /// The items; a code is a place in it.
    pub fn items(&self) -> &Dictionary {
        self.catalogue.ids()
    }

    /// What the policy knew when it was trained; it outlives a swap for whoever holds it.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The ids of the users whom the policy's table knows.
    pub(crate) fn table(&self) -> &Dictionary {
        self.users.known().ids()
    }

    /// What `user` had consumed as the policy's table says, ascending.
    pub(crate) fn consumed_before(&self, user: &str) -> &[u32] {
        let known = self.users.known();
        let code = known.ids().code(user);
        code.map_or(&[], |code| known.consumed(code))
    }

    /// What `user` has consumed, ascending.
    pub fn consumed(&self, user: &str) -> &[u32] {
        self.users.view(user).consumed
    }

    /// Feedback that `user` has given so far.
    pub fn events(&self, user: &str) -> u32 {
        self.users.events(user)
    }

    /// Whether anything is known of `user`.
    pub fn knows(&self, user: &str) -> bool {
        self.users.knows(user)
    }

    /// How many users have given feedback.
    pub fn changed_users(&self) -> usize {
        self.users.changed().len()
    }
}

/// Whether two contexts differ in their memories at most: those of events that were on a disk have none.
fn is_same_but_for_memory(one: &Context, other: &Context) -> bool {
    (&one.traits, &one.history) == (&other.traits, &other.history)
}

/// The context of an event with the memory of the user's present one.
fn at_memory_of(event: &Arc<EncodedContext>, present: &EncodedContext) -> Arc<EncodedContext> {
    let memory = &present.context().memory;
    if memory.is_empty() {
        return event.clone();
    }
    let Context { traits, history, .. } = event.context();
    Arc::new(EncodedContext::new(Context {
        traits: traits.clone(),
        history: history.clone(),
        memory: memory.clone(),
    }))
}
