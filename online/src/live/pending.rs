//! The recommendations that may still be answered: a ring of the latest, so that memory is bounded whatever clients do.
//!
//! A decision has its place by its number, and each knows the one before it of the same user, so that feedback can name
//! either. An answered item keeps its reward as long as its decision is in the ring: the same feedback again changes
//! nothing, and other feedback is refused.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::decision::{Decision, is_reward};
use super::feedback::{Feedback, Refusal, Subject, Taken};

/// A fixed key: no result depends on it.
const HASHER: FixedState = FixedState::with_seed(0);
/// How many decisions of one user are looked through for an item.
const LOOK_BACK: usize = 1_000;
/// Stands for an item that has left the catalogue.
const GONE: u32 = u32::MAX;

/// The latest decisions and their answers.
#[derive(Debug)]
pub struct Pending {
    /// Decision n stands at n modulo the length.
    ring: Vec<Option<Entry>>,
    /// The number of each user's latest decision.
    latest: HashTable<u64>,
    /// One above the highest number seen.
    next: u64,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) decision: Decision,
    /// The reward of each position; empty while none is answered.
    pub(super) rewards: Vec<Option<f32>>,
    /// The user's decision before this one.
    previous: Option<u64>,
}

/// Where feedback belongs.
struct Place {
    at: usize,
    position: usize,
}

impl Pending {
    /// How many decisions are kept where nothing else is asked for.
    pub const CAPACITY: usize = 100_000;

    /// Buffers for the latest `capacity` decisions, at least one.
    pub fn new(capacity: usize) -> Self {
        let mut ring = Vec::new();
        ring.resize_with(capacity.max(1), || None);
        Pending {
            ring,
            latest: HashTable::new(),
            next: 0,
        }
    }

    /// Keeps a decision; the one in its place is forgotten. A decision so late that a newer one has its place is not kept.
    pub fn insert(&mut self, decision: Decision) {
        self.put(decision, Vec::new());
    }

    pub(super) fn put(&mut self, decision: Decision, rewards: Vec<Option<f32>>) {
        let request = decision.request;
        self.next = self.next.max(request.saturating_add(1));
        let at = self.at(request);
        if self.ring[at]
            .as_ref()
            .is_some_and(|entry| entry.decision.request > request)
        {
            return;
        }
        self.forget(at);
        let hash = HASHER.hash_one(decision.user.as_str());
        let Pending { ring, latest, .. } = self;
        let user_of = |number: &u64| {
            let entry = ring[(*number % ring.len() as u64) as usize].as_ref();
            entry.map_or("", |entry| entry.decision.user.as_str())
        };
        let same = |number: &u64| user_of(number) == decision.user;
        let previous = match latest.find_mut(hash, same) {
            Some(number) => Some(std::mem::replace(number, request)),
            None => {
                latest.insert_unique(hash, request, |number| HASHER.hash_one(user_of(number)));
                None
            }
        };
        ring[at] = Some(Entry {
            decision,
            rewards,
            previous,
        });
    }

    /// Takes feedback: an open recommendation counts as answered from now on.
    ///
    /// # Errors
    /// Why it is not taken; nothing changes then.
    pub fn take(&mut self, feedback: &Feedback<'_>) -> Result<Taken, Refusal> {
        if !is_reward(feedback.reward) {
            return Err(Refusal::Reward);
        }
        let Place { at, position } = self.find(&feedback.subject)?;
        let Some(entry) = &mut self.ring[at] else {
            return Err(Refusal::Unknown);
        };
        match entry.rewards.get(position).copied().flatten() {
            Some(given) if given == feedback.reward => Ok(Taken::Duplicate),
            Some(given) => Err(Refusal::Conflict { given }),
            None => {
                let event = entry
                    .decision
                    .event(position, feedback.reward, feedback.timestamp_ms)
                    .ok_or(Refusal::NotRecommended)?;
                entry.rewards.resize(entry.decision.slate.items.len(), None);
                entry.rewards[position] = Some(feedback.reward);
                Ok(Taken::Open(event))
            }
        }
    }

