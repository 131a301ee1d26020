//! `states.parquet`: user states, the last items of each user with their feedback. Columns `user_id`,
//! `items` (list of text, oldest first), `feedback` (list of f32), `liked` (list of bool), `interactions` (u32,
//! how many the log holds of this user, those held out not counted), `state_hash` (content address of items and
//! likes). A state may be empty. How the states were cut from the log stands in the manifest, see [`Cut`].

use std::path::Path;
use std::sync::Arc;

use arrow::array::UInt32Array;

use serde::{Deserialize, Serialize};

use super::column::{bool_list_array, id_array, number_list_array, text_array, text_list_array};
use super::pieces::{self, Pieces};
use super::table::{self, Table};
use super::users::USERS;
use super::write::{self, Columns, RowGroups};
use crate::fingerprint::Fingerprint;
use crate::ids::{Dictionary, IdKind};
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind.
pub const STATES: &str = "states";
const USER_ID: &str = super::interactions::USER_ID;
pub(super) const ITEMS: &str = "items";
const FEEDBACK: &str = super::interactions::FEEDBACK;
const LIKED: &str = "liked";
const INTERACTIONS: &str = "interactions";
/// The column of the state that a row is of.
pub(super) const STATE_HASH: &str = "state_hash";

/// How states were cut from a log: the configuration in their manifest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// Most interactions in a state.
    pub window: u32,
    /// Feedback from here on is a like.
    pub like_threshold: f32,
    /// K: each user's state ends before the K-th last of that user's likes, before the first where there are fewer.
    /// With 0 it ends where the log ends.
    #[serde(default)]
    pub hold_out: u32,
}

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
    /// How many interactions of the user the log holds, those held out not counted.
    pub interactions: Vec<u32>,
    /// Content address of items and likes, see [`state_hash`].
    pub state_hash: Vec<String>,
}

impl States {
    /// An empty state of each of `users`.
    pub fn empty(users: Option<&Dictionary>) -> Self {
        let users = users.cloned().unwrap_or_default();
        let count = users.len();
        States {
            users,
            items: vec![Vec::new(); count],
            feedback: vec![Vec::new(); count],
            liked: vec![Vec::new(); count],
            interactions: vec![0; count],
            state_hash: vec![empty_hash(); count],
        }
    }
}

/// The content address of a state that tells nothing.
pub fn empty_hash() -> String {
    state_hash::<&str>(&[], &[])
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
    let table = Table::open(path)?;
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
            let error = Error::data("items, feedback and liked differ in length");
            return Err(table.place(error, FEEDBACK, row));
        }
    }
    Ok(states)
}

/// States a few at a time, without feedback and counts.
pub struct InPieces {
    pieces: Pieces,
    of: fn(&Table) -> Result<States>,
    before: usize,
}

impl InPieces {
    /// The states at `path`, no two of which are of one user.
    ///
    /// # Errors
    /// A missing or unreadable file, another artifact, an empty one, a repeated user.
    pub fn open(path: &Path) -> Result<Self> {
        let columns = [USER_ID, ITEMS, LIKED, STATE_HASH];
        let all = Self::of(Pieces::open(path, &[STATES], &columns)?, in_piece)?;
        if all.rows() == 0 {
            return Err(Error::data("the list of states is empty: it has no row").file(path));
        }
        Ok(all)
    }

    /// An empty state of each of the users at `path`.
    ///
    /// # Errors
    /// A missing or unreadable file, another artifact, a repeated user.
    pub fn empty(path: &Path) -> Result<Self> {
        Self::of(Pieces::open(path, &[USERS], &[USER_ID])?, |piece| {
            Ok(States::empty(Some(&piece.unique_ids(USER_ID)?)))
        })
    }

    fn of(pieces: Pieces, of: fn(&Table) -> Result<States>) -> Result<Self> {
        pieces::require_unique(pieces.path(), USER_ID)?;
        Ok(InPieces {
            pieces,
            of,
            before: 0,
        })
    }

    /// How many states there are.
    pub fn rows(&self) -> u64 {
        self.pieces.rows()
    }

    /// The next states, with how many stand before them; none at the end.
    ///
    /// # Errors
    /// What cannot be decoded, a missing column, a wrong type, a null.
    pub fn next_piece(&mut self) -> Result<Option<(usize, States)>> {
        let Some(piece) = self.pieces.next_piece()? else {
            return Ok(None);
        };
        let before = self.before;
        self.before += piece.rows();
        Ok(Some((before, (self.of)(&piece)?)))
    }
}

fn in_piece(piece: &Table) -> Result<States> {
    Ok(States {
        users: piece.unique_ids(USER_ID)?,
        items: piece.text_lists(ITEMS)?,
        liked: piece.bool_lists(LIKED)?,
        state_hash: piece.text(STATE_HASH)?,
        ..States::default()
    })
}

/// How the states at `path` were cut from the log; reads the footer alone. None where the file has no manifest.
///
/// # Errors
/// A missing or unreadable file, another artifact, a manifest that does not say it.
pub fn cut(path: &Path) -> Result<Option<Cut>> {
    let Some(manifest) = table::read_manifest(path)? else {
        return Ok(None);
    };
    if manifest.artifact != STATES {
        return Err(Error::usage(format!("expected {STATES}, found {}", manifest.artifact)).file(path));
    }
    let cut = serde_json::from_value(manifest.config).map_err(|e| {
        Error::data(format!("the manifest does not say how the states were cut: {e}"))
            .file(path)
            .hint("make the states again with `profiler states --overwrite`")
    })?;
    Ok(Some(cut))
}

/// Writes states.
///
/// # Errors
/// On I/O failure, or an id that does not fit its dictionary's kind.
pub fn write(path: &Path, manifest: &Manifest, states: &States) -> Result<()> {
    write_pieces(
        path,
        manifest,
        states.users.kind(),
        RowGroups::OfOneSize,
        |write| write(states),
    )
}

/// Writes states in the pieces that `fill` hands to its argument, each with a dictionary of its own users, with memory
/// for one of them. `ids` is the type of the users' ids; that none appears twice is the caller's to see to.
///
/// # Errors
/// As [`write`], and those of `fill`.
pub fn write_pieces<T>(
    path: &Path,
    manifest: &Manifest,
    ids: IdKind,
    groups: RowGroups,
    fill: impl FnOnce(&mut dyn FnMut(&States) -> Result<()>) -> Result<T>,
) -> Result<T> {
    let empty = States {
        users: Dictionary::new(ids),
        ..States::default()
    };
    let schema = write::schema(columns(&empty)?)?;
    write::stream_groups(path, manifest, &[], schema, groups, |write| {
        fill(&mut |states| write(columns(states)?))
    })
}

fn columns(states: &States) -> Result<Columns> {
    Ok(vec![
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
    ])
}
