//! What a live policy does beside its work: snapshots, compactions, a good end.

use std::sync::atomic::Ordering;

use common::error::Class;
use common::{Result, atomic_file, terminal};

use super::Record;
use super::base::Base;
use super::durable::Durable;
use super::snapshot::Snapshot;

impl Durable {
    /// Writes a snapshot, so that a restart has nothing to replay.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn snapshot(&self) -> Result<()> {
        self.capture(false)?.snapshot.write(&self.folder.snapshot())
    }

    /// The state as it is, which the journal holds on disk; with `rotate` a segment begins there.
    fn capture(&self, rotate: bool) -> Result<Base> {
        let base = {
            // In this order, as everywhere. The state cannot change while the pending decisions are written, and while
            // the state is, decisions can go on.
            let state = self.read()?;
            let begun = {
                let mut pending = self.pending();
                let position = self.journal.next()?;
                if rotate {
                    // With a record, which says nothing new: a process that ended before the next one would not begin a segment.
                    let next_request = self.next_request.load(Ordering::Relaxed);
                    self.journal.rotate()?;
                    self.journal.append(&Record::Started { next_request })?;
                    pending.count_from(next_request);
                }
                Snapshot {
                    position,
                    epoch: state.epoch(),
                    state: Vec::new(),
                    pending: pending.snapshot(),
                    // What was shown is counted under the lock of the pending decisions.
                    experiment: state.snapshot_of_experiment(),
                    arms: pending.arms(),
                    apprentice: self.lessons().snapshot(),
                }
            };
            let snapshot = Snapshot {
                state: state.snapshot(),
                ..begun
            };
            Base {
                serving: state.epochs(),
                next_arm: state.next_number().unwrap_or(u16::MAX),
                snapshot,
            }
        };
        // A snapshot of what the journal does not hold yet would say more than was kept.
        self.journal.wait(base.snapshot.position + u64::from(rotate))?;
        Ok(base)
    }

    /// Keeps no more copies of policies of an arm than [`Keeping::policies`]: where there are more, the present state becomes what a
    /// replay begins with, and what served before goes when no segment needs it any more.
    ///
    /// # Errors
    /// On I/O failure: it can be tried again.
    pub(super) fn prune(&self) -> Result<()> {
        let Some(most) = self.keeping.policies else {
            return Ok(());
        };
        let serving = self.read()?.epochs();
        let mut copies = self.folder.copies()?;
        let served = |&(arm, epoch): &(u16, u32)| {
            let now = serving.iter().find(|(number, _)| *number == arm);
            now.is_none_or(|(_, now)| epoch < *now)
        };
        let of_arm = |arm| copies.iter().filter(|(other, _)| *other == arm).count();
        let is_due = copies.iter().any(|copy| of_arm(copy.0) > most && served(copy));
        let path = self.folder.base();
        let (base, is_damaged) = match Base::read(&path) {
            Ok(base) => (base, false),
            Err(error) if error.class() == Class::Data => {
                terminal::warn(&format!(
                    "a replay begins with the present state from now on: {error}"
                ));
                (None, true)
            }
            Err(error) => return Err(error),
        };
        let stands_for = |base: &Base, &(arm, epoch): &(u16, u32)| base.stands_for(arm, epoch);
        let is_old = |base: &Base| !copies.iter().any(|copy| stands_for(base, copy));
        if is_damaged || is_due && base.as_ref().is_none_or(is_old) {
            // What served before goes another time: who reads beside this process may have begun without the base.
            return self.capture(true)?.write(&path);
        }
        let Some(base) = base else { return Ok(()) };
        if self.folder.finished(base.snapshot.position)?.is_empty() {
            copies.retain(|copy| stands_for(&base, copy));
            copies
                .iter()
                .try_for_each(|&(arm, epoch)| self.folder.strip(arm, epoch))?;
        }
        Ok(())
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
}
