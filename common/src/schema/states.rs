//! `states.parquet`: user states, the last items of each user with their feedback. Columns `user_id`,
//! `items` (list of text, oldest first), `feedback` (list of f32), `liked` (list of bool), `interactions` (u32,
//! how many the log holds of this user), `state_hash` (content address of items and likes).

use std::path::Path;
use std::sync::Arc;

use arrow::array::UInt32Array;

use super::column::{bool_list_array, id_array, number_list_array, text_array, text_list_array};
use super::table::Table;
use super::write;
use crate::fingerprint::Fingerprint;
use crate::ids::Dictionary;
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind.
pub const STATES: &str = "states";
const USER_ID: &str = super::interactions::USER_ID;
const ITEMS: &str = "items";
const FEEDBACK: &str = super::interactions::FEEDBACK;
const LIKED: &str = "liked";
const INTERACTIONS: &str = "interactions";
const STATE_HASH: &str = "state_hash";

/// User states in memory, in code order of `users`.
#[derive(Clone, Debug, Default)]
pub struct States {
    /// User ids; one state a user.
    pub users: Dictionary,
    /// Item ids of the state, oldest first.
    pub items: Vec<Vec<String>>,
    /// The feedback on each.
    pub feedback: Vec<Vec<f32>>,
    /// Whether each was liked.
    pub liked: Vec<Vec<bool>>,
    /// How many interactions of the user the log holds.
    pub interactions: Vec<u32>,
    /// Content address of items and likes, see [`state_hash`].
    pub state_hash: Vec<String>,
}

/// The content address of a state: equal for users with the same items and likes in the same order.
pub fn state_hash<S: AsRef<str>>(items: &[S], liked: &[bool]) -> String {
    let likes = liked
        .iter()
        .map(|&l| if l { b"+".as_slice() } else { b"-".as_slice() });
    let parts = items.iter().map(|id| id.as_ref().as_bytes()).zip(likes);
    Fingerprint::of_parts(parts.flat_map(|(id, like)| [id, like])).to_string()
}

/// Reads states.
///
/// # Errors
/// A missing or unreadable file, a missing column, a wrong type, a repeated user, lists of unequal length.
pub fn read(path: &Path) -> Result<States> {
    let table = Table::read(path)?;
    table.require_artifact(&[STATES])?;
    let states = States {
        users: table.unique_ids(USER_ID)?,
        items: table.text_lists(ITEMS)?,
        feedback: table.number_lists(FEEDBACK)?,
        liked: table.bool_lists(LIKED)?,
        interactions: table.u32s(INTERACTIONS)?,
        state_hash: table.text(STATE_HASH)?,
    };
    table.require_rows("list of states")?;
    for (row, items) in states.items.iter().enumerate() {
        if items.len() != states.feedback[row].len() || items.len() != states.liked[row].len() {
            return Err(Error::data("items, feedback and liked differ in length")
                .file(path)
                .row(row));
        }
    }
    Ok(states)
}

/// Writes states.
///
/// # Errors
/// On I/O failure.
pub fn write(path: &Path, manifest: &Manifest, states: &States) -> Result<()> {
    let columns = vec![
        (
            USER_ID,
            id_array(&states.users, 0..states.users.len() as u32)?,
            false,
        ),
        (ITEMS, text_list_array(&states.items), false),
        (FEEDBACK, number_list_array(&states.feedback), false),
        (LIKED, bool_list_array(&states.liked), false),
        (
            INTERACTIONS,
            Arc::new(UInt32Array::from(states.interactions.clone())) as _,
            false,
        ),
        (
            STATE_HASH,
            text_array(states.state_hash.iter().map(String::as_str)),
            false,
        ),
    ];
    write::write(path, manifest, &[], columns)
}
