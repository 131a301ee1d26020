//! Compaction: finished segments become parts of Parquet, in three steps, each of which may be the last before a crash.
//!
//! 1. A snapshot after all of them, so that recovery needs none of them.
//! 2. A part for each. A segment does not change once it is finished and its part follows from it alone: where a crash
//!    leaves the part and the segment, the next compaction writes the same part again.
//! 3. The segments go, the oldest first, each for good before the next: what is left always follows on the parts.

use std::path::{Path, PathBuf};

use common::Result;
use common::policy_artifact::Policy;

use super::part::Items;
use super::record::Record;
use super::segment::{self, Segment};
use super::state_folder::StateFolder;
use crate::live::Event;

impl StateFolder {
    /// The segments before the one whose first record is `open`: they do not change any more.
    pub(super) fn finished(&self, open: u64) -> Result<Vec<PathBuf>> {
        let mut segments = segment::list(&self.journal())?;
        segments.retain(|path| segment::number(path) < Some(open));
        Ok(segments)
    }

    /// Step 2 for one segment. A segment without events leaves no part.
    ///
    /// # Errors
    /// A segment that is damaged, and I/O failures.
    pub(super) fn compact(&self, path: &Path) -> Result<()> {
        let segment = Segment::read(path)?;
        let mut events: Vec<Event> = Vec::new();
        segment.records(false, |_, record| {
            if let Record::Answered(event) = record {
                events.push(event);
            }
            Ok(())
        })?;
        if events.is_empty() {
            return Ok(());
        }
        let head = segment.head();
        let (items, users) = Policy::ids(&self.policy(head.epoch))?;
        let items = Items { ids: items, users };
        self.write_part(head.epoch, &head.policy, &items, head.applied, &events)
    }
}
