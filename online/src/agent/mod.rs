//! The agent: a live policy at the other end of an environment's step frames.
//!
//! Users live on from one episode to the next, as in a service: what is known and learnt of them is the live state's. What
//! begins again with an episode is what may be shown: everything but what the policy's table says that the user had
//! consumed. All environments of a frame are decided by the same state; their answers are applied in the order of the rows.

mod episode;
mod events;
mod refit;
mod serve;
#[cfg(test)]
mod tests;

pub use events::EventLog;
pub use refit::Refit;
pub use serve::{Summary, serve};

use std::collections::BTreeMap;

use common::frame::{Reply, Request};
use common::policy_artifact::Policy;
use common::{Error, Result};

use crate::adapt::Buffers;
use crate::explore::Slate;
use crate::live::{State, Successor, Whom};
use episode::Episode;

/// A live policy at work in environments.
pub struct Agent {
    state: State,
    /// Items per recommendation.
    slate: usize,
    buffers: Buffers,
    slots: Vec<Slot>,
    slot_of: BTreeMap<u32, usize>,
    events: EventLog,
    frames: u64,
    episodes: u32,
    /// Episodes that have ended.
    ended: u32,
    refit: Option<Refit>,
    /// Recommendations so far.
    requests: u64,
}

/// An environment.
struct Slot {
    env: u32,
    /// Episodes begun.
    episodes: u64,
    /// The frame it was last in.
    frame: u64,
    episode: Option<Episode>,
}

/// One row of a request.
struct Row<'a> {
    env: u32,
    user: &'a str,
    step: u32,
    item: Option<&'a str>,
    reward: Option<f32>,
    done: bool,
}

impl Agent {
    /// An agent without episodes that recommends one item per step.
    pub fn new(state: State) -> Self {
        let events = EventLog::new(state.items().clone(), state.table().kind());
        Agent {
            state,
            slate: 1,
            buffers: Buffers::new(),
            slots: Vec::new(),
            slot_of: BTreeMap::new(),
            events,
            frames: 0,
            episodes: 0,
            ended: 0,
            refit: None,
            requests: 0,
        }
    }

    /// The same, whose policy is made anew while it serves.
    pub fn refitting(self, refit: Option<Refit>) -> Self {
        Agent { refit, ..self }
    }

    /// Takes the feedback of a vector step, learns from it, and recommends.
    ///
    /// # Errors
    /// What the protocol does not allow, with environment and row; an update that would make a weight not finite.
    pub fn handle(&mut self, request: &Request) -> Result<Reply> {
        let frame = self.frames;
        self.frames += 1;
        let ended = self.ended;
        let mut slots = Vec::with_capacity(request.len());
        for index in 0..request.len() {
            let row = Row {
                env: request.env[index],
                user: request.user_id.text(index),
                step: request.step[index],
                item: request.last_item.get(index),
                reward: request.reward[index],
                done: request.done[index],
            };
            let place = |e: Error| {
                e.at(format!("frame {frame}"))
                    .row(index)
                    .at(format!("environment {}", row.env))
            };
            slots.push(self.take(&row).map_err(place)?);
        }
        if let Some(refit) = &self.refit
            && self.ended / refit.every > ended / refit.every
        {
            let policy = refit.policy(&self.events, self.state.settings().seed)?;
            self.take_over(policy)
                .map_err(|e| e.at(format!("the policy of --refit after {} episodes", self.ended)))?;
        }
        Ok(self.recommend(&slots))
    }

    /// The log of all answered recommendations so far.
    pub fn events(&self) -> &EventLog {
        &self.events
    }

    /// What it has learnt and what it knows of users.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Updates so far.
    pub fn version(&self) -> u64 {
        self.state.version()
    }

    /// Takes one row; the slot it belongs to.
    fn take(&mut self, row: &Row<'_>) -> Result<usize> {
        let slot = *self.slot_of.entry(row.env).or_insert_with(|| {
            self.slots.push(Slot {
                env: row.env,
                episodes: 0,
                frame: 0,
                episode: None,
            });
            self.slots.len() - 1
        });
        if std::mem::replace(&mut self.slots[slot].frame, self.frames) == self.frames {
            return Err(Error::data("the environment appears twice in one frame"));
        }
        if row.step == 0 {
            self.begin(slot, row)?;
        } else {
            self.observe(slot, row)?;
        }
        Ok(slot)
    }

