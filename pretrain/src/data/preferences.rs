//! What the language model would choose, laid over the dataset's codes.

use std::path::Path;

use common::schema::at;
use common::schema::preferences;
use common::{Error, Result};

use super::log::Dataset;

/// A choice of the language model among candidates, for one user's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Preference {
    /// The user.
    pub user: u32,
    /// The items it was to choose from.
    pub candidates: Vec<u32>,
    /// The item that it chose, one of them.
    pub chosen: u32,
}

/// Reads the preferences of the users of `dataset`. `hashes` holds each user's state hash, where known; `states` is where
/// they come from.
///
/// # Errors
/// A file that is no preferences, an item outside the catalogue, a choice that was made in another state than the one
/// given, no user in common.
pub(super) fn read(
    path: &Path,
    dataset: &Dataset,
    hashes: &[Option<String>],
    states: &Path,
) -> Result<Vec<Preference>> {
    let read = preferences::read(path)?;
    let mut found = Vec::new();
    for (row, id) in read.user_id.iter().enumerate() {
        let Some(user) = dataset.users.code(id) else {
            continue;
        };
        if hashes[user as usize]
            .as_ref()
            .is_some_and(|hash| *hash != read.state_hash[row])
        {
            return Err(at::another_state(
                path,
                row,
                states,
                &format!("user `{id}` was asked about in another state"),
                "ask again about these states with `profiler prefer`",
            ));
        }
        let code = |id: &String| {
            let outside = || {
                let error = Error::data(format!("the candidate `{id}` is not in the catalogue"))
                    .hint("give the items.parquet that the candidates were drawn from");
                at::candidates(error, path, row)
            };
            dataset.items.code(id).ok_or_else(outside)
        };
        let candidates = read.candidates[row]
            .iter()
            .map(code)
            .collect::<Result<Vec<u32>>>()?;
        found.push(Preference {
            user,
            chosen: candidates[read.chosen[row] as usize],
            candidates,
        });
    }
    if found.is_empty() {
        return Err(Error::usage("no preference is of one of the log's users")
            .file(path)
            .hint("make the preferences from this log's states with `profiler prefer`"));
    }
    Ok(found)
}
