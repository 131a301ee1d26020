//! `summaries.parquet`: what the language model says of users, for people to read and for later prompts. Columns
//! `user_id`, `state_hash` (the state that it was written from), `summary` (JSON text), `confidence` (f32 in [0, 1]).

use std::path::Path;
use std::sync::Arc;

use arrow::array::Float32Array;

use super::column::{id_array, text_array};
use super::pieces::{self, Finder, Pieces};
use super::table::Table;
use super::write;
use crate::ids::Dictionary;
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind.
pub const SUMMARIES: &str = "summaries";
const USER_ID: &str = super::interactions::USER_ID;
const STATE_HASH: &str = "state_hash";
pub(super) const SUMMARY: &str = "summary";
const CONFIDENCE: &str = "confidence";

/// Summaries in memory, in code order of `users`.
#[derive(Clone, Debug, Default)]
pub struct Summaries {
    /// User ids; one summary a user.
    pub users: Dictionary,
    /// The state that each was written from.
    pub state_hash: Vec<String>,
    /// JSON texts.
    pub summary: Vec<String>,
    /// How sure the model was, in [0, 1].
    pub confidence: Vec<f32>,
}

/// Reads summaries.
///
/// # Errors
/// A missing or unreadable file, a missing column, a wrong type, a repeated user.
pub fn read(path: &Path) -> Result<Summaries> {
    let table = Table::open(path)?;
    table.require_artifact(&[SUMMARIES])?;
    let summaries = Summaries {
        users: table.unique_ids(USER_ID)?,
        state_hash: table.text(STATE_HASH)?,
        summary: table.text(SUMMARY)?,
        confidence: table.shares(CONFIDENCE)?,
    };
    table.require_rows("list of summaries")?;
    Ok(summaries)
}

/// A summary, with the state that it was written from.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The state.
    pub state_hash: String,
    /// JSON text.
    pub text: String,
}

/// Summaries by their users, in memory for some of them, of a file in which no user stands twice.
///
/// # Errors
/// A missing or unreadable file, another artifact, an empty one, a repeated user.
pub fn finder(path: &Path) -> Result<Finder<Summary>> {
    let pieces = Pieces::open(path, &[SUMMARIES], &[USER_ID, STATE_HASH, SUMMARY])?;
    if pieces.rows() == 0 {
        return Err(Error::data("the list of summaries is empty: it has no row").file(path));
    }
    pieces::require_unique(path, USER_ID)?;
    Ok(Finder::new(pieces, |piece| {
        let texts = piece.text(STATE_HASH)?.into_iter().zip(piece.text(SUMMARY)?);
        let summaries = texts.map(|(state_hash, text)| Summary { state_hash, text });
        Ok(piece
            .unique_ids(USER_ID)?
            .ids()
            .map(String::from)
            .zip(summaries)
            .collect())
    }))
}

/// Writes summaries.
///
/// # Errors
/// On I/O failure, or an id that does not fit its dictionary's kind.
pub fn write(path: &Path, manifest: &Manifest, summaries: &Summaries) -> Result<()> {
    let columns = vec![
        (
            USER_ID,
            id_array(&summaries.users, 0..summaries.users.len() as u32)?,
            false,
        ),
        (
            STATE_HASH,
            text_array(summaries.state_hash.iter().map(String::as_str)),
            false,
        ),
        (
            SUMMARY,
            text_array(summaries.summary.iter().map(String::as_str)),
            false,
        ),
        (
            CONFIDENCE,
            Arc::new(Float32Array::from(summaries.confidence.clone())) as _,
            false,
        ),
    ];
    write::write(path, manifest, &[], columns)
}