    fn begin(&mut self, slot: usize, row: &Row<'_>) -> Result<()> {
        if row.item.is_some() || row.reward.is_some() || row.done {
            return Err(Error::data("step 0 carries an item, a reward or done")
                .hint("the first request of an episode asks for an item and reports nothing"));
        }
        if self.slots[slot].episode.is_some() {
            return Err(Error::data("a new episode begins while the last one is open")
                .hint("end an episode with a row whose `done` is true"));
        }
        self.slots[slot].episode = Some(Episode::begin(row.user, &self.state, self.episodes));
        self.slots[slot].episodes += 1;
        self.episodes = self.episodes.saturating_add(1);
        Ok(())
    }

    fn observe(&mut self, slot: usize, row: &Row<'_>) -> Result<()> {
        let Some(episode) = &mut self.slots[slot].episode else {
            return Err(
                Error::data(format!("step {} of an episode that never began", row.step))
                    .hint("the first request of an episode has step 0"),
            );
        };
        let time = self.events.len() as i64;
        let mut event = episode.answered(row, self.state.items(), time)?;
        let applied = self.state.apply_within(&mut event, Some(&episode.consumed))?;
        if let Some(refused) = applied.refused {
            return Err(refused);
        }
        self.events.push(episode, &event);
        episode.move_on(event.shown.item);
        if row.done {
            self.slots[slot].episode = None;
            self.ended = self.ended.saturating_add(1);
        }
        Ok(())
    }

    /// Another policy of the same catalogue takes over, in the middle of episodes.
    fn take_over(&mut self, policy: Policy) -> Result<()> {
        let (ours, theirs) = (self.state.items(), &policy.items.ids);
        if ours.fingerprint() != theirs.fingerprint() {
            return Err(Error::data(format!(
                "it has another catalogue ({} items) than the one that it is to follow ({} items)",
                theirs.len(),
                ours.len()
            ))
            .hint("train it on the log that the first policy was trained on"));
        }
        let successor = Successor::new(self.state.catalogue(), policy, self.state.settings())?;
        let slots = &mut self.slots;
        self.state.swap_among(successor, |_, change| {
            let episodes = slots.iter_mut().filter_map(|slot| slot.episode.as_mut());
            episodes
                .filter_map(|episode| episode.pending.as_mut())
                .for_each(change);
        })?;
        Ok(())
    }

    /// A slate for each slot whose episode goes on.
    fn recommend(&mut self, slots: &[usize]) -> Reply {
        let turns: Vec<Whom<'_>> = slots
            .iter()
            .filter_map(|&slot| {
                let Slot {
                    env,
                    episodes,
                    episode,
                    ..
                } = &self.slots[slot];
                let episode = episode.as_ref()?;
                Some(Whom {
                    given: None,
                    user: &episode.user,
                    closed: &episode.consumed,
                    candidates: None,
                    key: [u64::from(*env), *episodes, u64::from(episode.step)],
                })
            })
            .collect();
        let decisions = self
            .state
            .decide_turns(&turns, self.slate, self.requests, &mut self.buffers);
        self.requests += decisions.len() as u64;
        let (mut decisions, version) = (decisions.into_iter(), self.state.version());
        let mut reply = Reply::default();
        for &slot in slots {
            let Slot { env, episode, .. } = &mut self.slots[slot];
            let chosen = episode
                .as_mut()
                .and_then(|episode| Some(episode.pending.insert(decisions.next()?)));
            let nothing = Slate::default();
            let slate = chosen.map_or(&nothing, |decision| &decision.slate);
            let items = self.state.items();
            reply.env.push(*env);
            reply.item.push(slate.items.iter().map(|item| items.id(*item)));
            reply.propensity.push(slate.propensities.iter().product());
            reply.policy_version.push(version);
        }
        reply
    }
}