    /// As [`Pending::take`] one by one, but all or nothing.
    ///
    /// # Errors
    /// The first that is not taken, by its place among them, and why; nothing changes then.
    pub fn take_all(&mut self, feedbacks: &[Feedback<'_>]) -> Result<Vec<Taken>, (usize, Refusal)> {
        let mut taken = Vec::with_capacity(feedbacks.len());
        for (place, feedback) in feedbacks.iter().enumerate() {
            match self.take(feedback) {
                Ok(one) => taken.push(one),
                Err(refusal) => {
                    for one in &taken {
                        if let Taken::Open(event) = one {
                            self.reopen(event.request, event.position);
                        }
                    }
                    return Err((place, refusal));
                }
            }
        }
        Ok(taken)
    }

    /// Marks as answered what an event from the journal has answered. An event whose decision is gone changes nothing.
    pub fn answered(&mut self, request: u64, position: u32, reward: f32) {
        if let Some(entry) = self.entry_mut(request) {
            let items = entry.decision.slate.items.len();
            entry.rewards.resize(items, None);
            if let Some(slot) = entry.rewards.get_mut(position as usize) {
                *slot = Some(reward);
            }
        }
    }

    /// The arm that decided request `request`; the reference where it is not kept.
    pub(crate) fn arm_of(&self, request: u64) -> u16 {
        self.entry(request).map_or(0, |entry| entry.decision.arm)
    }

    /// The newest decision that showed an item to `user`, and the item's code there: `code` gives it by the arm.
    pub(crate) fn newest_by(&self, user: &str, code: impl Fn(u16) -> Option<u32>) -> Option<(u64, u32)> {
        let place = self.newest_where(user, |decision| code(decision.arm))?;
        let decision = &self.ring[place.at].as_ref()?.decision;
        Some((decision.request, decision.slate.items[place.position]))
    }

    /// How many decisions are kept.
    pub fn len(&self) -> usize {
        self.entries().count()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.entries().next().is_none()
    }

    /// One above the highest number seen: the number of the next decision.
    pub fn next_request(&self) -> u64 {
        self.next
    }

    /// How many decisions there is room for.
    pub fn capacity(&self) -> usize {
        self.ring.len()
    }

    /// The kept decisions of other arms than the reference: the request, and the arm.
    pub(crate) fn arms(&self) -> Vec<(u64, u16)> {
        let decisions = self.entries().map(|entry| &entry.decision);
        let arms = decisions.filter(|decision| decision.arm != 0);
        let mut arms: Vec<_> = arms.map(|decision| (decision.request, decision.arm)).collect();
        arms.sort_unstable();
        arms
    }

    /// Says again which arms decided, as [`Pending::arms`] gave it.
    pub(crate) fn set_arms(&mut self, arms: &[(u64, u16)]) {
        for &(request, arm) in arms {
            if let Some(entry) = self.entry_mut(request) {
                entry.decision.arm = arm;
            }
        }
    }

    /// The next decision's number is at least `next`.
    pub(crate) fn count_from(&mut self, next: u64) {
        self.next = self.next.max(next);
    }

    /// The kept decisions and their answers, in no particular order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.ring.iter().flatten()
    }

    /// Changes every kept decision of an arm after a swap; an item that has left the catalogue becomes one that none answers.
    pub(crate) fn change(&mut self, arm: u16, map: &[Option<u32>], change: impl Fn(&mut Decision)) {
        let entries = self.ring.iter_mut().flatten();
        for entry in entries.filter(|entry| entry.decision.arm == arm) {
            for item in &mut entry.decision.slate.items {
                *item = map.get(*item as usize).copied().flatten().unwrap_or(GONE);
            }
            change(&mut entry.decision);
        }
    }

    fn reopen(&mut self, request: u64, position: u32) {
        if let Some(slot) = self
            .entry_mut(request)
            .and_then(|entry| entry.rewards.get_mut(position as usize))
        {
            *slot = None;
        }
    }

    fn at(&self, request: u64) -> usize {
        (request % self.ring.len() as u64) as usize
    }

    fn entry(&self, request: u64) -> Option<&Entry> {
        let entry = self.ring[self.at(request)].as_ref();
        entry.filter(|entry| entry.decision.request == request)
    }

    fn entry_mut(&mut self, request: u64) -> Option<&mut Entry> {
        let at = self.at(request);
        let entry = self.ring[at].as_mut();
        entry.filter(|entry| entry.decision.request == request)
    }

    /// Empties a place. What a user's later decisions say of it leads nowhere from then on.
    fn forget(&mut self, at: usize) {
        let Some(entry) = self.ring[at].take() else {
            return;
        };
        let hash = HASHER.hash_one(entry.decision.user.as_str());
        if let Ok(found) = self
            .latest
            .find_entry(hash, |number| *number == entry.decision.request)
        {
            found.remove();
        }
    }

    fn find(&self, subject: &Subject<'_>) -> Result<Place, Refusal> {
        match *subject {
            Subject::Request { request, item } => {
                let Some(entry) = self.entry(request) else {
                    let old = request < self.next.saturating_sub(self.ring.len() as u64);
                    return Err(if old { Refusal::Expired } else { Refusal::Unknown });
                };
                let items = &entry.decision.slate.items;
                let position = match item {
                    Some(GONE) => None,
                    Some(item) => items.iter().position(|shown| *shown == item),
                    None if items.len() > 1 => return Err(Refusal::Ambiguous),
                    None if items.first() == Some(&GONE) => return Err(Refusal::Expired),
                    None => Some(0),
                };
                let position = position.ok_or(Refusal::NotRecommended)?;
                Ok(Place {
                    at: self.at(request),
                    position,
                })
            }
            Subject::Shown { user, item } => self.newest(user, item).ok_or(Refusal::Unknown),
        }
    }

    /// The newest decision that showed `item` to `user`, answered or not: an older one that is open may still be named by
    /// its number, but feedback that is sent twice must not find it.
    fn newest(&self, user: &str, item: u32) -> Option<Place> {
        self.newest_where(user, |_| Some(item))
    }

    fn newest_where(&self, user: &str, item: impl Fn(&Decision) -> Option<u32>) -> Option<Place> {
        let is_users = |number: &u64| {
            self.entry(*number)
                .is_some_and(|entry| entry.decision.user == user)
        };
        let mut number = self.latest.find(HASHER.hash_one(user), is_users).copied();
        for _ in 0..LOOK_BACK {
            let request = number?;
            let entry = self.entry(request)?;
            let item = item(&entry.decision);
            let mut items = entry.decision.slate.items.iter();
            if let Some(position) = items.position(|shown| Some(*shown) == item) {
                return Some(Place {
                    at: self.at(request),
                    position,
                });
            }
            number = entry.previous;
        }
        None
    }
}
