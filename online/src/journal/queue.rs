//! What waits to be written: records in the order in which they were appended, cut into batches and segments.
//!
//! A plain data structure under the journal's lock; the thread that writes takes all that has gathered.

use std::collections::VecDeque;

use common::fingerprint::Fingerprint;
use common::{Error, Result};

use super::batch;
use super::segment::Head;

/// Bytes of the largest record: a decision of a thousand items over the longest history has a tenth of it.
const LARGEST_RECORD: usize = 1 << 20;
/// Where a batch is full and the next one begins.
const FULL_BATCH: usize = 8 << 20;
/// Bytes that may wait. Above it the disk does not keep up, and new records are refused.
const MOST_WAITING: usize = 64 << 20;

/// Records that are written and synced together.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The segment that begins with it, where one does.
    pub(super) begins: Option<Head>,
    /// The number of its first record.
    pub(super) first: u64,
    /// How many there are.
    pub(super) records: u32,
    /// Buffers for the batch's head, then the records.
    pub(super) bytes: Vec<u8>,
}

/// What a record means for the count of events and the cut into segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An event was applied.
    Event,
    /// Another policy serves from here on: a new segment begins.
    Swap { epoch: u32, policy: Fingerprint },
    /// The experiment changes: a new segment begins.
    Turn,
    /// None of these.
    Other,
}

/// The end of the journal: what waits, and what the next segment would say of itself.
#[derive(Debug)]
pub(super) struct Queue {
    chunks: VecDeque<Chunk>,
    waiting: usize,
    /// The next segment's head, were it to begin with the next record.
    next: Head,
    /// Bytes of the last segment, those that wait among them.
    segment: u64,
    /// Where a segment is full.
    full_segment: u64,
    rotate: bool,
}

impl Queue {
    /// `next` describes a segment that would begin with the next record; the last one has `segment` bytes so far.
    pub(super) fn new(next: Head, segment: u64, full_segment: u64) -> Self {
        Queue {
            chunks: VecDeque::new(),
            waiting: 0,
            next,
            segment,
            full_segment,
            rotate: false,
        }
    }

    /// The number that the next record gets.
    pub(super) fn next(&self) -> u64 {
        self.next.first
    }

    /// Lets a new segment begin with the next record.
    pub(super) fn rotate(&mut self) {
        self.rotate = self.segment > 0;
    }

    /// Whether there is room for more.
    ///
    /// # Errors
    /// When too much waits.
    pub(super) fn ready(&self) -> Result<()> {
        if self.waiting > MOST_WAITING {
            return Err(Error::retry(format!(
                "{} bytes wait for the disk, which does not keep up",
                self.waiting
            )));
        }
        Ok(())
    }

    /// Appends a record. What has changed the state already, an event or a swap, is always taken: its caller asks
    /// [`Queue::ready`] before it changes anything, and an event is no larger than the decision that it answers, but for
    /// a few bytes.
    ///
    /// # Errors
    /// Where nothing was changed yet: when it is too large, or too much waits.
    pub(super) fn push(&mut self, record: &[u8], meaning: Meaning) -> Result<()> {
        if meaning == Meaning::Other {
            self.ready()?;
            if record.len() > LARGEST_RECORD {
                let size = record.len();
                return Err(Error::usage(format!(
                    "a record of {size} bytes; the journal takes up to {LARGEST_RECORD}"
                ))
                .hint("ask for fewer items at once"));
            }
        }
        let begins = self.begin(record.len(), &meaning);
        match self.chunks.back_mut() {
            Some(chunk) if begins.is_none() && chunk.bytes.len() < FULL_BATCH => {
                chunk.bytes.extend_from_slice(record);
                chunk.records += 1;
            }
            _ => {
                let mut bytes = vec![0; batch::HEAD];
                bytes.extend_from_slice(record);
                self.chunks.push_back(Chunk {
                    begins,
                    first: self.next.first,
                    records: 1,
                    bytes,
                });
            }
        }
        self.waiting += record.len();
        self.segment += record.len() as u64;
        self.next.first += 1;
        self.next.applied += u64::from(meaning == Meaning::Event);
        Ok(())
    }

