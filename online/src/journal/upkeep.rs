//! What a live policy does beside its work: snapshots, compactions, a good end.

use common::{Result, atomic_file};

use super::durable::Durable;
use super::snapshot::Snapshot;

impl Durable {
    /// Writes a snapshot, so that a restart has nothing to replay.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn snapshot(&self) -> Result<()> {
        let (snapshot, position) = {
            // In this order, as everywhere. The state cannot change while the pending decisions are written, and while
            // the state is, decisions can go on.
            let state = self.read()?;
            let (pending, arms, experiment, apprentice, position) = {
                let pending = self.pending();
                let position = self.journal.next()?;
                // What was shown is counted under the lock of the pending decisions.
                let experiment = state.snapshot_of_experiment();
                let apprentice = self.lessons().snapshot();
                (
                    pending.snapshot(),
                    pending.arms(),
                    experiment,
                    apprentice,
                    position,
                )
            };
            let snapshot = Snapshot {
                position,
                epoch: state.epoch(),
                state: state.snapshot(),
                pending,
                experiment,
                arms,
                apprentice,
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
}
