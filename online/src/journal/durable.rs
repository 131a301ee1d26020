//! The live policy that survives a kill: state, pending decisions and journal, for many threads.
//!
//! Two locks. The state's, shared while a decision is made and exclusive while feedback is applied: each is held for tens
//! of microseconds. And inside it that of the pending decisions, under which records are appended, so that the
//! journal has them in the order in which state and pending decisions took them. Nothing waits for the disk under a lock.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use common::fingerprint::Fingerprint;
use common::policy_artifact::Policy;
use common::{Error, Result, atomic_file, terminal};
use std::path::Path;

use super::keeper::Keeper;
use super::recover::Recovered;
use super::snapshot::Snapshot;
use super::state_folder::StateFolder;
use super::{Journal, Keeping, Progress, Record};
use crate::adapt::Room;
use crate::live::{
    Ask, Carried, Decision, Event, Feedback, Pending, Refusal, Settings, State, Successor, Taken,
};

/// Requests that a process may number: so many are left out at each start.
const REQUESTS_A_START: u64 = 1 << 40;

/// What to open, and how to keep it.
#[derive(Debug, Clone)]
pub struct OpenConfig {
    /// The state folder; made where there is none.
    pub state: PathBuf,
    /// The policy folder. Where the state exists and this policy never served in it, it takes over.
    pub policy: PathBuf,
    /// How to act and learn; where the state exists, its own.
    pub settings: Settings,
    /// When to compact.
    pub keeping: Keeping,
    /// How many of the latest decisions wait for their feedback.
    pub pending: usize,
}

/// A live policy with its state folder.
pub struct Durable {
    folder: StateFolder,
    keeping: Keeping,
    state: RwLock<State>,
    pending: Mutex<Pending>,
    next_request: AtomicU64,
    journal: Journal,
    /// One swap at a time.
    swapping: Mutex<()>,
    keeper: Keeper,
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

/// A policy that has taken over.
#[derive(Debug, Clone)]
pub struct Swapped {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Its epoch, and what was carried over.
    pub carried: Carried,
}

impl Durable {
    /// Opens the state folder, or makes it, and recovers what is in it.
    ///
    /// # Errors
    /// A folder in use, damaged or of other settings; a policy that cannot be loaded or does not fit.
    pub fn open(config: &OpenConfig) -> Result<Arc<Self>> {
        let OpenConfig {
            state,
            policy,
            settings,
            keeping,
            pending,
        } = config;
        let folder = match StateFolder::exists(state) {
            true => {
                let folder = StateFolder::open(state)?;
                folder.require_settings(settings)?;
                folder
            }
            false => {
                let manifest = StateFolder::manifest("online serve", policy, settings)?;
                let folder = StateFolder::make(state, policy, settings)?;
                folder.finish(&manifest)?;
                folder
            }
        };
        let durable = Self::of_folder(folder, keeping, *pending)?;
        durable.take_over_if_new(policy)?;
        Keeper::start(&durable)?;
        Ok(durable)
    }

    /// Recovers the state of a folder that is open for writing, and goes on in its journal.
    pub(crate) fn of_folder(folder: StateFolder, keeping: &Keeping, capacity: usize) -> Result<Arc<Self>> {
        let Recovered {
            state,
            mut pending,
            torn,
            tip,
            empty,
        } = folder.recover(capacity)?;
        if torn > 0 {
            terminal::warn(&format!(
                "{torn} bytes at the end of the journal were torn by a crash and are cut off: nothing that was acknowledged is in them"
            ));
        }
        if let Some(empty) = empty {
            atomic_file::remove(&empty)?;
        }
        let journal = Journal::open(&folder.journal(), tip, keeping)?;
        let next_request = first_request(&pending)?;
        let record = Record::Started { next_request };
        pending.count_from(next_request);
        // Before any of these numbers is told to anyone.
        journal.wait(journal.append(&record)?)?;
        Ok(Arc::new(Durable {
            folder,
            keeping: *keeping,
            state: RwLock::new(state),
            pending: Mutex::new(pending),
            next_request: AtomicU64::new(next_request),
            journal,
            swapping: Mutex::new(()),
            keeper: Keeper::default(),
        }))
    }

