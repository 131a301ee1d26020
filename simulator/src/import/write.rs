//! What all imports share: is there anything to do, and if so, reading, writing the four parts, and saying what was done.

use std::collections::BTreeMap;
use std::path::Path;

use common::artifact::{self, Plan};
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::interactions::{self, Interactions};
use common::schema::items::{self, Items};
use common::schema::users::{self, Users};
use common::{Error, Result, terminal};
use serde::Serialize;

use super::bad_rows::BadRows;
use super::split::Split;
use crate::dataset::{Layout, Unrated};

/// A dataset as read from its source, already split.
#[derive(Debug)]
pub(super) struct Imported {
    /// The catalogue.
    pub(super) items: Items,
    /// All users.
    pub(super) users: Users,
    /// What every tool may read.
    pub(super) log: Interactions,
    /// What is held out.
    pub(super) truth: Interactions,
    /// What a reader of the source should be told: what was mended, or left out by rule.
    pub(super) notes: Vec<String>,
}

/// An import to be done, and all that its result depends on.
pub(super) struct Job<'a> {
    /// The word behind `simulator import`.
    pub(super) verb: &'static str,
    /// The dataset's name.
    pub(super) dataset: &'a str,
    pub(super) out: &'a Path,
    pub(super) overwrite: bool,
    pub(super) split: Split,
    pub(super) unrated: Unrated,
    pub(super) like_threshold: f32,
    pub(super) skip_bad_rows: bool,
    /// Where anything is drawn.
    pub(super) seed: Option<u64>,
    /// Fingerprints of the source, by file or role.
    pub(super) inputs: BTreeMap<String, Fingerprint>,
}

/// The part of the configuration that the result depends on, as the manifests record it.
#[derive(Serialize)]
struct Recorded<'a> {
    dataset: &'a str,
    split: Split,
    unrated: Unrated,
    like_threshold: f32,
    skip_bad_rows: bool,
}

/// Does the job, unless it is done already. The four manifests have the same configuration and inputs.
///
/// # Errors
/// Those of `read`, outputs of another run, an empty log, nothing held out, I/O failures.
pub(super) fn write(job: Job<'_>, read: impl FnOnce(&mut BadRows) -> Result<Imported>) -> Result<()> {
    let layout = Layout::new(job.out);
    let recorded = Recorded {
        dataset: job.dataset,
        split: job.split,
        unrated: job.unrated,
        like_threshold: job.like_threshold,
        skip_bad_rows: job.skip_bad_rows,
    };
    let manifest = |kind: &str| -> Result<Manifest> {
        let mut manifest =
            Manifest::new(kind, &format!("simulator import {}", job.verb)).config(&recorded)?;
        manifest.seed = job.seed;
        manifest.inputs.clone_from(&job.inputs);
        Ok(manifest)
    };
    let outputs = [
        (&layout.items, manifest(items::ITEMS)?),
        (&layout.users, manifest(users::USERS)?),
        (&layout.truth, manifest(interactions::TRUTH)?),
        (&layout.log, manifest(interactions::LOG)?),
    ];
    let planned = outputs.iter().map(|(path, manifest)| (path.as_path(), manifest));
    if artifact::plan_all(planned, job.overwrite)? == Plan::AlreadyDone {
        return Ok(());
    }

    let mut bad_rows = BadRows::new(job.skip_bad_rows);
    let imported = read(&mut bad_rows)?;
    refuse_what_is_empty(&imported, job.split)?;
    let [for_items, for_users, for_truth, for_log] = &outputs;
    items::write(for_items.0, &for_items.1, &imported.items)?;
    users::write(for_users.0, &for_users.1, &imported.users)?;
    interactions::write(for_truth.0, &for_truth.1, &imported.truth)?;
    interactions::write(for_log.0, &for_log.1, &imported.log)?;

    bad_rows.warn();
    for note in &imported.notes {
        terminal::info(note);
    }
    terminal::info(&format!(
        "{}: {} users, {} items, {} interactions in the log, {} held out",
        job.out.display(),
        imported.users.ids.len(),
        imported.items.ids.len(),
        imported.log.len(),
        imported.truth.len()
    ));
    Ok(())
}

fn refuse_what_is_empty(imported: &Imported, split: Split) -> Result<()> {
    if imported.log.is_empty() {
        return Err(Error::data("the dataset has no interaction for the log")
            .hint("check that the files are whole; bad rows that were skipped do not count"));
    }
    if imported.truth.is_empty() {
        let failed = Error::usage("the split leaves nothing to hold out");
        return Err(match split {
            Split::Given => failed.hint("the source's own held-out part is empty"),
            _ => failed.hint("lower --log-share, or give users with more interactions"),
        });
    }
    Ok(())
}
