//! Where candidate lists come from.

use std::path::{Path, PathBuf};

use common::manifest::Manifest;
use common::schema::items::Items;
use common::schema::states::{self, States};
use common::schema::{candidates as file, table};
use common::{Error, Result};

use super::lists::{self, List};
use crate::candidates::{self, Draw, Histories};

/// Where candidate lists come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file of them.
    File {
        /// The file.
        path: PathBuf,
        /// Candidates of a list that are asked about, from its front; `None`: all.
        at_most: Option<usize>,
    },
    /// Likes that the states held out among items that their user never met: what `eval` measures on.
    HeldOut {
        /// The log that the states were made from.
        log: PathBuf,
        /// How lists are drawn.
        draw: Draw,
    },
    /// Items that their user never met.
    Unseen {
        /// The log that the states were made from.
        log: PathBuf,
        /// How lists are drawn.
        draw: Draw,
    },
}

impl Source {
    /// What the manifest says of it, in the configuration.
    pub(super) fn recorded(&self) -> String {
        let drawn = |name: &str, draw: &Draw| {
            format!(
                "{name}: {} unseen by {}, {} users",
                draw.unseen,
                draw.weighting.name(),
                draw.users
            )
        };
        match self {
            Source::File { at_most: None, .. } => "file".into(),
            Source::File {
                at_most: Some(count), ..
            } => format!("file: at most {count}"),
            Source::HeldOut { draw, .. } => drawn("held-out", draw),
            Source::Unseen { draw, .. } => drawn("unseen", draw),
        }
    }

    /// Adds what it is read from to the inputs of `manifest`; `states` is the file of the states.
    pub(super) fn add_to(&self, manifest: Manifest, states: &Path) -> Result<Manifest> {
        Ok(match self {
            Source::File { path, .. } => manifest.input("candidates", table::fingerprint(path)?),
            Source::HeldOut { log, .. } | Source::Unseen { log, .. } => {
                manifest.input("log", candidates::require_log(states, log)?)
            }
        })
    }

    /// The lists; `place` is the file of the states.
    ///
    /// # Errors
    /// When an input is missing or bad, or no list is left.
    pub(super) fn lists(&self, states: &States, catalogue: &Items, place: &Path) -> Result<Vec<List>> {
        let histories = |log: &Path, threshold: f32| Histories::read(log, threshold, catalogue, states);
        let drawn = match self {
            Source::File { path, at_most } => {
                return lists::known(&file::read(path)?, states, catalogue, *at_most, path);
            }
            Source::HeldOut { log, draw } => {
                let cut = candidates::require_hold_out(place)?;
                let histories = histories(log, cut.like_threshold)?;
                let found = candidates::held_out(&histories, catalogue, states, cut.hold_out as usize, draw);
                found.left_out.report();
                found.candidates
            }
            Source::Unseen { log, draw } => {
                let cut = states::cut(place)?.ok_or_else(|| {
                    Error::usage("the states do not say what they take for a like")
                        .file(place)
                        .hint("make them with `profiler states`")
                })?;
                candidates::unseen(&histories(log, cut.like_threshold)?, &states.users, draw)
            }
        };
        let lists: Vec<List> = drawn
            .into_iter()
            .filter(|list| !list.items.is_empty())
            .map(|list| List {
                state: list.row,
                items: list.items,
            })
            .collect();
        if lists.is_empty() {
            return Err(Error::data("no user has candidates to be asked about").file(place));
        }
        Ok(lists)
    }
}
