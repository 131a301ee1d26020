//! Profiles that `profiler summarise` wrote, told in prompts beside a user's history or in its place.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use common::schema::at;
use common::schema::states::States;
use common::schema::summaries;
use common::schema::table;
use common::{Error, Result};
use serde::Serialize;

use crate::profile::Profile;
use crate::prompt::User;

/// What prompts tell of a user's history beside the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum History {
    /// Titles and categories, and the summary
    Show,
    /// The summary in their place
    Hide,
}

/// Summaries to tell.
#[derive(Clone, Debug)]
pub struct Told {
    /// The file, made by `profiler summarise`.
    pub file: PathBuf,
    /// What is told beside them.
    pub history: History,
}

/// Puts the summaries of `told` into `described`, the users of `states`, and gives them as JSON, in their order; `place` is
/// the file of the states.
///
/// # Errors
/// When the summaries were made from other states, naming both files, or one is not a profile.
pub fn tell(told: &Told, states: &States, described: &mut [User], place: &Path) -> Result<Vec<String>> {
    if let Some(manifest) = table::read_manifest(&told.file)? {
        manifest.require_input("states", &table::fingerprint(place)?, &told.file, place)?;
    }
    let summaries = summaries::read(&told.file)?;
    let mut texts = Vec::with_capacity(described.len());
    for ((id, hash), user) in states.users.ids().zip(&states.state_hash).zip(described) {
        let row = summaries
            .users
            .code(id)
            .map(|code| code as usize)
            .filter(|&row| summaries.state_hash[row] == *hash)
            .ok_or_else(|| other_states(id, &told.file, place))?;
        let text = &summaries.summary[row];
        let profile: Profile = serde_json::from_str(text).map_err(|e| {
            let error = Error::data(format!("the summary is not a profile: {e}"));
            at::summary(error, &told.file, row)
        })?;
        user.summary = Some(profile);
        if told.history == History::Hide {
            *user = user.without_history();
        }
        texts.push(text.clone());
    }
    Ok(texts)
}

fn other_states(id: &str, file: &Path, place: &Path) -> Error {
    Error::usage(format!(
        "{} and {} do not belong together: the first has no summary of the state of user `{id}` in the second",
        file.display(),
        place.display()
    ))
    .hint("run `profiler summarise` on these states")
}
