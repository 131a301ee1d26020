//! `consumed.parquet`: what users are known to have had, and of which no feedback is known. Columns `user_id`, `item_id`
//! (text or integers). It stands beside a log, where some of the log's rows were cut, and every tool may read it.

use std::path::Path;

use super::column::{each_id, id_array};
use super::events::EVENTS;
use super::interactions::{ITEM_ID, LOG, TRUTH, USER_ID, WITHHELD};
use super::recommendations::RECOMMENDATIONS;
use super::stream;
use super::table;
use super::write;
use crate::ids::Dictionary;
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind.
pub const CONSUMED: &str = "consumed";
/// The file's name beside a log.
pub const FILE_NAME: &str = "consumed.parquet";

/// Pairs of users and items in memory, a struct of arrays; row order is file order.
#[derive(Clone, Debug, Default)]
pub struct Consumed {
    /// User ids.
    pub users: Dictionary,
    /// Item ids.
    pub items: Dictionary,
    /// Each row's user.
    pub user: Vec<u32>,
    /// Each row's item.
    pub item: Vec<u32>,
}

impl Consumed {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.user.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.user.is_empty()
    }

    /// The error `what` about the first row of `item`, of the file at `path`.
    pub fn bad_item(&self, item: u32, what: impl Into<String>, path: &Path) -> Error {
        let error = Error::data(what);
        match self.item.iter().position(|&other| other == item) {
            Some(row) => table::place(error, path, ITEM_ID, row),
            None => error.file(path).column(ITEM_ID),
        }
    }
}

/// Reads the pairs, batch by batch; there may be none.
///
/// # Errors
/// A missing or unreadable file, another artifact, a missing column, ids that are neither text nor integers, a null or
/// empty id.
pub fn read(path: &Path) -> Result<Consumed> {
    read_as(path, &[CONSUMED])
}

/// As [`read`], of any table whose rows are a user's with an item: also logs, events and recommendations.
///
/// # Errors
/// As [`read`].
pub fn read_pairs(path: &Path) -> Result<Consumed> {
    read_as(path, &[CONSUMED, LOG, TRUTH, WITHHELD, EVENTS, RECOMMENDATIONS])
}

fn read_as(path: &Path, allowed: &[&str]) -> Result<Consumed> {
    let (mut user, mut item) = (Vec::new(), Vec::new());
    let mut ids = stream::each_batch(path, &[USER_ID, ITEM_ID], allowed, |ids, chunks| {
        for ((dictionary, chunk), codes) in ids.iter_mut().zip(chunks).zip([&mut user, &mut item]) {
            each_id(chunk, |_, id| {
                codes.push(dictionary.intern(id));
                Ok(())
            })?;
        }
        Ok(())
    })?;
    let (items, users) = (ids.pop().unwrap_or_default(), ids.pop().unwrap_or_default());
    Ok(Consumed {
        users,
        items,
        user,
        item,
    })
}

/// Writes the pairs.
///
/// # Errors
/// On I/O failure, or an id that does not fit its dictionary's kind.
pub fn write(path: &Path, manifest: &Manifest, consumed: &Consumed) -> Result<()> {
    let Consumed {
        users,
        items,
        user,
        item,
    } = consumed;
    let columns = vec![
        (USER_ID, id_array(users, user.iter().copied())?, false),
        (ITEM_ID, id_array(items, item.iter().copied())?, false),
    ];
    write::write(path, manifest, &[], columns)
}
