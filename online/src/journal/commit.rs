//! Group commit: one thread writes whatever has gathered and syncs it once for all who wait.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use common::append_file::AppendFile;
use common::{Error, Result};
use tokio::sync::watch;

use super::batch::{self, Place};
use super::queue::{Chunk, Queue};
use super::segment::Head;

/// What takes a segment's bytes: a file, or in tests one that fails.
pub(super) trait Medium: Send {
    /// Appends bytes.
    fn append(&mut self, bytes: &[u8]) -> Result<()>;
    /// Waits until they are on disk.
    fn sync(&mut self) -> Result<()>;
}

impl Medium for AppendFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        AppendFile::append(self, bytes)
    }

    fn sync(&mut self) -> Result<()> {
        AppendFile::sync(self)
    }
}

/// Makes a segment's file, its head in it and on disk.
pub(super) type Make = Box<dyn FnMut(&Head) -> Result<Box<dyn Medium>> + Send>;

/// Makes segments as files of `folder`.
pub(super) fn files(folder: PathBuf) -> Make {
    Box::new(move |head| Ok(Box::new(AppendFile::make(&head.path(&folder), &head.encode()?)?)))
}

/// How far the journal has come, for those who wait and those who watch.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Records on disk: the number of the first that is not.
    pub synced: u64,
    /// Bytes written since the start.
    pub bytes: u64,
    /// Group commits since the start.
    pub commits: u64,
    /// Seconds spent in them.
    pub seconds: f64,
    /// Seconds of the slowest.
    pub slowest: f64,
    /// The first record of the segment that is written to; those before it do not change any more.
    pub(super) segment: u64,
    /// Why nothing more can be written, once that is so.
    pub failed: Option<Error>,
}

/// What the journal and its thread share.
#[derive(Debug)]
pub(super) struct Shared {
    desk: Mutex<Desk>,
    filled: Condvar,
    progress: watch::Sender<Progress>,
}

#[derive(Debug)]
struct Desk {
    queue: Queue,
    closing: bool,
    failed: Option<Error>,
}

impl Shared {
    pub(super) fn new(queue: Queue, segment: u64) -> Self {
        let progress = Progress {
            synced: queue.next(),
            segment,
            ..Progress::default()
        };
        let desk = Desk {
            queue,
            closing: false,
            failed: None,
        };
        Shared {
            desk: Mutex::new(desk),
            filled: Condvar::new(),
            progress: watch::Sender::new(progress),
        }
    }

    /// Changes the queue and wakes the thread.
    ///
    /// # Errors
    /// What made the journal fail, once that is so; those of `change`.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Queue) -> Result<T>) -> Result<T> {
        let mut desk = self.lock();
        if let Some(error) = &desk.failed {
            return Err(error.clone());
        }
        if desk.closing {
            return Err(Error::retry("the journal is closed"));
        }
        let value = change(&mut desk.queue)?;
        self.filled.notify_one();
        Ok(value)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Lets the thread end when nothing waits.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.filled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        // No code under this lock panics halfway through a change.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next chunk; `idle` is called first where none waits. None when the journal is closed and all is written.
    fn next(&self, idle: impl FnOnce() -> Result<()>) -> Result<Option<Chunk>> {
        if let Some(chunk) = self.lock().queue.pop() {
            return Ok(Some(chunk));
        }
        idle()?;
        let mut desk = self.lock();
        loop {
            if let Some(chunk) = desk.queue.pop() {
                return Ok(Some(chunk));
            }
            if desk.closing {
                return Ok(None);
            }
            desk = self.filled.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The thread that writes.
pub(super) struct Writer {
    medium: Box<dyn Medium>,
    place: Place,
    make: Make,
    /// Whether the last batch is not followed by an empty one yet.
    open: bool,
}

impl Writer {
    /// A writer after the last batch of a segment.
    pub(super) fn new(medium: Box<dyn Medium>, place: Place, make: Make) -> Self {
        Writer {
            medium,
            place,
            make,
            open: false,
        }
    }

    /// Writes what gathers until the journal is closed or a write fails. A failure is final: what was not synced may be
    /// torn, and after a failed sync the kernel may have dropped it, so that nothing after it could be trusted.
    pub(super) fn run(mut self, shared: &Shared) {
        if let Err(error) = self.write_all(shared) {
            shared.lock().failed = Some(error.clone());
            shared
                .progress
                .send_modify(|progress| progress.failed = Some(error));
        }
    }

    fn write_all(&mut self, shared: &Shared) -> Result<()> {
        let mut next = shared.progress.borrow().synced;
        while let Some(mut chunk) = shared.next(|| self.settle(next))? {
            let started = Instant::now();
            self.write(&mut chunk)?;
            let seconds = started.elapsed().as_secs_f64();
            shared.lock().queue.written(&chunk);
            next = chunk.first + u64::from(chunk.records);
            shared.progress.send_modify(|progress| {
                progress.synced = next;
                progress.bytes += chunk.bytes.len() as u64;
                progress.commits += 1;
                progress.seconds += seconds;
                progress.slowest = progress.slowest.max(seconds);
                // Not before the new segment holds something: an empty one is removed after a crash, and the one
                // before it goes on.
                progress.segment = self.place.segment;
            });
        }
        Ok(())
    }

    fn write(&mut self, chunk: &mut Chunk) -> Result<()> {
        if let Some(head) = chunk.begins.take() {
            // The empty batch at the old segment's end was not synced, and must not be found torn in a finished segment.
            self.medium.sync()?;
            self.medium = (self.make)(&head)?;
            self.place = Place {
                segment: head.first,
                offset: head.encode()?.len() as u64,
            };
        }
        self.append(&mut chunk.bytes, chunk.first, chunk.records)?;
        self.open = true;
        self.medium.sync()
    }

    /// Where nothing waits, an empty batch after the last one says that the last one was synced: damage to it is then
    /// told from a torn write. It needs no sync itself.
    fn settle(&mut self, next: u64) -> Result<()> {
        if !std::mem::take(&mut self.open) {
            return Ok(());
        }
        self.append(&mut [0; batch::HEAD], next, 0)
    }

    fn append(&mut self, bytes: &mut [u8], first: u64, records: u32) -> Result<()> {
        batch::seal(bytes, first, records, self.place);
        self.medium.append(bytes)?;
        self.place.offset += bytes.len() as u64;
        Ok(())
    }
}
