//! What all imports share: is there anything to do, and if so, reading, writing the parts, and saying what was done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::artifact::{self, Plan};
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::consumed;
use common::schema::interactions::{self, Interactions};
use common::schema::items::{self, Items};
use common::schema::times::Times;
use common::schema::users::{self, Users};
use common::{Error, Result, atomic_file, terminal};
use serde::Serialize;

use super::bad_rows::BadRows;
use super::cut::LogCut;
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
    pub(super) cut: LogCut,
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
    /// Absent where the whole log is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_fraction: Option<f64>,
    unrated: Unrated,
    like_threshold: f32,
    skip_bad_rows: bool,
}

/// Does the job, unless it is done already. The manifests of all parts have the same configuration and inputs.
///
/// # Errors
/// Those of `read`, outputs of another run, an empty log, nothing held out, I/O failures.
pub(super) fn write(job: Job<'_>, read: impl FnOnce(&mut BadRows) -> Result<Imported>) -> Result<()> {
    let layout = Layout::new(job.out);
    let cut = Some(job.cut).filter(|cut| !cut.is_whole());
    let recorded = Recorded {
        dataset: job.dataset,
        split: job.split,
        log_fraction: cut.map(|cut| cut.fraction),
        unrated: job.unrated,
        like_threshold: job.like_threshold,
        skip_bad_rows: job.skip_bad_rows,
    };
    let manifest = |kind: &str| -> Result<Manifest> {
        let mut manifest =
            Manifest::new(kind, &format!("simulator import {}", job.verb)).config(&recorded)?;
        manifest.seed = job.seed.or(cut.map(|cut| cut.seed));
        manifest.inputs.clone_from(&job.inputs);
        Ok(manifest)
    };
    let outputs = [
        (&layout.items, manifest(items::ITEMS)?),
        (&layout.users, manifest(users::USERS)?),
        (&layout.truth, manifest(interactions::TRUTH)?),
        (&layout.log, manifest(interactions::LOG)?),
    ];
    let of_cut = match cut {
        Some(_) => vec![
            (&layout.withheld, manifest(interactions::WITHHELD)?),
            (&layout.consumed, manifest(consumed::CONSUMED)?),
        ],
        None => Vec::new(),
    };
    let planned = outputs.iter().chain(&of_cut);
    let planned = planned.map(|(path, manifest)| (path.as_path(), manifest));
    if artifact::plan_all(planned, job.overwrite)? == Plan::AlreadyDone {
        return Ok(());
    }
    if cut.is_none() {
        remove_of_cut(&layout, job.overwrite)?;
    }

    let mut bad_rows = BadRows::new(job.skip_bad_rows);
    let imported = read(&mut bad_rows)?;
    refuse_what_is_empty(&imported, job.split)?;
    let [for_items, for_users, for_truth, for_log] = &outputs;
    items::write(for_items.0, &for_items.1, &imported.items)?;
    users::write(for_users.0, &for_users.1, &imported.users)?;
    interactions::write(for_truth.0, &for_truth.1, &imported.truth)?;
    let mut left = imported.log.len();
    match (cut, of_cut.as_slice()) {
        (Some(cut), [for_withheld, for_consumed]) => {
            let parts = cut.of(&imported.log);
            interactions::write(for_withheld.0, &for_withheld.1, &parts.withheld)?;
            consumed::write(for_consumed.0, &for_consumed.1, &parts.consumed)?;
            interactions::write(for_log.0, &for_log.1, &parts.log)?;
            left = parts.log.len();
        }
        _ => interactions::write(for_log.0, &for_log.1, &imported.log)?,
    }

    bad_rows.warn();
    for note in &imported.notes {
        terminal::info(note);
    }
    let cut = match cut {
        Some(_) => format!(" and {} cut from it", imported.log.len() - left),
        None => String::new(),
    };
    let mut times = Times::default();
    [&imported.log, &imported.truth]
        .iter()
        .for_each(|part| times.add(&part.timestamp));
    times.warn(job.out);
    terminal::info(&format!(
        "{}: {} users, {} items, {left} interactions in the log{cut}, {} held out; {times}",
        job.out.display(),
        imported.users.ids.len(),
        imported.items.ids.len(),
        imported.truth.len()
    ));
    Ok(())
}

/// Removes what an earlier import has cut from another log: beside a whole log it would be wrong.
fn remove_of_cut(layout: &Layout, overwrite: bool) -> Result<()> {
    let stale: [&PathBuf; 2] = [&layout.consumed, &layout.withheld];
    for path in stale.into_iter().filter(|path| path.exists()) {
        if !overwrite {
            return Err(Error::usage(
                "another import has cut rows from its log, and this file is of that one",
            )
            .file(path)
            .hint("choose another --out, or pass --overwrite"));
        }
        atomic_file::remove(path)?;
    }
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
