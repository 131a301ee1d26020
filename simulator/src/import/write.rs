//! What all imports share: is there anything to do, and if so, reading, writing the parts, and saying what was done.

use std::collections::BTreeMap;
use std::path::Path;

use common::artifact::{self, Plan};
use common::bad_rows::{BadRows, MaxBad};
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::consumed;
use common::schema::interactions::{self, Interactions};
use common::schema::items::{self, Items};
use common::schema::times::Times;
use common::schema::users::{self, Users};
use common::{Error, Result, folder, input, terminal};
use serde::Serialize;

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
    /// The word after `simulator import`.
    pub(super) verb: &'static str,
    /// The dataset's name.
    pub(super) dataset: &'a str,
    pub(super) out: &'a Path,
    pub(super) overwrite: bool,
    pub(super) split: Split,
    pub(super) cut: LogCut,
    pub(super) unrated: Unrated,
    pub(super) like_threshold: f32,
    pub(super) max_bad: MaxBad,
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
    /// Absent where the manifest's seed draws the cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_seed: Option<u64>,
    unrated: Unrated,
    like_threshold: f32,
    max_bad: MaxBad,
}

/// Does the job, unless it is done already. The manifests of all parts have the same configuration and inputs.
///
/// # Errors
/// Those of `read`, outputs of another run, an empty log, nothing held out, I/O failures.
pub(super) fn write(job: Job<'_>, read: impl FnOnce(&mut BadRows) -> Result<Imported>) -> Result<()> {
    let cut = Some(job.cut).filter(|cut| !cut.is_whole());
    let recorded = Recorded {
        dataset: job.dataset,
        split: job.split,
        log_fraction: cut.map(|cut| cut.fraction),
        cut_seed: cut
            .map(|cut| cut.seed)
            .filter(|&seed| job.seed.is_some_and(|of_split| of_split != seed)),
        unrated: job.unrated,
        like_threshold: job.like_threshold,
        max_bad: job.max_bad,
    };
    let manifest = |kind: &str| -> Result<Manifest> {
        let mut manifest =
            Manifest::new(kind, &format!("simulator import {}", job.verb)).config(&recorded)?;
        manifest.seed = job.seed.or(cut.map(|cut| cut.seed));
        manifest.inputs.clone_from(&job.inputs);
        Ok(manifest)
    };
    let manifests = Manifests {
        items: manifest(items::ITEMS)?,
        users: manifest(users::USERS)?,
        truth: manifest(interactions::TRUTH)?,
        log: manifest(interactions::LOG)?,
        of_cut: match cut {
            Some(_) => Some((manifest(interactions::WITHHELD)?, manifest(consumed::CONSUMED)?)),
            None => None,
        },
    };
    let plan = || manifests.plan(&Layout::new(job.out), job.overwrite);
    let Some(staged) = folder::stage(job.out, &Layout::OWN, plan)? else {
        return Ok(());
    };

    let mut bad_rows = BadRows::beside(job.out, job.max_bad, &format!("simulator import {}", job.verb));
    let imported = read(&mut bad_rows)?;
    let read = [
        imported.items.ids.len(),
        imported.users.ids.len(),
        imported.log.len(),
        imported.truth.len(),
    ];
    bad_rows.finish((read.iter().sum::<usize>() + bad_rows.len()) as u64)?;
    refuse_what_is_empty(&imported, job.split)?;
    let left = staged.write(|folder| {
        let layout = Layout::new(folder);
        items::write(&layout.items, &manifests.items, &imported.items)?;
        users::write(&layout.users, &manifests.users, &imported.users)?;
        interactions::write(&layout.truth, &manifests.truth, &imported.truth)?;
        let (Some(cut), Some((withheld, consumed))) = (cut, &manifests.of_cut) else {
            interactions::write(&layout.log, &manifests.log, &imported.log)?;
            return Ok(imported.log.len());
        };
        let parts = cut.of(&imported.log);
        interactions::write(&layout.withheld, withheld, &parts.withheld)?;
        consumed::write(&layout.consumed, consumed, &parts.consumed)?;
        interactions::write(&layout.log, &manifests.log, &parts.log)?;
        Ok(parts.log.len())
    })?;

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

/// The manifests of all parts.
struct Manifests {
    items: Manifest,
    users: Manifest,
    truth: Manifest,
    log: Manifest,
    /// Of what was cut from the log, and what users had in it; where rows are cut.
    of_cut: Option<(Manifest, Manifest)>,
}

impl Manifests {
    fn plan(&self, layout: &Layout, overwrite: bool) -> Result<Plan> {
        let mut planned = vec![
            (layout.items.as_path(), &self.items),
            (layout.users.as_path(), &self.users),
            (layout.truth.as_path(), &self.truth),
            (layout.log.as_path(), &self.log),
        ];
        let of_cut: [&Path; 2] = [&layout.consumed, &layout.withheld];
        if let Some((withheld, consumed)) = &self.of_cut {
            planned.extend(of_cut.into_iter().zip([consumed, withheld]));
        } else if let Some(stale) = of_cut.into_iter().find(|path| input::exists(path))
            && !overwrite
        {
            // Beside a whole log it would be wrong.
            return Err(Error::usage(
                "another import has cut rows from its log, and this file is of that one",
            )
            .file(stale)
            .hint("choose another --out, or pass --overwrite"));
        }
        artifact::plan_all(planned, overwrite)
    }
}

fn refuse_what_is_empty(imported: &Imported, split: Split) -> Result<()> {
    if imported.log.is_empty() {
        return Err(Error::data("the dataset has no interaction for the log")
            .hint("check that the files are whole; bad rows that were set aside do not count"));
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
