//! A snapshot that is damaged, made anew from the events.

use common::{Error, Result};

use super::open::REQUESTS_A_START;
use super::rebuild::Rebuilt;
use super::snapshot::Snapshot;
use super::state_folder::StateFolder;
use crate::experiment::Arms;
use crate::live::Pending;

/// Starts whose request numbers are left out: nobody knows how many there were since the last answer.
const STARTS: u64 = 1024;

/// What a repair did.
pub struct Repaired {
    /// The state.
    pub state: Arms,
    /// Events that were applied again.
    pub replayed: u64,
    /// The number of the first record that was still in the journal: what was recommended before it is forgotten.
    pub from_record: u64,
    /// Whether lessons of another system are forgotten.
    pub unlearnt: bool,
}

impl StateFolder {
    /// Makes the snapshot anew where recovery is not possible with the one that is there; none where it is. The folder must be
    /// open for writing.
    ///
    /// # Errors
    /// Those of a replay: other damage than the snapshot's. Nothing is changed then.
    pub fn repair(&self) -> Result<Option<Repaired>> {
        if self.recover(1).is_ok() {
            return Ok(None);
        }
        // One above the highest number that an answer names.
        let mut answered = 0;
        let Rebuilt {
            mut fold,
            before,
            last,
        } = self.rebuild_once(Pending::CAPACITY, |event| {
            answered = answered.max(event.request + 1);
        })?;
        let known = fold.pending.next_request();
        let starts = answered.saturating_sub(known).div_ceil(REQUESTS_A_START) + STARTS;
        let next = REQUESTS_A_START
            .checked_mul(starts)
            .and_then(|gap| known.checked_add(gap));
        fold.pending
            .count_from(next.ok_or_else(|| Error::usage("the numbers of requests are used up"))?);
        Snapshot::of(last.end.next, &fold.state, &fold.pending, &fold.apprentice).write(&self.snapshot())?;
        let segments = self.finished(u64::MAX)?;
        let first = segments.first().and_then(|path| super::segment::number(path));
        Ok(Some(Repaired {
            replayed: fold.state.applied() - before,
            from_record: first.unwrap_or(last.end.next),
            unlearnt: self.choices().exists(),
            state: fold.state,
        }))
    }
}