    /// Lets `policy` take over where it never served here: a restart with the command line of old goes on with the latest.
    fn take_over_if_new(&self, policy: &Path) -> Result<()> {
        let fingerprint = Policy::fingerprint(policy)?;
        let now = self.read()?.epoch();
        match self.folder.epoch_of(&fingerprint, now) {
            Some(epoch) if epoch == now => {}
            Some(epoch) => terminal::info(&format!(
                "the policy {} served here in epoch {epoch}; that of epoch {now} goes on",
                policy.display()
            )),
            None => {
                let epoch = self.swap(policy)?.carried.epoch;
                terminal::info(&format!(
                    "the policy {} takes over in epoch {epoch}",
                    policy.display()
                ));
            }
        }
        Ok(())
    }

    /// Recommends by the state that [`Durable::read`] gave. The decision is in the journal's memory when this returns and
    /// soon on disk: it is not waited for, because a decision that a crash takes has had no acknowledged feedback.
    ///
    /// # Errors
    /// What [`State::decide`] cannot answer; a journal that takes nothing more.
    pub fn recommend(
        &self,
        state: &RwLockReadGuard<'_, State>,
        ask: &Ask<'_>,
        room: &mut Room,
    ) -> Result<Decision> {
        let request = self.next_request.fetch_add(1, Ordering::Relaxed);
        let decision = state.decide(ask, request, room)?;
        let record = Record::Recommended(decision.clone());
        let mut pending = self.pending();
        self.journal.append(&record)?;
        pending.insert(decision.clone());
        Ok(decision)
    }

    /// Takes the feedback that `resolve` makes of what a client sent, all of it or none, and learns from it. It must not
    /// be acknowledged before [`Durable::durable`] says so.
    ///
    /// # Errors
    /// Those of `resolve`; the first that belongs to no open recommendation; a journal that takes nothing more.
    pub fn observe<'a, E>(
        &self,
        resolve: impl FnOnce(&State) -> Result<Vec<Feedback<'a>>, E>,
    ) -> Result<Observed, Refused<E>> {
        let mut state = self.write().map_err(Refused::Failed)?;
        let feedback = resolve(&state).map_err(Refused::Unresolved)?;
        let mut pending = self.pending();
        self.journal.ready().map_err(Refused::Failed)?;
        let taken = pending.take_all(&feedback);
        let taken = taken.map_err(|(place, refusal)| Refused::Feedback(place, refusal))?;
        let mut applied = 0;
        for one in taken {
            if let Taken::Open(mut event) = one {
                state.apply(&mut event).map_err(Refused::Failed)?;
                self.journal
                    .append(&Record::Answered(event))
                    .map_err(Refused::Failed)?;
                applied += 1;
            }
        }
        // All that was appended so far: a duplicate's first is among it, and may not be on disk yet.
        let lsn = self.journal.next().map_err(Refused::Failed)?;
        Ok(Observed {
            applied,
            duplicates: feedback.len() - applied,
            lsn,
        })
    }

