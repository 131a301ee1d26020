//! The live policy that survives a kill: state, pending decisions and journal, for many threads.
//!
//! Two locks. The state's, shared while a decision is made and exclusive while feedback is applied: each is held for tens
//! of microseconds. And inside it that of the pending decisions, under which records are appended, so that the
//! journal has them in the order in which state and pending decisions took them. Nothing waits for the disk under a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use common::{Error, Result, terminal};

use super::keeper::Keeper;
use super::state_folder::StateFolder;
use super::{Journal, Keeping, Progress, Record};
use crate::adapt::Buffers;
use crate::experiment::{Apprentice, Arms, Change};
use crate::live::{Ask, Decision, Event, Feedback, Pending, Refusal, Taken};

/// A live policy with its state folder.
pub struct Durable {
    pub(super) folder: StateFolder,
    pub(super) keeping: Keeping,
    pub(super) state: RwLock<Arms>,
    pub(super) pending: Mutex<Pending>,
    /// What was learnt from another system; its lock is taken inside that of the pending decisions.
    pub(super) apprentice: Mutex<Apprentice>,
    pub(super) next_request: AtomicU64,
    pub(super) journal: Journal,
    /// One swap at a time.
    pub(super) swapping: Mutex<()>,
    /// One change of items at a time.
    pub(super) changing_items: Mutex<()>,
    pub(super) keeper: Keeper,
}

/// What became of feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// How many were applied.
    pub applied: usize,
    /// How many had come before and count once.
    pub duplicates: usize,
    /// What to ask [`Durable::durable`] for before anyone is told.
    pub lsn: u64,
}

/// Why feedback was not taken; nothing of it was.
#[derive(Debug)]
pub enum Refused<E> {
    /// Its words could not be resolved against the state.
    Unresolved(E),
    /// One that belongs to no open recommendation, by its place among them.
    Feedback(usize, Refusal),
    /// Nothing more can be taken.
    Failed(Error),
}

impl Durable {
    /// Recommends by the state that [`Durable::read`] gave. The decision is in the journal's memory when this returns and
    /// soon on disk: it is not waited for, because a decision that a crash takes has had no acknowledged feedback.
    ///
    /// # Errors
    /// What [`State::decide`] cannot answer; a journal that takes nothing more.
    pub fn recommend(
        &self,
        state: &RwLockReadGuard<'_, Arms>,
        ask: &Ask<'_>,
        buffers: &mut Buffers,
    ) -> Result<Decision> {
        let request = self.next_request.fetch_add(1, Ordering::Relaxed);
        let decision = state.of_user(ask.user).decide(ask, request, buffers)?;
        let record = Record::recommended(state, decision.clone());
        let mut pending = self.pending();
        self.journal.append(&record)?;
        state.shown(&decision);
        pending.insert(decision.clone());
        Ok(decision)
    }

    /// Takes the feedback that `resolve` makes of what a client sent, by the states and the decisions that wait, all of it or none, and learns from it. It must not
    /// be acknowledged before [`Durable::durable`] says so.
    ///
    /// # Errors
    /// Those of `resolve`; the first that belongs to no open recommendation; a journal that takes nothing more.
    pub fn observe<'a, E>(
        &self,
        resolve: impl FnOnce(&Arms, &Pending) -> Result<Vec<Feedback<'a>>, E>,
    ) -> Result<Observed, Refused<E>> {
        let mut state = self.write().map_err(Refused::Failed)?;
        let mut pending = self.pending();
        let feedback = resolve(&state, &pending).map_err(Refused::Unresolved)?;
        self.journal.ready().map_err(Refused::Failed)?;
        let taken = pending.take_all(&feedback);
        let taken = taken.map_err(|(place, refusal)| Refused::Feedback(place, refusal))?;
        let mut applied = 0;
        for one in taken {
            if let Taken::Open(mut event) = one {
                state.apply(&mut event).map_err(Refused::Failed)?;
                if event.arm == 0 {
                    let item = state.items().id(event.shown.item);
                    self.lessons().answered(&event, item);
                }
                self.journal
                    .append(&Record::answered(&state, event))
                    .map_err(Refused::Failed)?;
                applied += 1;
            }
        }
        if let Some(worse) = state.worse() {
            self.step_back(worse, &mut state, &mut pending)
                .map_err(Refused::Failed)?;
        }
        // All that was appended so far: a duplicate's first is among it, and may not be on disk yet.
        let lsn = self.journal.next().map_err(Refused::Failed)?;
        Ok(Observed {
            applied,
            duplicates: feedback.len() - applied,
            lsn,
        })
    }

    /// Gives the users of an arm that was shown to be worse to the reference, at once and for good.
    fn step_back(&self, arm: u16, state: &mut Arms, pending: &mut Pending) -> Result<()> {
        let change = Change::Shares {
            shares: vec![(arm, 0)],
            stepped_back: Some(arm),
        };
        let name = state.told(arm);
        self.append_turn(change, state, pending)?;
        terminal::warn(&format!(
            "the interval of its difference to the reference lies below 0: its users go to the reference{name}"
        ));
        Ok(())
    }

    /// Applies an event that did not come from a decision of this state, and keeps it in the journal.
    ///
    /// # Errors
    /// An event that does not fit; a journal that takes nothing more.
    pub(crate) fn teach(&self, mut event: Event) -> Result<u64> {
        let mut state = self.write()?;
        self.journal.ready()?;
        state.apply(&mut event)?;
        self.journal.append(&Record::answered(&state, event))
    }

    /// Waits until everything up to `lsn` is on disk.
    ///
    /// # Errors
    /// When it cannot be written. That is final: the process should end.
    pub async fn durable(&self, lsn: u64) -> Result<()> {
        self.journal.durable(lsn).await
    }

    /// Waits until the journal fails.
    pub async fn failure(&self) -> Error {
        self.journal.failure().await
    }

    /// The state, which stays as it is while the guard lives: for a moment.
    ///
    /// # Errors
    /// When a thread panicked while it changed the state.
    pub fn read(&self) -> Result<RwLockReadGuard<'_, Arms>> {
        self.state.read().map_err(|_| broken())
    }

    /// How many decisions wait or are remembered.
    pub fn pending_len(&self) -> usize {
        self.pending().len()
    }

    /// How far the journal has come, and whether it has failed.
    pub fn progress(&self) -> Progress {
        self.journal.progress()
    }

    #[cfg(test)]
    pub(super) fn pending_snapshot(&self) -> Vec<u8> {
        self.pending().snapshot()
    }

    /// The folder.
    #[cfg(test)]
    pub(crate) fn folder(&self) -> &StateFolder {
        &self.folder
    }

    pub(super) fn write(&self) -> Result<RwLockWriteGuard<'_, Arms>> {
        self.state.write().map_err(|_| broken())
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, Pending> {
        // Whoever changes it holds the state too, whose lock tells of a thread that panicked.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn broken() -> Error {
    Error::retry("a thread panicked while it changed the state: what is in memory cannot be trusted")
        .hint("start again: the state is recovered from disk")
}
