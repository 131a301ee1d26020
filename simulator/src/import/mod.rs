//! From a dataset's published files to the common formats: log, items, users, and the held-out truth apart.

mod bad_rows;
pub mod movielens;
mod split;
mod tsv;

use std::collections::BTreeMap;
use std::path::PathBuf;

use common::artifact::{self, Plan};
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::interactions::{self, Interactions};
use common::schema::items::{self, Items};
use common::schema::users::{self, Users};
use common::{Error, Result, terminal};
use serde::Serialize;

pub use bad_rows::BadRows;

use crate::dataset::{self, Layout, Unrated};

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the published files.
    pub input: PathBuf,
    /// Folder of the imported dataset, see [`Layout`].
    pub out: PathBuf,
    /// Share of each user's rows, the earliest, that goes to the log; the rest is held out.
    pub log_share: f64,
    /// Feedback of at least this is a like.
    pub like_threshold: f32,
    /// Skip and count bad rows instead of stopping at the first.
    pub skip_bad_rows: bool,
    /// Replace what another run has written.
    pub overwrite: bool,
}

/// The part of the configuration that the result depends on, as the manifests record it.
#[derive(Serialize)]
struct Recorded<'a> {
    dataset: &'a str,
    split: &'static str,
    unrated: Unrated,
    log_share: f64,
    like_threshold: f32,
    skip_bad_rows: bool,
}

/// A dataset as read from its published files.
#[derive(Debug)]
pub struct Imported {
    /// The catalogue.
    pub items: Items,
    /// All users.
    pub users: Users,
    /// All interactions, in file order, coded by the dictionaries of items and users.
    pub interactions: Interactions,
    /// What was left out.
    pub bad_rows: BadRows,
}

/// Imports MovieLens-100K.
///
/// # Errors
/// Missing files, bad rows (unless they are skipped), outputs of another run, I/O failures.
pub fn movielens(config: &Config) -> Result<()> {
    let recorded = Recorded {
        dataset: "movielens",
        split: "time",
        unrated: Unrated::Negative,
        log_share: config.log_share,
        like_threshold: config.like_threshold,
        skip_bad_rows: config.skip_bad_rows,
    };
    let inputs = movielens::fingerprints(&config.input)?;
    write(config, &recorded, inputs, || {
        movielens::read(&config.input, config.like_threshold, config.skip_bad_rows)
    })
}

fn write(
    config: &Config,
    recorded: &Recorded<'_>,
    inputs: BTreeMap<String, Fingerprint>,
    read: impl FnOnce() -> Result<Imported>,
) -> Result<()> {
    let layout = Layout::new(&config.out);
    let manifest = |kind: &str| -> Result<Manifest> {
        let mut manifest =
            Manifest::new(kind, &format!("simulator import {}", recorded.dataset)).config(recorded)?;
        manifest.inputs.clone_from(&inputs);
        Ok(manifest)
    };
    let outputs = [
        (&layout.items, manifest(items::ITEMS)?),
        (&layout.users, manifest(users::USERS)?),
        (&layout.truth, manifest(interactions::TRUTH)?),
        (&layout.log, manifest(interactions::LOG)?),
    ];
    let mut done = true;
    for (path, planned) in &outputs {
        done &= artifact::plan(path, planned, config.overwrite)? == Plan::AlreadyDone;
    }
    if done {
        return Ok(());
    }

    let Imported {
        items,
        users,
        interactions,
        bad_rows,
    } = read()?;
    if interactions.is_empty() {
        return Err(Error::data("the dataset has no interaction").file(&config.input));
    }
    let (log_rows, truth_rows) = split::by_time(&interactions, config.log_share);
    if truth_rows.is_empty() {
        return Err(Error::usage("the split leaves nothing to hold out")
            .file(&config.input)
            .hint("lower --log-share, or give users with more interactions"));
    }
    let [for_items, for_users, for_truth, for_log] = &outputs;
    items::write(for_items.0, &for_items.1, &items)?;
    users::write(for_users.0, &for_users.1, &users)?;
    interactions::write(
        for_truth.0,
        &for_truth.1,
        &split::subset(&interactions, &truth_rows),
    )?;
    interactions::write(for_log.0, &for_log.1, &split::subset(&interactions, &log_rows))?;

    bad_rows.warn();
    terminal::info(&format!(
        "{}: {} users, {} items, {} interactions in the log, {} held out",
        config.out.display(),
        users.ids.len(),
        items.ids.len(),
        log_rows.len(),
        truth_rows.len()
    ));
    Ok(())
}

/// The name that imports give their dataset, read back from a manifest; `custom` where there is none.
pub(crate) fn dataset_name(manifest: Option<&Manifest>) -> String {
    let named = manifest
        .and_then(|m| m.config.get("dataset"))
        .and_then(|name| name.as_str());
    named.unwrap_or(dataset::CUSTOM).to_string()
}

/// What imports say of pairs in neither log nor truth, read back from a manifest.
pub(crate) fn unrated(manifest: Option<&Manifest>) -> Unrated {
    let said = manifest.and_then(|m| m.config.get("unrated"));
    said.and_then(|said| serde_json::from_value(said.clone()).ok())
        .unwrap_or_default()
}