    /// Applies an event that did not come from a decision of this state, and keeps it in the journal.
    ///
    /// # Errors
    /// An event that does not fit; a journal that takes nothing more.
    pub(crate) fn teach(&self, mut event: Event) -> Result<u64> {
        let mut state = self.write()?;
        self.journal.ready()?;
        state.apply(&mut event)?;
        self.journal.append(&Record::Answered(event))
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

    /// Lets the policy at `source` take over, on disk too when this returns. It is copied, loaded and prepared while the
    /// old one serves. Blocks.
    ///
    /// # Errors
    /// A policy that cannot be loaded or does not fit: the old one goes on then. A journal that takes nothing more.
    pub fn swap(&self, source: &Path) -> Result<Swapped> {
        let _one = self.swapping.lock().unwrap_or_else(PoisonError::into_inner);
        let (present, epoch) = {
            let state = self.read()?;
            let next = state.epoch().checked_add(1);
            (
                state.catalogue().clone(),
                next.ok_or_else(|| Error::usage("there were more than 4 billion policies"))?,
            )
        };
        let policy = self.folder.adopt(source, epoch)?;
        let swapped = Successor::new(&present, policy, self.folder.settings())
            .and_then(|successor| self.hand_over(successor))
            .map_err(|e| e.file(source));
        match swapped {
            Ok((swapped, lsn)) => {
                self.journal.wait(lsn)?;
                Ok(swapped)
            }
            Err(error) => {
                self.folder.disown(epoch);
                Err(error)
            }
        }
    }

    fn hand_over(&self, successor: Successor) -> Result<(Swapped, u64)> {
        let mut state = self.write()?;
        let mut pending = self.pending();
        self.journal.ready()?;
        let carried = state.swap(successor, &mut pending)?;
        let fingerprint = state.policy().clone();
        let record = Record::Swapped {
            epoch: state.epoch(),
            policy: fingerprint.clone(),
        };
        let lsn = self.journal.append(&record)?;
        Ok((Swapped { fingerprint, carried }, lsn))
    }

    /// The state, which stays as it is while the guard lives: for a moment.
    ///
    /// # Errors
    /// When a thread broke off while it changed the state.
    pub fn read(&self) -> Result<RwLockReadGuard<'_, State>> {
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

    /// Writes a snapshot, so that a restart has nothing to replay.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn snapshot(&self) -> Result<()> {
        let (snapshot, position) = {
            // In this order, as everywhere. The state cannot change while the pending decisions are written, and while
            // the state is, decisions can go on.
            let state = self.read()?;
            let (pending, position) = {
                let pending = self.pending();
                (pending.snapshot(), self.journal.next()?)
            };
            let snapshot = Snapshot {
                position,
                epoch: state.epoch(),
                state: state.snapshot(),
                pending,
            };
            (snapshot, position)
        };
        // A snapshot of what the journal does not hold yet would say more than was kept.
        self.journal.wait(position)?;
        snapshot.write(&self.folder.snapshot())
    }

    /// Turns finished segments into parts; see the module `compact`. Returns how many.
    ///
    /// # Errors
    /// On I/O failure: it can be tried again.
    pub fn compact(&self) -> Result<usize> {
        let finished = self.folder.finished(self.journal.progress().segment)?;
        if !finished.is_empty() {
            self.snapshot()?;
        }
        for segment in &finished {
            self.folder.compact(segment)?;
        }
        for segment in &finished {
            atomic_file::remove(segment)?;
        }
        Ok(finished.len())
    }

    /// Ends: the journal is written out and a snapshot made. Nothing is taken from then on.
    ///
    /// # Errors
    /// When something could not be written.
    pub fn close(&self) -> Result<()> {
        self.keeper.stop();
        let snapshot = self.snapshot();
        self.journal.close().and(snapshot)
    }

    #[cfg(test)]
    pub(super) fn pending_snapshot(&self) -> Vec<u8> {
        self.pending().snapshot()
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &StateFolder {
        &self.folder
    }

    pub(super) fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    pub(super) fn keeping(&self) -> &Keeping {
        &self.keeping
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    fn write(&self) -> Result<RwLockWriteGuard<'_, State>> {
        self.state.write().map_err(|_| broken())
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Whoever changes it holds the state too, whose lock tells of a thread that broke off.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn broken() -> Error {
    Error::retry("a thread broke off while it changed the state: what is in memory cannot be trusted")
        .hint("start again: the state is recovered from disk")
}

/// The number of a start's first request: so far above the last known one that no process before can have come to it,
/// and at the same place in the ring, so that the oldest decisions are forgotten first.
fn first_request(pending: &Pending) -> Result<u64> {
    let capacity = pending.capacity() as u64;
    let gap = REQUESTS_A_START.next_multiple_of(capacity);
    let first = pending.next_request().checked_add(gap);
    first.ok_or_else(|| Error::usage("the numbers of requests are used up"))
}
