//! `interactions.parquet`: the log. Columns `user_id`, `item_id` (text or integers), `timestamp` (ms, UTC; the
//! row order where the source has no time), `feedback` (f32), `propensity` (f32, nullable, may be left out).

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Float32Array, TimestampMillisecondArray};
use serde::{Deserialize, Serialize};

use super::column::id_array;
use super::file::ParquetFile;
use super::table;
use super::write::{self, Columns, ROW_GROUP_ROWS};
use crate::bad_rows::BadRows;
use crate::ids::{Dictionary, IdKind};
use crate::logs::Scan;
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind of a log that every tool may read.
pub const LOG: &str = "interactions";
/// Artifact kind of held-out truth: for the simulator alone.
pub const TRUTH: &str = "truth";
/// Artifact kind of rows that were cut from a log, with their feedback: for the simulator alone.
pub const WITHHELD: &str = "withheld";
/// Column of user ids.
pub(crate) const USER_ID: &str = "user_id";
/// Column of item ids.
pub(crate) const ITEM_ID: &str = "item_id";
/// Column of times in milliseconds, UTC.
pub(crate) const TIMESTAMP: &str = "timestamp";
/// Column of feedback.
pub(crate) const FEEDBACK: &str = "feedback";
/// Column of propensities.
pub(crate) const PROPENSITY: &str = "propensity";
const FEEDBACK_KEY: &str = "headstart.feedback";

/// What the feedback column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A rating on a scale.
    Rating,
    /// A count (plays, purchases).
    Count,
    /// 1 for a click or like, 0 for none.
    Click,
}

impl Feedback {
    /// Clicks, each of which is a like.
    pub const CLICKS: Feedback = Feedback {
        kind: Kind::Click,
        like_threshold: 1.0,
    };

    /// Where there is no log yet to say it: from `like_threshold` on, or 1, it will be a like.
    pub fn unknown(like_threshold: Option<f32>) -> Self {
        Feedback {
            kind: Kind::Rating,
            like_threshold: like_threshold.unwrap_or(1.0),
        }
    }
}

/// What the feedback column holds, and from where on it counts as a like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    /// Rating, count or click.
    pub kind: Kind,
    /// Feedback of at least this is a like.
    pub like_threshold: f32,
}

impl Feedback {
    /// Whether `feedback` is a like.
    pub fn is_like(&self, feedback: f32) -> bool {
        feedback >= self.like_threshold
    }
}

/// A log in memory, a struct of arrays; row order is file order.
#[derive(Clone, Debug)]
pub struct Interactions {
    /// User ids.
    pub users: Dictionary,
    /// Item ids.
    pub items: Dictionary,
    /// Each row's user.
    pub user: Vec<u32>,
    /// Each row's item.
    pub item: Vec<u32>,
    /// Each row's time, ms UTC.
    pub timestamp: Vec<i64>,
    /// Each row's feedback.
    pub feedback: Vec<f32>,
    /// Each row's logging propensity, where known.
    pub propensity: Vec<Option<f32>>,
    /// What feedback means.
    pub kind: Feedback,
}

/// Rows of a log, borrowed: all of it or a piece; see [`Interactions`].
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// User ids.
    pub users: &'a Dictionary,
    /// Item ids.
    pub items: &'a Dictionary,
    /// Each row's user.
    pub user: &'a [u32],
    /// Each row's item.
    pub item: &'a [u32],
    /// Each row's time, ms UTC.
    pub timestamp: &'a [i64],
    /// Each row's feedback.
    pub feedback: &'a [f32],
    /// Each row's logging propensity, where known.
    pub propensity: &'a [Option<f32>],
}

impl Rows<'_> {
    /// The rows in parts whose ids, unless they are very long, are less than 2 GiB of text: whole row groups.
    fn parts(&self) -> impl Iterator<Item = Rows<'_>> {
        const ROWS: usize = 8 * ROW_GROUP_ROWS;
        let count = self.user.len();
        let starts = (0..count.max(1)).step_by(ROWS);
        starts.map(move |start| {
            let rows = start..count.min(start + ROWS);
            Rows {
                user: &self.user[rows.clone()],
                item: &self.item[rows.clone()],
                timestamp: &self.timestamp[rows.clone()],
                feedback: &self.feedback[rows.clone()],
                propensity: &self.propensity[rows],
                ..*self
            }
        })
    }
}

