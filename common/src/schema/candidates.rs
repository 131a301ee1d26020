//! `candidates.parquet`: whom to ask about what. Columns `user_id`, `candidates` (list of item ids). A user may
//! have several lists, one per row.

use std::collections::HashSet;
use std::path::Path;

use super::column::{text_array, text_list_array};
use super::table::Table;
use super::write;
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind.
pub const CANDIDATES: &str = "candidates";
const USER_ID: &str = super::interactions::USER_ID;
const ITEMS: &str = "candidates";

/// Candidate lists in memory, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// Each list's user.
    pub user_id: Vec<String>,
    /// Each list's item ids: at least one, and none twice.
    pub items: Vec<Vec<String>>,
}

/// Reads candidate lists.
///
/// # Errors
/// A missing or unreadable file, a missing column, a wrong type, a null id, no list, an empty list, an item that
/// a list holds twice.
pub fn read(path: &Path) -> Result<Candidates> {
    let table = Table::open(path)?;
    table.require_artifact(&[CANDIDATES])?;
    let (users, codes) = table.ids(USER_ID)?;
    let items = table.text_lists(ITEMS)?;
    table.require_rows("file of candidates")?;
    for (row, list) in items.iter().enumerate() {
        let mut seen = HashSet::new();
        let wrong = if list.is_empty() {
            Error::data("the list is empty").hint("drop the row, or give the user candidates")
        } else if let Some(twice) = list.iter().find(|id| !seen.insert(id.as_str())) {
            Error::data(format!("the candidate `{twice}` appears twice in the list"))
        } else {
            continue;
        };
        return Err(table.place(wrong, ITEMS, row));
    }
    Ok(Candidates {
        user_id: codes.iter().map(|&code| users.id(code).to_string()).collect(),
        items,
    })
}

/// Writes candidate lists.
///
/// # Errors
/// On I/O failure.
pub fn write(path: &Path, manifest: &Manifest, candidates: &Candidates) -> Result<()> {
    let users = candidates.user_id.iter().map(String::as_str);
    let columns = vec![
        (USER_ID, text_array(users), false),
        (ITEMS, text_list_array(&candidates.items), false),
    ];
    write::write(path, manifest, &[], columns)
}
