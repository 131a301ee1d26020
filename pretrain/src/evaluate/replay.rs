//! Walking users through the held-out log: before each interaction the policy sees the state that the user was in.

use std::ops::Range;

use common::policy::{Network, State, history};
use common::policy_artifact::{Policy, PolicyUsers};
use common::terminal::Progress;
use rayon::prelude::*;

use super::later::Later;
use super::scores::{batch, scores};
use super::settings::Mask;
use crate::data::{Event, last};

/// Interactions in a unit of parallel work, at least.
const UNIT: usize = 1_024;

/// The step before an interaction.
pub(crate) struct Step<'a> {
    /// The interaction's row in the held-out log.
    pub(crate) row: usize,
    /// The policy's logits; minus infinity for what is masked.
    pub(crate) logits: &'a [f32],
    /// What is masked, ascending.
    pub(crate) masked: &'a [u32],
    /// Room for one number an item.
    pub(crate) scratch: &'a mut [f32],
}

/// What `visit` says of every step, in the order of rows; it does not depend on the number of threads.
pub(crate) fn replay<T: Send>(
    policy: &Policy,
    later: &Later,
    mask: Mask,
    progress: &Progress,
    visit: impl Fn(Step) -> T + Sync,
) -> Vec<T> {
    let network = Network::new(policy.config.network.clone(), policy.weights.clone());
    let unit = |users: &Range<usize>| {
        let found = unit(&network, policy, later, users.clone(), mask, &visit);
        progress.add(found.len() as u64);
        found
    };
    let units: Vec<Vec<T>> = later.units(UNIT).par_iter().map(unit).collect();
    units.into_iter().flatten().collect()
}

fn unit<T>(
    network: &Network,
    policy: &Policy,
    later: &Later,
    users: Range<usize>,
    mask: Mask,
    visit: &impl Fn(Step) -> T,
) -> Vec<T> {
    let unknown = vec![0.0; policy.config.network.traits];
    let walks: Vec<Walk> = users
        .clone()
        .map(|user| Walk::of(policy, later, user, &unknown))
        .collect();
    let states: Vec<State> = walks
        .iter()
        .flat_map(|walk| walk.states(network.config().window))
        .collect();
    let items = network.config().items;
    let mut scratch = vec![0.0; items];
    let mut consumed = Consumed::new(&policy.users, later, mask);
    let mut rows = later.rows(users.start).start..;
    let mut found = Vec::with_capacity(states.len());
    for part in states.chunks(batch(items)) {
        let mut logits = scores(network, part);
        for (logits, row) in logits.chunks_exact_mut(items).zip(&mut rows) {
            let masked = consumed.before(row);
            for &item in masked {
                logits[item as usize] = f32::NEG_INFINITY;
            }
            found.push(visit(Step {
                row,
                logits,
                masked,
                scratch: &mut scratch,
            }));
        }
    }
    found
}

/// One user's way: the events that the policy knows, then the held-out ones.
struct Walk<'a> {
    events: Vec<Event>,
    /// How many of the events each state follows.
    known: Vec<usize>,
    /// The memory before each row, where the policy keeps one: like the log that it was made from, the held-out one moves it by
    /// likes and by what was had and not liked.
    memories: Vec<f32>,
    traits: &'a [f32],
}

impl<'a> Walk<'a> {
    fn of(policy: &'a Policy, later: &Later, user: usize, unknown: &'a [f32]) -> Self {
        let code = policy
            .users
            .ids
            .code(later.users.id(user as u32))
            .map(|code| code as usize);
        let (width, kept) = (unknown.len(), policy.config.network.memory());
        let mut events = code.map_or(Vec::new(), |code| policy.users.history[code].clone());
        let mut memory = code.map_or(vec![0.0; kept], |code| {
            policy.users.memory[code * kept..(code + 1) * kept].to_vec()
        });
        let (mut known, mut memories) = (Vec::new(), Vec::new());
        for row in later.rows(user) {
            known.push(events.len());
            memories.extend(&memory);
            if let Some(item) = later.item[row] {
                let liked = later.liked[row];
                events.push((item, if liked { 1.0 } else { -1.0 }));
                if kept > 0 {
                    history::remember(&policy.weights.encoder, &mut memory, item, liked, 1.0);
                }
            }
        }
        Walk {
            known,
            events,
            memories,
            traits: code.map_or(unknown, |code| {
                &policy.users.traits[code * width..(code + 1) * width]
            }),
        }
    }

    fn states(&self, window: usize) -> impl Iterator<Item = State<'_>> {
        let kept = self.memories.len() / self.known.len().max(1);
        self.known.iter().enumerate().map(move |(at, &known)| State {
            history: last(&self.events[..known], window),
            memory: &self.memories[at * kept..(at + 1) * kept],
            traits: self.traits,
        })
    }
}

/// What users have consumed as rows pass by, in their order.
pub(crate) struct Consumed<'a> {
    users: &'a PolicyUsers,
    later: &'a Later,
    mask: Mask,
    items: Vec<u32>,
}

impl<'a> Consumed<'a> {
    /// From what `users`, and the file beside the log, say of each user at first; nothing at all with [`Mask::None`].
    pub(crate) fn new(users: &'a PolicyUsers, later: &'a Later, mask: Mask) -> Self {
        Consumed {
            users,
            later,
            mask,
            items: Vec::new(),
        }
    }

    /// What the user of `row` consumed before it, ascending. Rows are asked for one after the other, from the first of
    /// some user on.
    pub(crate) fn before(&mut self, row: usize) -> &[u32] {
        if self.mask == Mask::None {
            return &[];
        }
        if self.later.is_first(row) {
            let id = self.later.users.id(self.later.user[row]);
            self.items.clear();
            if let Some(code) = self.users.ids.code(id) {
                self.items.extend(&self.users.consumed[code as usize]);
            }
            if let Some(others) = self.later.consumed.get(self.later.user[row] as usize) {
                self.items.extend(others);
                self.items.sort_unstable();
                self.items.dedup();
            }
        } else if let Some(item) = self.later.item[row - 1]
            && let Err(at) = self.items.binary_search(&item)
        {
            self.items.insert(at, item);
        }
        &self.items
    }
}
