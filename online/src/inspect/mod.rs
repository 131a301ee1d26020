//! `online inspect`: for one user the prior, the adapted policy, the weight between them and why; as text for people or
//! as JSON.

mod apprentice;
mod experiment;
mod portrait;
mod text;

pub use apprentice::print_apprentice;
pub use experiment::print_experiment;
pub use portrait::{Acting, Listed, Lived, Portrait, portrait};

use std::path::{Path, PathBuf};

use common::ids::Dictionary;
use common::schema::items;
use common::{Error, Result, terminal};

use crate::adapt::Buffers;
use crate::experiment::Arms;
use crate::journal::StateFolder;
use crate::live::{Settings, State};
use crate::run::load;

/// What to show.
#[derive(Debug, Clone)]
pub struct InspectConfig {
    /// What to look into.
    pub source: Source,
    /// The user's id.
    pub user: String,
    /// How many items.
    pub top: usize,
    /// A table of items with titles.
    pub items: Option<PathBuf>,
    /// How to print.
    pub format: Format,
}

/// Where a policy is looked at.
#[derive(Debug, Clone)]
pub enum Source {
    /// In its own folder, to which nothing has happened yet.
    Policy {
        /// The folder.
        folder: PathBuf,
        /// How it is to act.
        settings: Settings,
    },
    /// In a state folder, as it stands, also while a service runs on it.
    State(PathBuf),
}

impl Source {
    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Source::Policy { folder, .. } | Source::State(folder) => folder,
        }
    }

    /// What acts there.
    ///
    /// # Errors
    /// A folder that is missing or damaged.
    pub(crate) fn arms(&self) -> Result<Arms> {
        match self {
            Source::Policy { folder, settings } => Ok(Arms::new(State::new(load(folder)?, settings)?)),
            // The decisions that wait for feedback are not shown: room for one is enough.
            Source::State(folder) => Ok(StateFolder::read(folder)?.recover(1)?.state),
        }
    }
}

/// How a portrait is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for people
    Text,
    /// One JSON object
    Json,
}

/// Prints the portrait on stdout.
///
/// # Errors
/// A policy, state or items table that is missing or damaged.
pub fn print(config: &InspectConfig) -> Result<()> {
    let arms = config.source.arms()?;
    let state = arms.of_user(&config.user);
    if !state.knows(&config.user) {
        terminal::warn(&format!(
            "the policy does not know the user `{}`: this is what a newcomer gets",
            config.user
        ));
    }
    let titles = titles(config, state.items())?;
    let title = |code: u32| titles.get(code as usize).cloned().flatten();
    let portrait = portrait(state, &config.user, config.top, title, &mut Buffers::new())?;
    let shown = match config.format {
        Format::Text => text::text(&portrait),
        Format::Json => json(&portrait)?,
    };
    terminal::print(shown)
}

/// Titles by code; none where there is no table.
fn titles(config: &InspectConfig, ids: &Dictionary) -> Result<Vec<Option<String>>> {
    let Some(path) = &config.items else {
        return Ok(Vec::new());
    };
    let table = items::read(path)?;
    let title = |id: &str| table.ids.code(id).map(|code| table.title[code as usize].clone());
    Ok(ids.ids().map(title).collect())
}

fn json(shown: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(shown)
        .map(|text| text + "\n")
        .map_err(|e| Error::data(format!("a number that JSON cannot hold: {e}")))
}
