//! Recovery: the last snapshot and the records after it.

use std::path::PathBuf;

use common::{Error, Result};

use super::Tip;
use super::fold::Fold;
use super::segment::Head;
use super::snapshot::{self, Snapshot};
use super::state_folder::StateFolder;
use super::walk::walk;
use crate::experiment::{Apprentice, Arms, Report};
use crate::live::Pending;

/// How often a reader beside a writer begins again when the files it was about to read were compacted.
const ATTEMPTS: usize = 5;

/// A state as it was when its process ended, however it ended.
pub struct Recovered {
    /// The state.
    pub state: Arms,
    /// The decisions that wait.
    pub pending: Pending,
    /// What was learnt from another system.
    pub(super) apprentice: Apprentice,
    /// Bytes at the end that a crash had torn: nobody was told that they were kept.
    pub torn: u64,
    /// Where the journal goes on.
    pub(super) tip: Tip,
    /// A last segment without a whole record, which is to go.
    pub(super) empty: Option<PathBuf>,
}

impl Recovered {
    /// How the policy would have done beside the system that it learnt from.
    pub fn report(&self) -> Report {
        self.apprentice.report()
    }
}

impl StateFolder {
    /// Rebuilds the state, with room for `capacity` pending decisions. Changes nothing on disk, and may run beside the
    /// process that writes.
    ///
    /// # Errors
    /// Damage anywhere but at the torn end of the last segment, with file and offset; a missing file.
    pub fn recover(&self, capacity: usize) -> Result<Recovered> {
        self.beside_a_writer(|snapshot| self.recover_from(snapshot, capacity))
    }

    /// Reads from the present snapshot on; again, where what was missing was compacted meanwhile.
    pub(super) fn beside_a_writer<T>(&self, read: impl Fn(Option<Snapshot>) -> Result<T>) -> Result<T> {
        let mut attempts = 1;
        loop {
            let snapshot = Snapshot::read(&self.snapshot())?;
            let position = snapshot.as_ref().map(|snapshot| snapshot.position);
            let value = read(snapshot);
            // A compaction begins with a newer snapshot.
            let now = Snapshot::read(&self.snapshot())?.map(|snapshot| snapshot.position);
            if value.is_ok() || now == position || attempts == ATTEMPTS {
                return value;
            }
            attempts += 1;
        }
    }

    fn recover_from(&self, snapshot: Option<Snapshot>, capacity: usize) -> Result<Recovered> {
        let mut next = snapshot.as_ref().map_or(0, |snapshot| snapshot.position);
        let mut fold = match snapshot {
            Some(snapshot) => Fold::restored(self, &snapshot, capacity, |e| {
                snapshot::damaged(e, &self.snapshot())
            })?,
            None => Fold::new(self, 0, capacity)?,
        };
        let last = walk(&self.journal(), next, |entry| {
            if entry.number < next {
                return Ok(());
            }
            if entry.number > next {
                return Err(missing(next));
            }
            fold.require_applied(entry.applied)?;
            next += 1;
            fold.take(entry.record)
        })?;
        if last.end.next != next {
            return Err(missing(last.end.next).file(self.journal()));
        }
        let Fold {
            state,
            pending,
            apprentice,
            ..
        } = fold;
        let tip = Tip {
            segment: last.segment,
            length: last.end.length,
            next: Head {
                first: next,
                applied: state.applied(),
                epoch: state.epoch(),
                policy: state.policy().clone(),
            },
        };
        Ok(Recovered {
            state,
            pending,
            apprentice,
            torn: last.end.torn,
            tip,
            empty: last.empty,
        })
    }
}

fn missing(record: u64) -> Error {
    Error::data(format!(
        "record {record} is missing: the journal does not reach the snapshot, or has a gap"
    ))
    .hint("a segment is missing or was cut short after it had been synced: bring it back from a backup")
}
