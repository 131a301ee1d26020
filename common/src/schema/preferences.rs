//! `preferences.parquet`: what the language model would choose. Columns `state_hash`, `user_id`, `candidates`
//! (list of text), `scores` (list of f32, natural logarithm), `chosen` (u32, place among the candidates of the
//! first of the highest scores), `margin` (f32, the chosen score minus the next; 0 where there is one candidate).
//!
//! What a score is, `form` in the manifest's configuration says: `likelihood`, the log-probability of the
//! candidate's title after the user's prompt; `pmi`, that minus the same with the user left out; `choice`, the
//! log-probability of the candidate's label as the answer to the whole list, minus the same with the user left out.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Float32Array, UInt32Array};

use super::column::{number_list_array, text_array, text_list_array};
use super::table::Table;
use super::write;
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind.
pub const PREFERENCES: &str = "preferences";
const STATE_HASH: &str = "state_hash";
const USER_ID: &str = super::interactions::USER_ID;
pub(super) const CANDIDATES: &str = "candidates";
pub(super) const SCORES: &str = "scores";
const CHOSEN: &str = "chosen";
const MARGIN: &str = "margin";

/// Preferences in memory, a struct of arrays.
#[derive(Clone, Debug, Default)]
pub struct Preferences {
    /// The state that was asked about.
    pub state_hash: Vec<String>,
    /// Its user.
    pub user_id: Vec<String>,
    /// Candidate item ids.
    pub candidates: Vec<Vec<String>>,
    /// Each candidate's score, natural logarithm.
    pub scores: Vec<Vec<f32>>,
    /// Place of the chosen candidate.
    pub chosen: Vec<u32>,
    /// Chosen score minus the next best; 0 where there is one candidate.
    pub margin: Vec<f32>,
}

/// Reads preferences.
///
/// # Errors
/// A missing or unreadable file, a missing column, a wrong type, scores that do not match the candidates, a
/// choice outside them.
pub fn read(path: &Path) -> Result<Preferences> {
    let table = Table::open(path)?;
    table.require_artifact(&[PREFERENCES])?;
    let preferences = Preferences {
        state_hash: table.text(STATE_HASH)?,
        user_id: table
            .ids(USER_ID)
            .map(|(ids, codes)| codes.iter().map(|&c| ids.id(c).to_string()).collect())?,
        candidates: table.text_lists(CANDIDATES)?,
        scores: table.number_lists(SCORES)?,
        chosen: table.u32s(CHOSEN)?,
        margin: table.numbers(MARGIN)?,
    };
    for (row, candidates) in preferences.candidates.iter().enumerate() {
        if candidates.len() != preferences.scores[row].len() {
            let error = Error::data("candidates and scores differ in length");
            return Err(table.place(error, SCORES, row));
        }
        if preferences.chosen[row] as usize >= candidates.len() {
            let error = Error::data("the choice is none of the candidates");
            return Err(table.place(error, CHOSEN, row));
        }
    }
    Ok(preferences)
}

/// Writes preferences.
///
/// # Errors
/// On I/O failure.
pub fn write(path: &Path, manifest: &Manifest, preferences: &Preferences) -> Result<()> {
    let columns = vec![
        (
            STATE_HASH,
            text_array(preferences.state_hash.iter().map(String::as_str)),
            false,
        ),
        (
            USER_ID,
            text_array(preferences.user_id.iter().map(String::as_str)),
            false,
        ),
        (CANDIDATES, text_list_array(&preferences.candidates), false),
        (SCORES, number_list_array(&preferences.scores), false),
        (
            CHOSEN,
            Arc::new(UInt32Array::from(preferences.chosen.clone())) as _,
            false,
        ),
        (
            MARGIN,
            Arc::new(Float32Array::from(preferences.margin.clone())) as _,
            false,
        ),
    ];
    write::write(path, manifest, &[], columns)
}
