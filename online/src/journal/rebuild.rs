//! The state from the beginning: the first policy or the base, every part after it, the rest of the journal, and no snapshot.

use common::{Error, Result};

use super::base::Base;
use super::fold::Fold;
use super::part::Part;
use super::record::Record;
use super::state_folder::StateFolder;
use super::walk::{Last, walk};
use crate::experiment::Arms;
use crate::live::Event;

/// A state that was rebuilt.
pub(super) struct Rebuilt<'a> {
    /// The state, with the decisions that wait in the journal.
    pub(super) fold: Fold<'a>,
    /// Events that the base stands for, which were not applied again.
    pub(super) before: u64,
    /// Where the journal ends.
    pub(super) last: Last,
}

impl StateFolder {
    /// Rebuilds the state from everything that has happened since its beginning, and sums the events up by `add`; the number of
    /// events before that. Changes nothing on disk, and may run beside the process that writes.
    ///
    /// # Errors
    /// As [`StateFolder::recover`], and a part that is missing or damaged.
    pub fn rebuild<T: Default>(&self, add: impl Fn(&mut T, &Event)) -> Result<(Arms, u64, T)> {
        self.beside_a_writer(|_| {
            let mut sum = T::default();
            // Nobody will answer: what waits is of no interest.
            let Rebuilt { fold, before, .. } = self.rebuild_once(1, |event| add(&mut sum, event))?;
            Ok((fold.state, before, sum))
        })
    }

    /// As [`StateFolder::rebuild`], while nobody else writes; with room for `capacity` pending decisions.
    pub(super) fn rebuild_once(&self, capacity: usize, mut seen: impl FnMut(&Event)) -> Result<Rebuilt<'_>> {
        let base = Base::read(&self.base())?;
        let begin = base.as_ref().map_or(0, |base| base.snapshot.position);
        let mut fold = match &base {
            Some(base) => Fold::restored(self, &base.snapshot, capacity, |e| e.file(self.base()))?,
            None => Fold::new(self, 0, capacity)?,
        };
        let before = fold.state.applied();
        let mut parts = self.parts()?;
        parts.retain(|part| part.from >= before);
        let mut parts = parts.iter().peekable();
        // The number of the record up to which exposures are counted.
        let mut counted = begin;
        let mut exposures = self.exposure_files()?;
        exposures.retain(|file| file.next() > begin);
        for file in exposures {
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
        let last = walk(&self.journal(), 0, |entry| {
            let is_event = entry.record.is_event();
            // A crash may have left a segment beside its part.
            let done = match is_event {
                true => entry.number < begin || entry.applied < fold.state.applied(),
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
        Ok(Rebuilt { fold, before, last })
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
