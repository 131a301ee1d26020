//! The journal: every decision and every answered event on disk before anyone is told of it.
//!
//! [`Journal`] appends records in the order in which the state takes them, with checksums and group commit;
//! [`StateFolder`] is all that a server leaves on disk; [`Durable`] is the live policy whose acknowledged feedback
//! survives a kill: state, pending decisions and journal under two locks. Recovery is the last snapshot and the records
//! after it. When segments are full they are compacted: a snapshot, then the segment's events as Parquet, then the
//! segment is removed; each step can be repeated, so that a crash between any two does no harm.

mod apprentice;
mod base;
mod batch;
mod block;
mod checked;
mod commit;
mod compact;
mod durable;
mod experiment;
mod exposure;
mod fold;
mod items;
mod keeper;
mod missing;
mod open;
mod part;
mod queue;
mod rebuild;
mod record;
mod recover;
mod repair;
mod segment;
mod snapshot;
mod state_folder;
mod take_over;
mod upkeep;
mod walk;

pub use apprentice::Incumbent;
pub use commit::Progress;
pub use durable::{Durable, Observed, Refused};
pub use experiment::ArmConfig;
pub use fold::Fold;
pub use items::{ItemChanges, Items};
pub use open::OpenConfig;
pub use part::Part;
pub use record::Record;
pub use recover::Recovered;
pub use repair::Repaired;
pub use state_folder::{ArmSettings, StateFolder};
pub use take_over::Swapped;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use common::append_file::AppendFile;
use common::{Error, Result};
use tokio::sync::watch;

use batch::Place;
use commit::{Make, Medium, Shared, Writer};
use queue::Queue;
use segment::Head;

/// How the journal is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Bytes at which a segment is full, and compacted.
    pub segment_bytes: u64,
    /// Seconds after which a segment with records is compacted though it is not full.
    pub segment_seconds: u64,
    /// Copies of policies that are kept of each arm at most; none: all.
    pub policies: Option<usize>,
}

impl Keeping {
    /// 16 MiB or an hour: a segment is held in memory while it becomes Parquet.
    pub const DEFAULT: Keeping = Keeping {
        segment_bytes: 16 << 20,
        segment_seconds: 3600,
        policies: None,
    };
}

/// The journal, open at its end. Appending is cheap and for any thread; one thread of its own writes.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    progress: watch::Receiver<Progress>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Where an open journal goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tip {
    /// The last segment's first record.
    segment: u64,
    /// Bytes of it that are whole.
    length: u64,
    /// What a segment that begins with the next record would say.
    next: Head,
}

impl Journal {
    /// Makes the journal's first segment in `folder`.
    ///
    /// # Errors
    /// When there is one already, and on I/O failure.
    fn create(folder: &Path, head: Head) -> Result<Tip> {
        let bytes = head.encode()?;
        AppendFile::make(&head.path(folder), &bytes)?;
        Ok(Tip {
            segment: head.first,
            length: bytes.len() as u64,
            next: head,
        })
    }

    /// Opens the journal in `folder` at its end; what stands after that is cut off.
    ///
    /// # Errors
    /// On I/O failure.
    fn open(folder: &Path, tip: Tip, keeping: &Keeping) -> Result<Self> {
        let path = Head {
            first: tip.segment,
            ..tip.next.clone()
        }
        .path(folder);
        let file = AppendFile::open(&path, tip.length)?;
        Self::start(Box::new(file), commit::files(folder.to_path_buf()), tip, keeping)
    }

    fn start(medium: Box<dyn Medium>, make: Make, tip: Tip, keeping: &Keeping) -> Result<Self> {
        let place = Place {
            segment: tip.segment,
            offset: tip.length,
        };
        let records = tip.next.first - tip.segment;
        // A segment that holds nothing yet is not full, however long its head.
        let bytes = if records == 0 { 0 } else { tip.length };
        let shared = Arc::new(Shared::new(
            Queue::new(tip.next, bytes, keeping.segment_bytes),
            tip.segment,
        ));
        let writer = Writer::new(medium, place, make);
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("journal".into());
        let thread = thread
            .spawn(move || writer.run(&for_thread))
            .map_err(|e| Error::retry(format!("cannot start the journal's thread: {e}")))?;
        Ok(Journal {
            progress: shared.subscribe(),
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Appends a record; it is not on disk before [`Journal::durable`] says so. Returns what to ask it for.
    ///
    /// # Errors
    /// When an earlier write failed (final), the record is too large, or too much waits for the disk.
    pub fn append(&self, record: &Record) -> Result<u64> {
        let bytes = postcard::to_stdvec(record)
            .map_err(|e| Error::data(format!("the record cannot be encoded: {e}")))?;
        self.shared.change(|queue| {
            queue.push(&bytes, record.meaning())?;
            Ok(queue.next())
        })
    }

    /// Waits until everything that was appended up to `end` (by [`Journal::append`]) is on disk. Many may wait; one sync
    /// serves them all.
    ///
    /// # Errors
    /// When it cannot be written. That is final.
    pub async fn durable(&self, end: u64) -> Result<()> {
        let mut progress = self.progress.clone();
        let reached = progress
            .wait_for(|progress| progress.synced >= end || progress.failed.is_some())
            .await;
        let reached = reached.map_err(|_| Error::retry("the journal is closed"))?;
        match &reached.failed {
            Some(error) if reached.synced < end => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Waits until it has failed, and says why.
    pub async fn failure(&self) -> Error {
        let mut progress = self.progress.clone();
        let failed = progress.wait_for(|progress| progress.failed.is_some()).await;
        let failed = failed.ok().and_then(|progress| progress.failed.clone());
        failed.unwrap_or_else(|| Error::retry("the journal is closed"))
    }

    /// As [`Journal::durable`], for threads that may block.
    ///
    /// # Errors
    /// As [`Journal::durable`].
    pub fn wait(&self, end: u64) -> Result<()> {
        block::on(self.durable(end))
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// The number of the next record.
    ///
    /// # Errors
    /// When an earlier write failed.
    fn next(&self) -> Result<u64> {
        self.shared.change(|queue| Ok(queue.next()))
    }

    /// Lets a new segment begin with the next record.
    ///
    /// # Errors
    /// When an earlier write failed.
    fn rotate(&self) -> Result<()> {
        self.shared.change(|queue| {
            queue.rotate();
            Ok(())
        })
    }

    /// Whether there is room for more records: to be asked before the state is changed.
    ///
    /// # Errors
    /// When an earlier write failed, or too much waits for the disk.
    fn ready(&self) -> Result<()> {
        self.shared.change(|queue| queue.ready())
    }

    /// Writes what waits and ends; nothing can be appended from then on.
    ///
    /// # Errors
    /// When something could not be written.
    pub fn close(&self) -> Result<()> {
        self.shared.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic in the thread has been printed; nothing waits for it any more.
            let _ = thread.join();
        }
        self.progress().failed.map_or(Ok(()), Err)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Who wants to know of a failure calls `close`.
        let _ = self.close();
    }
}

#[cfg(test)]
mod tests;
