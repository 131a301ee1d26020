//! The state from the beginning: the first policy, every part, the rest of the journal, and no snapshot.

use common::{Error, Result};

use super::fold::Fold;
use super::part::Part;
use super::record::Record;
use super::state_folder::StateFolder;
use super::walk::walk;
use crate::experiment::Arms;
use crate::live::Event;

impl StateFolder {
    /// Rebuilds the state from everything that has happened, and sums the events up by `add`. Changes nothing on disk, and
    /// may run beside the process that writes.
    ///
    /// # Errors
    /// As [`StateFolder::recover`], and a part that is missing or damaged.
    pub fn rebuild<T: Default>(&self, add: impl Fn(&mut T, &Event)) -> Result<(Arms, T)> {
        self.beside_a_writer(|_| {
            let mut sum = T::default();
            let state = self.rebuild_once(|event| add(&mut sum, event))?;
            Ok((state, sum))
        })
    }

    fn rebuild_once(&self, mut seen: impl FnMut(&Event)) -> Result<Arms> {
        // Nobody will answer: what waits is of no interest.
        let mut fold = Fold::new(self, 0, 1)?;
        let parts = self.parts()?;
        let mut parts = parts.iter().peekable();
        // The number of the record up to which exposures are counted.
        let mut counted = 0;
        for file in self.exposure_files()? {
            let place = |error: Error| error.file(file.path());
            while let Some(part) = parts.next_if(|part| part.from < file.applied()) {
                fold.part(part, &mut seen)?;
            }
            fold.require_applied(file.applied()).map_err(place)?;
            fold.advance(file.epoch()).map_err(place)?;
            if let Some(turn) = file.turn() {
                fold.turn(turn).map_err(place)?;
            }
            file.count(&fold.state).map_err(place)?;
            counted = file.next();
        }
        for part in parts {
            fold.part(part, &mut seen)?;
        }
        walk(&self.journal(), 0, |entry| {
            let is_event = entry.record.is_event();
            // A crash may have left a segment beside its part.
            let done = match is_event {
                true => entry.applied < fold.state.applied(),
                false => {
                    entry.number < counted
                        || entry.applied < fold.state.applied()
                        || entry.epoch < fold.state.epoch()
                }
            };
            if done {
                return Ok(());
            }
            fold.advance(entry.epoch)?;
            fold.require_applied(entry.applied)?;
            match &entry.record {
                Record::Answered(event) | Record::AnsweredBy { event, .. } => seen(event),
                _ => {}
            }
            fold.take(entry.record)
        })?;
        Ok(fold.state)
    }
}

impl Fold<'_> {
    /// Applies the events of a part.
    fn part(&mut self, part: &Part, seen: &mut impl FnMut(&Event)) -> Result<()> {
        let place = |error: Error| error.file(&part.path);
        self.require_applied(part.from).map_err(place)?;
        self.advance(part.epoch()?).map_err(place)?;
        for (row, event) in part.read(&self.state)?.into_iter().enumerate() {
            seen(&event);
            self.apply(event).map_err(|e| place(e.row(row)))?;
        }
        Ok(())
    }
}
