//! The log, one batch of rows after the other: decoded over worker threads, handed on in the order of the rows.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use common::ids::{Dictionary, IdKind};
use common::schema::file::ParquetFile;
use common::terminal::Progress;
use common::{Error, Result};

use super::slice::{File, Part, Slice};
use super::{check, codes};

/// Threads that decode, at most: a few keep many workers busy, and each holds batches in memory.
const DECODERS: usize = 8;
/// Batches that may wait for the one that is worked on, of each thread that decodes.
const WAITING: usize = 1;

/// The files of a log, their columns checked.
pub(crate) struct Log {
    files: Vec<File>,
    parts: Vec<Part>,
    /// The type of user ids: integers where they are so in every file.
    pub(crate) users: IdKind,
    /// How many rows there are.
    pub(crate) rows: u64,
}

/// Consecutive rows of a log.
pub(crate) struct Batch<'a> {
    log: &'a Log,
    slice: Slice,
    /// How many rows stand before them.
    pub(crate) first_row: u64,
}

impl Log {
    /// The log in `files`.
    ///
    /// # Errors
    /// When a file cannot be read or lacks a column, a column has another type, or there is no row.
    pub(crate) fn open(files: &[PathBuf]) -> Result<Self> {
        let log = Self::open_cut(files)?;
        if log.rows == 0 {
            return Err(Error::data("the log is empty: it has no row")
                .file(&files[0])
                .hint(
                    "users of whom nothing is known get an empty state by `profiler states --users FILE`",
                ));
        }
        Ok(log)
    }

    /// As [`Log::open`], for a log from which rows may have been cut: all of them, it may be.
    ///
    /// # Errors
    /// As [`Log::open`], but for an empty log.
    pub(crate) fn open_cut(files: &[PathBuf]) -> Result<Self> {
        let mut log = Log {
            files: Vec::with_capacity(files.len()),
            parts: Vec::new(),
            users: IdKind::Integer,
            rows: 0,
        };
        for path in files {
            let opened = ParquetFile::open(path)?;
            if !check::columns(&opened)? {
                log.users = IdKind::Text;
            }
            let file = File::new(opened)?;
            log.parts.extend(file.parts(log.files.len()));
            log.files.push(file);
        }
        log.rows = log.parts.iter().map(|part| part.rows as u64).sum();
        Ok(log)
    }

    /// Hands all rows, in their order, to `take`; of these columns only. Memory is for a few batches a worker.
    ///
    /// # Errors
    /// When a file cannot be read, and those of `take`.
    pub(crate) fn scan(
        &self,
        label: &str,
        columns: &[&'static str],
        workers: usize,
        mut take: impl FnMut(&Batch<'_>) -> Result<()>,
    ) -> Result<()> {
        let progress = Progress::new(label, self.rows, "rows");
        let threads = workers.clamp(1, DECODERS);
        std::thread::scope(|scope| {
            let receivers: Vec<Receiver<Result<Slice>>> = (0..threads)
                .map(|first| {
                    let (sender, receiver) = sync_channel(WAITING);
                    let parts = self.parts.iter().skip(first).step_by(threads);
                    scope.spawn(move || self.decode(parts, columns, &sender));
                    receiver
                })
                .collect();
            let mut first_row = 0;
            // Each thread decodes every n-th part, so that taking turns gives them in order. Those that still decode
            // when this ends find their channel closed.
            for (part, receiver) in self.parts.iter().zip(receivers.iter().cycle()) {
                let slice = receiver
                    .recv()
                    .map_err(|_| Error::retry("a thread that decodes the log has stopped"))??;
                let log = self;
                take(&Batch {
                    log,
                    slice,
                    first_row,
                })?;
                first_row += part.rows as u64;
                progress.add(part.rows as u64);
            }
            Ok(())
        })
    }

    fn decode<'a>(
        &self,
        parts: impl Iterator<Item = &'a Part>,
        columns: &[&'static str],
        sender: &SyncSender<Result<Slice>>,
    ) {
        for part in parts {
            if sender.send(self.files[part.file].read(part, columns)).is_err() {
                break;
            }
        }
    }

    /// The error for the first bad row; a scan has seen that there is one.
    fn first_bad_row(&self) -> Error {
        let found = self.files.iter().try_for_each(|file| check::values(file.path()));
        found.err().unwrap_or_else(|| {
            Error::retry("the log was changed while it was read")
                .file(self.files[0].path())
                .hint("run again when nothing writes to it")
        })
    }
}

impl Batch<'_> {
    /// The codes of the ids in `column`; new ones join `dictionary` in the order of the rows.
    ///
    /// # Errors
    /// For the log's first bad row, where an id is null or empty.
    pub(crate) fn codes(
        &self,
        column: &str,
        dictionary: &mut Dictionary,
        workers: usize,
    ) -> Result<Vec<u32>> {
        let ids = self.slice.ids(column)?;
        codes::intern(dictionary, &ids, workers).ok_or_else(|| self.log.first_bad_row())
    }

    /// The codes of the ids in `column`, all of which an earlier pass has seen.
    ///
    /// # Errors
    /// Where it has not, because the log was changed since.
    pub(crate) fn known(&self, column: &str, dictionary: &Dictionary, workers: usize) -> Result<Vec<u32>> {
        let ids = self.slice.ids(column)?;
        codes::known(dictionary, &ids, workers).ok_or_else(|| self.log.first_bad_row())
    }

    /// Times in milliseconds.
    ///
    /// # Errors
    /// For the log's first bad row, where one is null.
    pub(crate) fn times(&self) -> Result<&[i64]> {
        self.slice.times()?.ok_or_else(|| self.log.first_bad_row())
    }

    /// Feedback.
    ///
    /// # Errors
    /// For the log's first bad row, where one is null, NaN or infinite.
    pub(crate) fn feedback(&self) -> Result<&[f32]> {
        self.slice.feedback()?.ok_or_else(|| self.log.first_bad_row())
    }
}