impl Interactions {
    /// A log without rows over these users and items.
    pub fn new(users: Dictionary, items: Dictionary, kind: Feedback) -> Self {
        Interactions {
            users,
            items,
            user: Vec::new(),
            item: Vec::new(),
            timestamp: Vec::new(),
            feedback: Vec::new(),
            propensity: Vec::new(),
            kind,
        }
    }

    /// Adds a row.
    pub fn push(&mut self, user: u32, item: u32, timestamp: i64, feedback: f32, propensity: Option<f32>) {
        self.user.push(user);
        self.item.push(item);
        self.timestamp.push(timestamp);
        self.feedback.push(feedback);
        self.propensity.push(propensity);
    }

    /// All rows.
    pub fn rows(&self) -> Rows<'_> {
        Rows {
            users: &self.users,
            items: &self.items,
            user: &self.user,
            item: &self.item,
            timestamp: &self.timestamp,
            feedback: &self.feedback,
            propensity: &self.propensity,
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.user.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.user.is_empty()
    }

    /// Whether row `row` is a like.
    pub fn is_like(&self, row: usize) -> bool {
        self.kind.is_like(self.feedback[row])
    }

    /// Row indices by user (in code order), each in the order of time; ties keep the file's order.
    pub fn rows_by_user(&self) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.users.len()];
        for (row, &user) in self.user.iter().enumerate() {
            rows[user as usize].push(row);
        }
        for of_user in &mut rows {
            of_user.sort_by_key(|&row| self.timestamp[row]);
        }
        rows
    }
}

/// Reads a log (see [`Scan::open`]). Held-out truth is refused. `like_threshold` overrides what the file says, and is needed
/// where the file says nothing.
///
/// # Errors
/// A missing or unreadable file, a missing column, a wrong type, a null, NaN or infinite feedback, a propensity
/// outside (0, 1], an empty log, an unknown like threshold.
pub fn read_log(path: &Path, like_threshold: Option<f32>) -> Result<Interactions> {
    read(path, &[LOG, super::events::EVENTS], like_threshold, Empty::Refuse)
}

/// Reads a log from which rows may have been cut: all of them, it may be.
///
/// # Errors
/// As [`read_log`], but for an empty log.
pub fn read_cut_log(path: &Path) -> Result<Interactions> {
    read(path, &[LOG, super::events::EVENTS], None, Empty::Allow)
}

/// Reads held-out truth: for the simulator alone.
///
/// # Errors
/// As [`read_log`].
pub fn read_truth(path: &Path) -> Result<Interactions> {
    read(path, &[TRUTH], None, Empty::Refuse)
}

/// Reads the rows that were cut from a log, with their feedback; there may be none. For the simulator alone.
///
/// # Errors
/// As [`read_log`], but for an empty file.
pub fn read_withheld(path: &Path) -> Result<Interactions> {
    read(path, &[WITHHELD], None, Empty::Allow)
}

/// What the footers of a log say about its feedback, `like_threshold` winning over it. Refuses held-out truth.
///
/// # Errors
/// Wrong usage where neither says from where on feedback is a like, or the files disagree on it.
pub fn feedback_of_log(path: &Path, like_threshold: Option<f32>) -> Result<Feedback> {
    feedback_of(
        &table::open_parts(path, &[LOG, super::events::EVENTS])?,
        like_threshold,
    )
}

/// As [`feedback_of_log`], of opened files.
pub(crate) fn feedback_of(files: &[ParquetFile], like_threshold: Option<f32>) -> Result<Feedback> {
    let mut first: Option<Feedback> = None;
    for file in files {
        let found = resolve(file.metadata(FEEDBACK_KEY), like_threshold, file.path())?;
        let first = first.get_or_insert(found);
        if found.like_threshold != first.like_threshold {
            return Err(Error::usage(format!(
                "the log's files disagree on what a like is: from {} on, and from {} on",
                first.like_threshold, found.like_threshold
            ))
            .file(file.path())
            .hint("pass --like-threshold"));
        }
    }
    Ok(first.unwrap_or_else(|| Feedback::unknown(like_threshold)))
}

/// Requires a probability in (0, 1].
pub(crate) fn check_propensity(propensity: f32) -> Result<()> {
    if propensity > 0.0 && propensity <= 1.0 {
        return Ok(());
    }
    Err(Error::data(format!(
        "the propensity {propensity} is not a probability in (0, 1]"
    )))
}

