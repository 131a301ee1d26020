//! The fold: records in, the state that they make out. Recovery and replay are the same fold from different starts.

use std::sync::Arc;

use common::policy_artifact::Policy;
use common::{Error, Result};

use super::record::Record;
use super::snapshot::Snapshot;
use super::state_folder::{ArmSettings, StateFolder};
use crate::experiment::{Apprentice, Arms, Change, Turn};
use crate::live::{Event, Pending, Settings, State, Successor};

/// A state on its way, with the policies of its folder at hand.
pub struct Fold<'a> {
    folder: &'a StateFolder,
    /// The state so far.
    pub state: Arms,
    /// The decisions that wait, so far.
    pub pending: Pending,
    /// What was learnt from another system, so far.
    pub(super) apprentice: Apprentice,
}

impl<'a> Fold<'a> {
    /// The state of the policy of `epoch` to which nothing has happened, with room for `capacity` pending decisions.
    ///
    /// # Errors
    /// When the folder's copy of the policy cannot be loaded.
    pub fn new(folder: &'a StateFolder, epoch: u32, capacity: usize) -> Result<Self> {
        let state = folder.fresh(0, epoch, folder.settings())?;
        Ok(Fold {
            folder,
            state: Arms::new(state),
            pending: Pending::new(capacity),
            apprentice: Apprentice::default(),
        })
    }

    /// The state of a snapshot.
    ///
    /// # Errors
    /// A snapshot that is damaged, of which `damaged` makes its error, and as [`Fold::new`].
    pub(super) fn restored(
        folder: &'a StateFolder,
        snapshot: &Snapshot,
        capacity: usize,
        damaged: impl Fn(Error) -> Error,
    ) -> Result<Self> {
        let mut fold = Fold::new(folder, snapshot.epoch, capacity)?;
        fold.state.restore(&snapshot.state).map_err(&damaged)?;
        let fresh = |arm, epoch| {
            let ArmSettings { name, settings } = folder.arm(arm)?;
            Ok((name, folder.fresh(arm, epoch, &settings)?))
        };
        fold.state
            .restore_experiment(&snapshot.experiment, fresh, &damaged)?;
        fold.pending.restore(&snapshot.pending).map_err(&damaged)?;
        fold.pending.set_arms(&snapshot.arms);
        fold.apprentice = Apprentice::restore(&snapshot.apprentice).ok_or_else(|| {
            damaged(Error::data(
                "the snapshot's lessons of another system are damaged",
            ))
        })?;
        Ok(fold)
    }

    /// Takes a record.
    ///
    /// # Errors
    /// One that does not follow on this state.
    pub fn take(&mut self, record: Record) -> Result<()> {
        match record {
            Record::Started { next_request } => self.pending.count_from(next_request),
            Record::Recommended(decision) => self.pending.insert(decision),
            Record::RecommendedBy { decision, .. } => {
                self.state.shown(&decision);
                self.pending.insert(decision);
            }
            Record::Answered(event) | Record::AnsweredBy { event, .. } => self.apply(event)?,
            Record::Shown { decision, lesson } => {
                self.apprentice.shown(&decision, lesson, self.pending.capacity());
                self.pending.insert(decision);
            }
            Record::Turned(turn) => self.turn(&turn)?,
            Record::Swapped { epoch, policy } => {
                self.advance(epoch)?;
                if *self.state.policy() != policy {
                    return Err(Error::data(format!(
                        "the policy of epoch {epoch} was {policy}, but the folder's copy is {}",
                        self.state.policy()
                    )));
                }
            }
        }
        Ok(())
    }

    /// Applies an answered event, which says itself what its place among the user's events was.
    ///
    /// # Errors
    /// When it does not fit the state, or had another place.
    pub fn apply(&mut self, mut event: Event) -> Result<()> {
        let place = (event.episode, event.step);
        self.state.apply(&mut event)?;
        if (event.episode, event.step) != place {
            return Err(Error::data(format!(
                "the event was number {} of user number {}, but comes as number {} of {}",
                place.1, place.0, event.step, event.episode
            ))
            .hint("events are missing before it, or belong to another state"));
        }
        self.pending.answered(event.request, event.position, event.reward);
        if event.arm == 0 {
            self.apprentice
                .answered(&event, self.state.items().id(event.shown.item));
        }
        Ok(())
    }

