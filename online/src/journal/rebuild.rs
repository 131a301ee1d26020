//! The state from the beginning: the first policy, every part, the rest of the journal, and no snapshot.

use common::{Error, Result};

use super::fold::Fold;
use super::record::Record;
use super::state_folder::StateFolder;
use super::walk::walk;
use crate::live::State;

impl StateFolder {
    /// Rebuilds the state from everything that has happened. Changes nothing on disk, and may run beside the process that
    /// writes.
    ///
    /// # Errors
    /// As [`StateFolder::recover`], and a part that is missing or damaged.
    pub fn rebuild(&self) -> Result<State> {
        self.beside_a_writer(|_| self.rebuild_once())
    }

    fn rebuild_once(&self) -> Result<State> {
        // Nobody will answer: what waits is of no interest.
        let mut fold = Fold::new(self, 0, 1)?;
        for part in self.parts()? {
            let place = |error: Error| error.file(&part.path);
            fold.require_applied(part.from).map_err(place)?;
            fold.advance(part.epoch()?).map_err(place)?;
            for (row, event) in part.read(fold.state.items())?.into_iter().enumerate() {
                fold.apply(event).map_err(|e| place(e.row(row)))?;
            }
        }
        walk(&self.journal(), 0, |entry| {
            let is_event = matches!(entry.record, Record::Answered(_));
            let passed = match is_event {
                true => entry.applied < fold.state.applied(),
                false => entry.epoch < fold.state.epoch(),
            };
            if passed {
                // A crash left the segment beside its part.
                return Ok(());
            }
            fold.advance(entry.epoch)?;
            fold.require_applied(entry.applied)?;
            fold.take(entry.record)
        })?;
        Ok(fold.state)
    }
}
