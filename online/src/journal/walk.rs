//! Reading the journal from one segment to the next.

use std::path::{Path, PathBuf};

use common::{Error, Result};

use super::record::Record;
use super::segment::{self, End, Segment};

/// A record and its place.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its number.
    pub(super) number: u64,
    /// Events applied before it.
    pub(super) applied: u64,
    /// The policy that serves from it on.
    pub(super) epoch: u32,
    /// The record.
    pub(super) record: Record,
}

/// Where the journal ends.
#[derive(Debug)]
pub(super) struct Last {
    /// The last segment's first record.
    pub(super) segment: u64,
    /// Where its records end.
    pub(super) end: End,
    /// A segment after it, in which a crash has left no whole record.
    pub(super) empty: Option<PathBuf>,
}

/// Hands the records of a journal's `folder` to `visit`, from the segment on in which record `position` stands or would
/// stand next.
///
/// # Errors
/// Those of `visit`; no segment, damage but at the torn end, a segment that does not follow on the one before.
pub(super) fn walk(folder: &Path, position: u64, mut visit: impl FnMut(Entry) -> Result<()>) -> Result<Last> {
    let mut paths = segment::list(folder)?;
    let empty = empty_last(&mut paths)?;
    let mut last = None;
    for (index, path) in paths.iter().enumerate() {
        let following = paths.get(index + 1);
        if following.is_some_and(|path| segment::number(path) <= Some(position)) {
            continue;
        }
        let segment = Segment::read(path)?;
        let head = segment.head();
        if let Some(Last { end, .. }) = &last
            && end.next != head.first
        {
            return Err(Error::data(format!(
                "the segment begins with record {}, not {}",
                head.first, end.next
            ))
            .file(path)
            .hint("a segment before it is missing: bring it back from a backup"));
        }
        let (mut applied, epoch) = (head.applied, head.epoch);
        let end = segment.records(following.is_none(), |number, record: Record| {
            let is_event = record.is_event();
            visit(Entry {
                number,
                applied,
                epoch,
                record: record.with_arm(),
            })?;
            applied += u64::from(is_event);
            Ok(())
        })?;
        last = Some(Last {
            segment: head.first,
            end,
            empty: None,
        });
    }
    let last = last.ok_or_else(|| Error::data("the journal has no segment").file(folder))?;
    Ok(Last { empty, ..last })
}

/// Takes off a last segment without a whole record. It was made for a batch that a crash then tore, so that nobody was
/// told of any of it, and the segment before it was not finished yet.
fn empty_last(paths: &mut Vec<PathBuf>) -> Result<Option<PathBuf>> {
    let Some(path) = paths.last().filter(|_| paths.len() > 1) else {
        return Ok(None);
    };
    let segment = Segment::read(path)?;
    let first = segment.head().first;
    let end = segment.records(true, |_, _: Record| Ok(()))?;
    Ok(if end.next == first { paths.pop() } else { None })
}