    /// Lets the experiment change.
    ///
    /// # Errors
    /// A change that does not follow on this state; an arm whose folder is missing or damaged.
    pub(super) fn turn(&mut self, turn: &Turn) -> Result<()> {
        match &turn.change {
            Change::Joined { arm, policy, seed } => {
                let ArmSettings { name, settings } = self.folder.arm(*arm)?;
                let successor = self.successor(*arm, 0, &settings)?;
                let state = self.state.fork(successor, *arm)?;
                require_policy(&state, policy)?;
                self.state.join(name, state, *seed);
            }
            // The reference's own record has changed it.
            Change::Swapped { arm: 0, .. } => {}
            Change::Swapped { arm, epoch, policy } => {
                let state = self.state.state(*arm);
                let settings = state.map(|state| *state.settings());
                let settings = settings.ok_or_else(|| Error::data(format!("there is no arm {arm}")))?;
                let successor = self.successor(*arm, *epoch, &settings)?;
                if let Some(state) = self.state.state_mut(*arm) {
                    state.swap(successor, &mut self.pending)?;
                    require_policy(state, policy)?;
                }
            }
            Change::Shares { .. } | Change::Left { .. } => {}
        }
        self.state.turn(turn, &mut self.pending)
    }

    /// The policy of an arm and an epoch, ready to take over there or, in the epoch 0, to begin beside the reference.
    fn successor(&self, arm: u16, epoch: u32, settings: &Settings) -> Result<Successor> {
        let path = self.folder.policy(arm, epoch);
        let present = match epoch {
            0 => Some(self.state.catalogue()),
            _ => self.state.state(arm).map(State::catalogue),
        };
        let present = present.ok_or_else(|| Error::data(format!("there is no arm {arm}")))?;
        Successor::new(present, Policy::load(&path)?, settings).map_err(|e| e.file(&path))
    }

    /// Lets the reference's policies up to that of `epoch` take over, one after the other.
    ///
    /// # Errors
    /// When a copy cannot be loaded or does not fit, or the epoch has passed.
    pub fn advance(&mut self, epoch: u32) -> Result<()> {
        if epoch < self.state.epoch() {
            let now = self.state.epoch();
            return Err(Error::data(format!(
                "the policy of epoch {epoch} follows that of epoch {now}"
            )));
        }
        while self.state.epoch() < epoch {
            let next = self.folder.policy(0, self.state.epoch() + 1);
            let successor = Successor::new(
                self.state.catalogue(),
                Policy::load(&next)?,
                self.folder.settings(),
            );
            self.state
                .swap(successor.map_err(|e| e.file(&next))?, &mut self.pending)?;
        }
        Ok(())
    }

    /// Requires that so many events have been applied.
    ///
    /// # Errors
    /// When it is another number, naming both.
    pub(super) fn require_applied(&self, applied: u64) -> Result<()> {
        let found = self.state.applied();
        if found == applied {
            return Ok(());
        }
        Err(Error::data(format!(
            "it begins after event {applied}, but {found} were applied before it"
        ))
        .hint("a file of the state folder is missing: bring it back from a backup"))
    }
}

impl StateFolder {
    /// The state of the policy of an arm and an epoch, to which nothing has happened.
    ///
    /// # Errors
    /// When the folder's copy of the policy cannot be loaded.
    pub(super) fn fresh(&self, arm: u16, epoch: u32, settings: &Settings) -> Result<State> {
        let policy = self.policy(arm, epoch);
        let mut state = State::new(Policy::load(&policy)?, settings).map_err(|e| e.file(&policy))?;
        state.retire(&Arc::new(self.items()?.retired));
        Ok(state.of_arm(arm))
    }
}

fn require_policy(state: &State, policy: &common::fingerprint::Fingerprint) -> Result<()> {
    if state.policy() == policy {
        return Ok(());
    }
    Err(Error::data(format!(
        "the policy of arm {} was {policy}, but the folder's copy is {}",
        state.arm(),
        state.policy()
    )))
}