    /// The first of what waits; it counts as waiting until [`Queue::written`].
    pub(super) fn pop(&mut self) -> Option<Chunk> {
        self.chunks.pop_front()
    }

    /// Says that a chunk waits no longer.
    pub(super) fn written(&mut self, chunk: &Chunk) {
        self.waiting -= chunk.bytes.len() - batch::HEAD;
    }

    /// The head of the segment that a record of `size` bytes begins, where the last one is full, a swap asks for a new
    /// one, or [`Queue::rotate`] did.
    fn begin(&mut self, size: usize, meaning: &Meaning) -> Option<Head> {
        let swap = match meaning {
            Meaning::Swap { epoch, policy } => {
                self.next.epoch = *epoch;
                self.next.policy = policy.clone();
                true
            }
            Meaning::Turn => true,
            _ => false,
        };
        let full = self.segment + size as u64 > self.full_segment && self.segment > 0;
        if !swap && !full && !self.rotate {
            return None;
        }
        self.rotate = false;
        self.segment = 0;
        Some(self.next.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(full_segment: u64) -> Queue {
        let head = Head {
            first: 10,
            applied: 4,
            epoch: 0,
            policy: Fingerprint::of_bytes(b"p"),
        };
        Queue::new(head, 0, full_segment)
    }

    #[test]
    fn what_gathers_is_one_batch() {
        let mut queue = queue(1000);
        queue.push(b"ab", Meaning::Event).unwrap();
        queue.push(b"c", Meaning::Other).unwrap();
        let chunk = queue.pop().unwrap();
        assert_eq!(
            (chunk.first, chunk.records, &chunk.bytes[batch::HEAD..]),
            (10, 2, b"abc".as_slice())
        );
        assert!(chunk.begins.is_none() && queue.pop().is_none());
        assert_eq!(queue.next(), 12);
        queue.written(&chunk);
        assert_eq!(queue.waiting, 0);
    }

    #[test]
    fn a_full_segment_a_swap_and_a_wish_begin_a_new_one() {
        let mut queue = queue(3);
        queue.push(b"ab", Meaning::Event).unwrap();
        queue.push(b"cd", Meaning::Event).unwrap();
        let policy = Fingerprint::of_bytes(b"q");
        queue
            .push(
                b"s",
                Meaning::Swap {
                    epoch: 1,
                    policy: policy.clone(),
                },
            )
            .unwrap();
        queue.push(b"e", Meaning::Other).unwrap();
        queue.rotate();
        queue.push(b"f", Meaning::Other).unwrap();
        let begun: Vec<_> = std::iter::from_fn(|| queue.pop())
            .map(|chunk| {
                (
                    chunk.records,
                    chunk.begins.map(|head| (head.first, head.applied, head.epoch)),
                )
            })
            .collect();
        let expected = [
            (1, None),
            (1, Some((11, 5, 0))),
            (2, Some((12, 6, 1))),
            (1, Some((14, 6, 1))),
        ];
        assert_eq!(begun, expected);
        assert_eq!(queue.next.policy, policy);
    }

    #[test]
    fn what_the_disk_cannot_take_is_refused() {
        let mut queue = queue(u64::MAX);
        assert!(queue.push(&vec![0; LARGEST_RECORD + 1], Meaning::Other).is_err());
        let record = vec![0; LARGEST_RECORD];
        let taken = (0..100)
            .take_while(|_| queue.push(&record, Meaning::Other).is_ok())
            .count();
        assert_eq!(taken, MOST_WAITING / LARGEST_RECORD + 1);
        assert!(queue.ready().is_err());
        queue.push(&record, Meaning::Event).unwrap();
        let chunk = queue.pop().unwrap();
        assert!(chunk.bytes.len() <= batch::LARGEST);
        queue.written(&chunk);
        queue.push(&record, Meaning::Other).unwrap();
    }
}
