//! The fold: records in, the state that they make out. Recovery and replay are the same fold from different starts.

use common::policy_artifact::Policy;
use common::{Error, Result};

use super::record::Record;
use super::state_folder::StateFolder;
use crate::live::{Event, Pending, State, Successor};

/// A state on its way, with the policies of its folder at hand.
pub struct Fold<'a> {
    folder: &'a StateFolder,
    /// The state so far.
    pub state: State,
    /// The decisions that wait, so far.
    pub pending: Pending,
}

impl<'a> Fold<'a> {
    /// The state of the policy of `epoch` to which nothing has happened, with room for `capacity` pending decisions.
    ///
    /// # Errors
    /// When the folder's copy of the policy cannot be loaded.
    pub fn new(folder: &'a StateFolder, epoch: u32, capacity: usize) -> Result<Self> {
        let policy = folder.policy(epoch);
        let state = State::new(Policy::load(&policy)?, folder.settings()).map_err(|e| e.file(&policy))?;
        Ok(Fold {
            folder,
            state,
            pending: Pending::new(capacity),
        })
    }

    /// Takes a record.
    ///
    /// # Errors
    /// One that does not follow on this state.
    pub fn take(&mut self, record: Record) -> Result<()> {
        match record {
            Record::Started { next_request } => self.pending.count_from(next_request),
            Record::Recommended(decision) => self.pending.insert(decision),
            Record::Answered(event) => self.apply(event)?,
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
        Ok(())
    }

    /// Lets the policies up to that of `epoch` take over, one after the other.
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
            let next = self.folder.policy(self.state.epoch() + 1);
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
