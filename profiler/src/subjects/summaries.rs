//! Profiles that `profiler summarise` wrote, told in prompts beside a user's history or in its place.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use common::schema::pieces::Finder;
use common::schema::states::States;
use common::schema::summaries::{self, Summary};
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

/// Summaries that are looked up a few at a time.
pub(crate) struct Summaries<'a> {
    told: &'a Told,
    /// The file of the states.
    place: &'a Path,
    /// Whether the file says that they are of these states.
    of_these: bool,
    finder: Finder<Summary>,
}

impl<'a> Summaries<'a> {
    /// Those of `told`, of the states at `place`.
    ///
    /// # Errors
    /// When they were made from other states, naming both files, or cannot be read.
    pub(crate) fn open(told: &'a Told, place: &'a Path) -> Result<Self> {
        let manifest = table::read_manifest(&told.file)?;
        if let Some(manifest) = &manifest {
            manifest.require_input("states", &table::fingerprint(place)?, &told.file, place)?;
        }
        Ok(Summaries {
            told,
            place,
            of_these: manifest.is_some_and(|manifest| manifest.inputs.contains_key("states")),
            finder: summaries::finder(&told.file)?,
        })
    }

    /// Puts the summary of each user of `states` into `described`, and gives it as JSON. One that is not a profile, or is not
    /// there because it was set aside, is an error of that user alone.
    ///
    /// # Errors
    /// When the summaries were made from other states, or cannot be read.
    pub(crate) fn tell(&mut self, states: &States, described: &mut [User]) -> Result<Vec<Result<String>>> {
        let found = self.finder.find(states.users.ids())?;
        let mut texts = Vec::with_capacity(described.len());
        let users = states.users.ids().zip(&states.state_hash).zip(described);
        for (((id, hash), user), found) in users.zip(found) {
            let summary = match found {
                Some(summary) if summary.state_hash == *hash => summary,
                None if self.of_these => {
                    texts.push(Err(set_aside(id, &self.told.file)));
                    continue;
                }
                _ => return Err(other_states(id, &self.told.file, self.place)),
            };
            let told: Result<Profile, _> = serde_json::from_str(&summary.text);
            let told = told.map_err(|e| {
                let error = Error::data(format!("the summary is not a profile: {e}"));
                error.file(&self.told.file).at(format!("user {id}"))
            });
            texts.push(told.map(|profile| {
                user.summary = Some(profile);
                summary.text
            }));
            if self.told.history == History::Hide {
                *user = user.without_history();
            }
        }
        Ok(texts)
    }
}

fn set_aside(id: &str, file: &Path) -> Error {
    Error::data("the user has no summary: it was set aside when they were made")
        .file(file)
        .at(format!("user {id}"))
        .hint("mend what is in OUT.bad.parquet beside the summaries, and run `profiler summarise --only-bad`")
}

fn other_states(id: &str, file: &Path, place: &Path) -> Error {
    Error::usage(format!(
        "{} and {} do not belong together: the first has no summary of the state of user `{id}` in the second",
        file.display(),
        place.display()
    ))
    .hint("run `profiler summarise` on these states")
}
