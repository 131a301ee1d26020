//! The log in polars: a streaming scan, one batch of rows after the other, whatever the types of the columns.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use common::ids::{Dictionary, IdKind};
use common::schema::interactions::{FEEDBACK, ITEM_ID, TIMESTAMP, USER_ID};
use common::terminal::Progress;
use common::{Error, Result};
use polars::prelude::*;

use super::{check, codes};

/// Rows of a batch; no result depends on it.
const BATCH: usize = 131_072;
/// Batches that may wait while another is worked on.
const WAITING: usize = 2;

/// The files of a log, their columns checked.
pub(super) struct Log {
    files: Vec<PathBuf>,
    /// The type of user ids: integers where they are so in every file.
    pub(super) users: IdKind,
    /// How many rows there are.
    pub(super) rows: u64,
}

/// Consecutive rows of a log.
pub(super) struct Batch<'a> {
    log: &'a Log,
    frame: DataFrame,
    /// How many rows stand before them.
    pub(super) first_row: u64,
}

impl Log {
    /// The log in `files`.
    ///
    /// # Errors
    /// When a file cannot be read or lacks a column, a column has another type, or there is no row.
    pub(super) fn open(files: Vec<PathBuf>) -> Result<Self> {
        let mut log = Log {
            files,
            users: IdKind::Integer,
            rows: 0,
        };
        for file in &log.files {
            if !check::columns(file)? {
                log.users = IdKind::Text;
            }
            let rows = lazy(file)?.select([len().cast(DataType::UInt64)]);
            let rows = collect(rows, file)?;
            let rows = rows.columns()[0].u64().map_err(|e| polars_error(&e, file))?;
            log.rows += rows.get(0).unwrap_or_default();
        }
        if log.rows == 0 {
            return Err(Error::data("the log is empty: it has no row").file(&log.files[0]));
        }
        Ok(log)
    }

