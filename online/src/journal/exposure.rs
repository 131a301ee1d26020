//! What finished segments say of an experiment: to whom which arm recommended how much, and how the experiment changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::decisions::REFERENCE;
use common::schema::exposures::{self, EXPOSURES, Exposures};
use common::{Error, Result};
use serde::{Deserialize, Serialize};

use super::compact::of_segment;
use super::missing;
use super::part::Names;
use super::segment::Head;
use super::state_folder::StateFolder;
use crate::experiment::{Arms, Turn};
use crate::live::Decision;

/// What is exposed in a segment.
#[derive(Debug)]
pub(super) struct Exposed {
    about: About,
    /// A turn begins a segment: there is one at most.
    pub(super) turn: Option<Turn>,
    /// Items by user and arm.
    items: BTreeMap<(String, u16), u32>,
}

/// What a file's manifest says of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct About {
    /// The number of the segment's first record.
    first: u64,
    /// The number of the record after its last.
    next: u64,
    /// Events applied before it.
    applied: u64,
    /// The reference's policy.
    epoch: u32,
    turn: Option<Turn>,
    arms: Names,
}

/// A file of exposures.
#[derive(Debug)]
pub(super) struct ExposureFile {
    path: PathBuf,
    about: About,
    exposures: Exposures,
}

impl Exposed {
    pub(super) fn new(head: &Head) -> Self {
        Exposed {
            about: About {
                first: head.first,
                next: head.first,
                applied: head.applied,
                epoch: head.epoch,
                turn: None,
                arms: Names::new(),
            },
            turn: None,
            items: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, arm: u16, decision: &Decision) {
        let items = self.items.entry((decision.user.clone(), arm)).or_default();
        *items = items.saturating_add(decision.slate.items.len() as u32);
    }
}

impl StateFolder {
    /// Writes what a segment exposed, where it did; `next` is the number of the record after its last.
    pub(super) fn write_exposures(&self, exposed: Exposed, next: u64, users: IdKind) -> Result<()> {
        let Exposed {
            mut about,
            turn,
            items,
        } = exposed;
        if turn.is_none() && items.is_empty() {
            return Ok(());
        }
        (about.next, about.turn) = (next, turn);
        let mut names = BTreeMap::from([(0, REFERENCE.to_string())]);
        for (_, arm) in items.keys() {
            if !names.contains_key(arm) {
                let name = self.arm(*arm)?.name;
                about.arms.insert(name.clone(), *arm);
                names.insert(*arm, name);
            }
        }
        let mut exposures = Exposures {
            users: Dictionary::new(users),
            ..Exposures::default()
        };
        for ((user, arm), items) in items {
            exposures.user.push(exposures.users.intern(&user));
            exposures.arm.push(names[&arm].clone());
            exposures.recommendations.push(items);
        }
        let manifest = Manifest::new(EXPOSURES, "online serve")
            .seed(self.settings().seed)
            .config(&about)?;
        let path = of_segment(&self.exposures(), about.first, next)?;
        exposures::write(&path, &manifest, &exposures)
    }

    /// All files of exposures, in order.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub(super) fn exposure_files(&self) -> Result<Vec<ExposureFile>> {
        let mut files = Vec::new();
        // Where there was no experiment there is none.
        for path in missing::list(&self.exposures())? {
            if path.extension().is_some_and(|extension| extension == "parquet") {
                files.push(ExposureFile::read(path)?);
            }
        }
        files.sort_unstable_by_key(|file| file.about.first);
        Ok(files)
    }
}

impl ExposureFile {
    fn read(path: PathBuf) -> Result<Self> {
        let (exposures, manifest) = exposures::read(&path)?;
        let about = manifest.and_then(|manifest| serde_json::from_value(manifest.config).ok());
        let about = about.ok_or_else(|| Error::data("the manifest is not that of exposures").file(&path))?;
        Ok(ExposureFile {
            path,
            about,
            exposures,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Events applied before its segment.
    pub(super) fn applied(&self) -> u64 {
        self.about.applied
    }

    /// The reference's policy in its segment.
    pub(super) fn epoch(&self) -> u32 {
        self.about.epoch
    }

    /// The number of the record after its segment's last.
    pub(super) fn next(&self) -> u64 {
        self.about.next
    }

    /// How the experiment changes where its segment begins.
    pub(super) fn turn(&self) -> Option<&Turn> {
        self.about.turn.as_ref()
    }

    /// Counts what it says.
    ///
    /// # Errors
    /// An arm that its manifest does not name.
    pub(super) fn count(&self, arms: &Arms) -> Result<()> {
        let rows = self.exposures.user.iter().zip(&self.exposures.arm);
        for ((user, name), items) in rows.zip(&self.exposures.recommendations) {
            let arm = match name == REFERENCE {
                true => Some(0),
                false => self.about.arms.get(name).copied(),
            };
            let arm =
                arm.ok_or_else(|| Error::data(format!("the arm `{name}` is not named in the manifest")))?;
            arms.shown_to(arm, self.exposures.users.id(*user), *items);
        }
        Ok(())
    }
}
