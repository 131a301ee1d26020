//! The agent: requests in, recommendations out. It keeps each environment's live state, hands experience to the
//! strategy after every rollout, and logs every answered recommendation.

mod events;
mod recorder;
mod serve;
mod session;
#[cfg(test)]
mod tests;

pub use events::EventLog;
pub use serve::{Summary, serve};

use std::collections::BTreeMap;

use common::frame::{Reply, Request};
use common::ids::Dictionary;
use common::policy_artifact::{NetworkConfig, PolicyUsers};
use common::{Error, Result};

use crate::adapt::{Moment, Room, Step, Strategy};
use crate::explore::Slate;
use crate::live::Known;
use recorder::Recorder;
use session::{Pending, Session};

/// What an agent knows besides its strategy.
#[derive(Debug, Clone)]
pub struct Knowledge {
    items: Dictionary,
    users: Known,
    network: NetworkConfig,
}

impl Knowledge {
    /// The actions `items`, the users that the policy knows, and the sizes of states and traits.
    ///
    /// # Errors
    /// Users whose memories are of other sizes.
    pub fn new(items: Dictionary, users: PolicyUsers, network: NetworkConfig) -> Result<Self> {
        Ok(Knowledge {
            users: Known::new(users, &network, 0)?,
            items,
            network,
        })
    }
}

/// A strategy at work.
pub struct Agent {
    knowledge: Knowledge,
    strategy: Box<dyn Strategy>,
    /// Items a recommendation.
    slate: usize,
    room: Room,
    slots: Vec<Slot>,
    slot_of: BTreeMap<u32, usize>,
    recorder: Recorder,
    events: EventLog,
    frames: u64,
    episodes: u32,
    /// Vector steps with feedback since the last update.
    since_update: usize,
}

/// An environment.
struct Slot {
    env: u32,
    /// Episodes begun.
    episodes: u64,
    /// The frame it was last in.
    frame: u64,
    session: Option<Session>,
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
    /// An agent without sessions that recommends one item a step.
    pub fn new(knowledge: Knowledge, strategy: Box<dyn Strategy>) -> Self {
        let events = EventLog::new(knowledge.items.clone(), knowledge.users.ids().kind());
        Agent {
            knowledge,
            strategy,
            slate: 1,
            room: Room::new(),
            slots: Vec::new(),
            slot_of: BTreeMap::new(),
            recorder: Recorder::default(),
            events,
            frames: 0,
            episodes: 0,
            since_update: 0,
        }
    }

    /// Takes the feedback of a vector step, learns when a rollout is full, and recommends.
    ///
    /// # Errors
    /// What the protocol does not allow, with environment and row; an update that would make a weight not finite.
    pub fn handle(&mut self, request: &Request) -> Result<Reply> {
        let frame = self.frames;
        self.frames += 1;
        let mut slots = Vec::with_capacity(request.len());
        let mut answered = false;
        for index in 0..request.len() {
            let row = Row {
                env: request.env[index],
                user: request.user_id.text(index),
                step: request.step[index],
                item: request.last_item.get(index),
                reward: request.reward[index],
                done: request.done[index],
            };
            answered |= row.reward.is_some();
            let place = |e: Error| {
                e.at(format!("frame {frame}"))
                    .row(index)
                    .at(format!("environment {}", row.env))
            };
            slots.push(self.take(&row).map_err(place)?);
        }
        self.since_update += usize::from(answered);
        if self
            .strategy
            .rollout()
            .is_some_and(|steps| self.since_update >= steps)
        {
            self.learn()?;
        }
        Ok(self.recommend(&slots))
    }

    /// The log of all answered recommendations so far.
    pub fn events(&self) -> &EventLog {
        &self.events
    }

    /// Updates so far.
    pub fn version(&self) -> u64 {
        self.strategy.version()
    }

    /// Takes one row; the slot it belongs to.
    fn take(&mut self, row: &Row<'_>) -> Result<usize> {
        let slot = *self.slot_of.entry(row.env).or_insert_with(|| {
            self.slots.push(Slot {
                env: row.env,
                episodes: 0,
                frame: 0,
                session: None,
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
        if self.slots[slot].session.is_some() {
            return Err(Error::data("a new episode begins while the last one is open")
                .hint("end an episode with a row whose `done` is true"));
        }
        self.slots[slot].session = Some(Session::open(row.user, &self.knowledge.users, self.episodes));
        self.slots[slot].episodes += 1;
        self.episodes = self.episodes.saturating_add(1);
        Ok(())
    }

    fn observe(&mut self, slot: usize, row: &Row<'_>) -> Result<()> {
        let Some(session) = &mut self.slots[slot].session else {
            return Err(
                Error::data(format!("step {} of an episode that never began", row.step))
                    .hint("the first request of an episode has step 0"),
            );
        };
        let answer = session.answered(row, &self.knowledge.items)?;
        self.events.push(session, &answer);
        if self.strategy.rollout().is_some() {
            let step = Step {
                context: self.recorder.context(session),
                consumed: if self.strategy.wants_consumed() {
                    session.consumed.clone()
                } else {
                    Vec::new()
                },
                shown: answer.shown,
                negatives: answer.negatives.clone(),
                reward: answer.reward,
            };
            session.trajectory.push(step);
        }
        let mut memory = session.situation.context().memory.clone();
        self.strategy
            .remember(&mut memory, answer.shown.item, answer.reward > 0.0);
        session.move_on(&answer, self.knowledge.network.window, memory);
        if row.done {
            self.recorder.close(std::mem::take(&mut session.trajectory));
            self.slots[slot].session = None;
        }
        Ok(())
    }

    fn learn(&mut self) -> Result<()> {
        for slot in &mut self.slots {
            if let Some(session) = &mut slot.session {
                self.recorder.cut(session);
            }
        }
        self.since_update = 0;
        let experience = self.recorder.finish();
        if experience.trajectories.is_empty() {
            Ok(())
        } else {
            self.strategy.learn(&experience)
        }
    }

    /// A slate for each slot whose episode goes on.
    fn recommend(&mut self, slots: &[usize]) -> Reply {
        let mut moments = Vec::with_capacity(slots.len());
        for &slot in slots {
            let Slot {
                env,
                episodes,
                session: Some(session),
                ..
            } = &self.slots[slot]
            else {
                continue;
            };
            moments.push(Moment {
                situation: &session.situation,
                consumed: &session.consumed,
                candidates: None,
                k: self.slate,
                key: [u64::from(*env), *episodes, u64::from(session.step)],
            });
        }
        let version = self.strategy.version();
        let mut slates = self.strategy.choose(&moments, &mut self.room).into_iter();
        let mut reply = Reply::default();
        for &slot in slots {
            let Slot { env, session, .. } = &mut self.slots[slot];
            let chosen = session.as_mut().and_then(|session| {
                let slate = slates.next()?;
                Some(session.pending.insert(Pending { slate, version }))
            });
            let nothing = Slate::default();
            let slate = chosen.map_or(&nothing, |pending| &pending.slate);
            reply.env.push(*env);
            reply
                .item
                .push(slate.items.iter().map(|item| self.knowledge.items.id(*item)));
            reply.propensity.push(slate.propensities.iter().product());
            reply.policy_version.push(version);
        }
        reply
    }
}