    /// Hands all rows, in their order, to `take`; of these columns only.
    ///
    /// # Errors
    /// When a file cannot be read, and those of `take`.
    pub(super) fn scan(
        &self,
        label: &str,
        columns: &[&str],
        mut take: impl FnMut(&Batch<'_>) -> Result<()>,
    ) -> Result<()> {
        let wanted: Vec<Expr> = columns.iter().map(|column| typed(column)).collect();
        let progress = Progress::new(label, self.rows, "rows");
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(WAITING);
            let reader = scope.spawn(move || self.send(&wanted, &sender));
            let taken = self.receive(&receiver, |batch| {
                take(batch)?;
                progress.add(batch.frame.height() as u64);
                Ok(())
            });
            // The reader stops at its next batch where this one failed.
            drop(receiver);
            let read = reader.join().unwrap_or_else(|_| {
                Err(Error::data("the log cannot be read: its pages are damaged").file(&self.files[0]))
            });
            taken.and(read)
        })
    }

    fn send(&self, wanted: &[Expr], sender: &SyncSender<DataFrame>) -> Result<()> {
        let gone = Arc::new(AtomicBool::new(false));
        for file in &self.files {
            let (sender, stop) = (sender.clone(), gone.clone());
            let hand_over = PlanCallback::new(move |frame: DataFrame| {
                let failed = sender.send(frame).is_err();
                stop.fetch_or(failed, Ordering::Relaxed);
                Ok(failed)
            });
            lazy(file)?
                .select(wanted)
                .sink_batches(hand_over, true, NonZeroUsize::new(BATCH))
                .and_then(|query| query.collect_with_engine(Engine::Streaming))
                .map_err(|e| polars_error(&e, file))?;
            if gone.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(())
    }

    fn receive(
        &self,
        receiver: &Receiver<DataFrame>,
        mut take: impl FnMut(&Batch<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut first_row = 0;
        for frame in receiver {
            let rows = frame.height() as u64;
            take(&Batch {
                log: self,
                frame,
                first_row,
            })?;
            first_row += rows;
        }
        Ok(())
    }

    /// The error for the first bad row; a scan has seen that there is one.
    pub(super) fn first_bad_row(&self) -> Error {
        let found = self.files.iter().try_for_each(|file| check::values(file));
        found.err().unwrap_or_else(|| {
            Error::retry("the log was changed while it was read")
                .file(&self.files[0])
                .hint("run again when nothing writes to it")
        })
    }
}

impl Batch<'_> {
    /// The codes of the ids in `column`; new ones join `dictionary` in the order of the rows.
    ///
    /// # Errors
    /// For the log's first bad row, where an id is null or empty.
    pub(super) fn codes(
        &self,
        column: &str,
        dictionary: &mut Dictionary,
        workers: usize,
    ) -> Result<Vec<u32>> {
        let ids = self.column(column)?.str().map_err(unreadable)?;
        codes::intern(dictionary, ids, workers).ok_or_else(|| self.log.first_bad_row())
    }

    /// The codes of the ids in `column`, all of which an earlier pass has seen.
    ///
    /// # Errors
    /// Where it has not, because the log was changed since.
    pub(super) fn known(&self, column: &str, dictionary: &Dictionary, workers: usize) -> Result<Vec<u32>> {
        let ids = self.column(column)?.str().map_err(unreadable)?;
        codes::known(dictionary, ids, workers).ok_or_else(|| self.log.first_bad_row())
    }

    /// Times in milliseconds.
    ///
    /// # Errors
    /// For the log's first bad row, where one is null.
    pub(super) fn times(&self) -> Result<Vec<i64>> {
        let times = self.column(TIMESTAMP)?.i64().map_err(unreadable)?;
        if times.null_count() > 0 {
            return Err(self.log.first_bad_row());
        }
        Ok(times.into_no_null_iter().collect())
    }

    /// Feedback.
    ///
    /// # Errors
    /// For the log's first bad row, where one is null, NaN or infinite.
    pub(super) fn feedback(&self) -> Result<Vec<f32>> {
        let feedback = self.column(FEEDBACK)?.f32().map_err(unreadable)?;
        let values: Vec<f32> = feedback.iter().map(|value| value.unwrap_or(f32::NAN)).collect();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(self.log.first_bad_row());
        }
        Ok(values)
    }

    fn column(&self, column: &str) -> Result<&Column> {
        self.frame.column(column).map_err(unreadable)
    }
}

fn unreadable(error: PolarsError) -> Error {
    Error::data(format!("the log cannot be read: {error}"))
}

/// The file as a lazy frame; nothing is read yet.
pub(crate) fn lazy(file: &Path) -> Result<LazyFrame> {
    let path = PlRefPath::try_from_path(file).map_err(|e| polars_error(&e, file))?;
    let arguments = ScanArgsParquet {
        glob: false,
        ..ScanArgsParquet::default()
    };
    LazyFrame::scan_parquet(path, arguments).map_err(|e| polars_error(&e, file))
}

/// Runs a query over `file`, streaming; it has one result.
pub(crate) fn collect(query: LazyFrame, file: &Path) -> Result<DataFrame> {
    let result = query.collect_with_engine(Engine::Streaming);
    Ok(result.map_err(|e| polars_error(&e, file))?.unwrap_single())
}

/// A column of a log in one type, whatever the file's.
pub(crate) fn typed(column: &str) -> Expr {
    match column {
        USER_ID | ITEM_ID => col(column).cast(DataType::String),
        // An integer is milliseconds already: the detour over a time changes nothing.
        TIMESTAMP => col(column)
            .cast(DataType::Datetime(TimeUnit::Milliseconds, None))
            .cast(DataType::Int64),
        _ => col(column).cast(DataType::Float32),
    }
}

/// Polars' failure in our voice.
pub(crate) fn polars_error(error: &PolarsError, file: &Path) -> Error {
    match error {
        PolarsError::IO { error, .. } if error.kind() == std::io::ErrorKind::NotFound => {
            Error::usage("cannot read: no such file or folder").file(file)
        }
        _ => Error::data(format!("the log cannot be read: {error}"))
            .file(file)
            .hint("it may have been cut short in a copy; copy or make it again"),
    }
}