fn resolve(stored: Option<String>, like_threshold: Option<f32>, path: &Path) -> Result<Feedback> {
    let stored: Option<Feedback> = match stored {
        Some(json) => Some(serde_json::from_str(&json).map_err(|e| {
            Error::data(format!("the footer's {FEEDBACK_KEY} cannot be read: {e}")).file(path)
        })?),
        None => None,
    };
    match (stored, like_threshold) {
        (Some(stored), None) => Ok(stored),
        (Some(stored), Some(like_threshold)) => Ok(Feedback {
            like_threshold,
            ..stored
        }),
        (None, Some(like_threshold)) => Ok(Feedback {
            kind: Kind::Rating,
            like_threshold,
        }),
        (None, None) => Err(Error::usage("the log does not say which feedback is a like")
            .file(path)
            .column(FEEDBACK)
            .hint("pass --like-threshold, for instance 4 for ratings from 1 to 5, or 1 for clicks")),
    }
}

/// What becomes of a log without a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// It is an error.
    Refuse,
    /// It is a log.
    Allow,
}

/// All of the log at `path`, whose manifests, if any, are of a kind in `allowed`.
pub(super) fn read(
    path: &Path,
    allowed: &[&str],
    like_threshold: Option<f32>,
    empty: Empty,
) -> Result<Interactions> {
    let scan = Scan::open_as(path, allowed, like_threshold, BadRows::refuse(), empty)?;
    let (users, items) = (Dictionary::new(scan.users), Dictionary::new(scan.items));
    let mut log = Interactions::new(users, items, scan.kind);
    scan.rows("reading", |batch| {
        log.user.extend(batch.users(&mut log.users));
        log.item.extend(batch.items(&mut log.items));
        log.timestamp.extend(&batch.timestamp);
        log.feedback.extend(&batch.feedback);
        log.propensity.extend(&batch.propensity);
        Ok(())
    })?;
    Ok(log)
}

/// The columns of `rows`, in the order of the format.
pub(crate) fn columns(rows: &Rows<'_>) -> Result<Columns> {
    let timestamps = TimestampMillisecondArray::from_iter_values(rows.timestamp.iter().copied());
    Ok(vec![
        (USER_ID, id_array(rows.users, rows.user.iter().copied())?, false),
        (ITEM_ID, id_array(rows.items, rows.item.iter().copied())?, false),
        (TIMESTAMP, Arc::new(timestamps.with_timezone("UTC")), false),
        (
            FEEDBACK,
            Arc::new(Float32Array::from_iter_values(rows.feedback.iter().copied())),
            false,
        ),
        (
            PROPENSITY,
            Arc::new(Float32Array::from_iter(rows.propensity.iter().copied())),
            true,
        ),
    ])
}

/// The footer metadata that says what feedback means.
pub(crate) fn feedback_metadata(kind: &Feedback) -> (&'static str, String) {
    (
        FEEDBACK_KEY,
        serde_json::json!({ "kind": kind.kind, "like_threshold": kind.like_threshold }).to_string(),
    )
}

/// Writes a log, held-out truth, or rows cut from a log, as the manifest's artifact kind says ([`LOG`], [`TRUTH`] or
/// [`WITHHELD`]).
///
/// # Errors
/// On I/O failure, or an id that does not fit its dictionary's kind.
pub fn write(path: &Path, manifest: &Manifest, log: &Interactions) -> Result<()> {
    let ids = (log.users.kind(), log.items.kind());
    write_pieces(path, manifest, &log.kind, ids, |write| write(&log.rows()))
}

/// Writes a log, or held-out truth, in the pieces that `fill` hands to its argument, with memory for one of them. `ids`
/// are the types of user and item ids; every piece has dictionaries of these.
///
/// # Errors
/// As [`write`], and those of `fill`.
pub fn write_pieces<T>(
    path: &Path,
    manifest: &Manifest,
    feedback: &Feedback,
    ids: (IdKind, IdKind),
    fill: impl FnOnce(&mut dyn FnMut(&Rows<'_>) -> Result<()>) -> Result<T>,
) -> Result<T> {
    let empty = Rows {
        users: &Dictionary::new(ids.0),
        items: &Dictionary::new(ids.1),
        user: &[],
        item: &[],
        timestamp: &[],
        feedback: &[],
        propensity: &[],
    };
    let schema = write::schema(columns(&empty)?)?;
    write::stream(path, manifest, &[feedback_metadata(feedback)], schema, |write| {
        fill(&mut |rows| rows.parts().try_for_each(|part| write(columns(&part)?)))
    })
}
