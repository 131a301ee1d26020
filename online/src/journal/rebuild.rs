//! The state from the beginning: the first policy, every part, the rest of the journal, and no snapshot.

use common::{Error, Result};

use super::fold::Fold;
use super::record::Record;
use super::state_folder::StateFolder;
use super::walk::walk;
use crate::live::{Event, State};

impl StateFolder {
    /// Rebuilds the state from everything that has happened, and sums the events up by `add`. Changes nothing on disk, and
    /// may run beside the process that writes.
    ///
    /// # Errors
    /// As [`StateFolder::recover`], and a part that is missing or damaged.
    pub fn rebuild<T: Default>(&self, add: impl Fn(&mut T, &Event)) -> Result<(State, T)> {
        self.beside_a_writer(|_| {
            let mut sum = T::default();
            let state = self.rebuild_once(|event| add(&mut sum, event))?;
            Ok((state, sum))
        })
    }

    fn rebuild_once(&self, mut seen: impl FnMut(&Event)) -> Result<State> {
        // Nobody will answer: what waits is of no interest.
        let mut fold = Fold::new(self, 0, 1)?;
        for part in self.parts()? {
            let place = |error: Error| error.file(&part.path);
            fold.require_applied(part.from).map_err(place)?;
            fold.advance(part.epoch()?).map_err(place)?;
            for (row, event) in part.read(fold.state.items())?.into_iter().enumerate() {
                seen(&event);
                fold.apply(event).map_err(|e| place(e.row(row)))?;
            }
        }
        walk(&self.journal(), 0, |entry| {
            let is_event = matches!(entry.record, Record::Answered(_));
            // A crash may have left a segment beside its part.
            if entry.applied < fold.state.applied() || (!is_event && entry.epoch < fold.state.epoch()) {
                return Ok(());
            }
            fold.advance(entry.epoch)?;
            fold.require_applied(entry.applied)?;
            if let Record::Answered(event) = &entry.record {
                seen(event);
            }
            fold.take(entry.record)
        })?;
        Ok(fold.state)
    }
}
