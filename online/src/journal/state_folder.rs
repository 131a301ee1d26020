//! All that a live policy leaves on disk, in one folder that needs nothing else:
//!
//! ```text
//! STATE/
//!   manifest.json                what it is, and the settings: strategy, hyper-parameters, seed
//!   policies/0, policies/1, ...  a copy of each policy that has served, by epoch
//!   arms/N/manifest.json         what the N-th arm that joined an experiment is: its name and settings
//!   arms/N/policies/0, ...       a copy of each policy that has served in it
//!   journal/N.log                the segments, N the number of the first record
//!   items.json                   items that were retired or added while it served
//!   snapshot                     state and pending decisions after some record
//!   base                         the same, where older policies have gone: what a replay begins with. Of those their manifests are left
//!   events/FROM-TO.parquet       the events of finished segments, by their numbers in order of application
//!   exposures/FROM-TO.parquet    of finished segments while an experiment ran: to whom which arm recommended how much, and
//!                                how the experiment changed where the segment begins
//!   choices/FROM-TO.parquet      of finished segments of an apprentice: what it would have recommended
//! ```

use std::fs::File;
use std::path::{Path, PathBuf};

use common::artifact::Plan;
use common::fingerprint::Fingerprint;
use common::folder::{self, Staged};
use common::manifest::Manifest;
use common::policy_artifact::{POLICY, Policy};
use common::{Error, Result, append_file, atomic_file, manifest, output};
use serde::{Deserialize, Serialize};

use super::segment::Head;
use super::{Journal, missing};
use crate::live::Settings;

/// Artifact kind of a state folder.
const STATE: &str = "state";
/// All that it may hold beside its manifest.
const OWN: [&str; 10] = [
    "policies/*/*",
    "arms/*/manifest.json",
    "arms/*/policies/*/*",
    "journal/*.log",
    "events/*.parquet",
    "exposures/*.parquet",
    "choices/*.parquet",
    "items.json",
    "snapshot",
    "base",
];
/// Artifact kind of an arm's folder.
const ARM: &str = "arm";

/// What an arm of an experiment is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmSettings {
    /// Its name.
    pub name: String,
    /// How it acts and learns.
    pub settings: Settings,
}

/// A state folder.
#[derive(Debug)]
pub struct StateFolder {
    root: PathBuf,
    settings: Settings,
    /// Held while this process may write.
    _lock: Option<File>,
}

impl StateFolder {
    /// Whether there is a whole state folder at `root`.
    pub fn exists(root: &Path) -> bool {
        root.join(manifest::FILE_NAME).exists()
    }

    /// Opens a state folder to write in it, alone.
    ///
    /// # Errors
    /// When there is none, another process has it, or its manifest is damaged or another artifact's.
    pub fn open(root: &Path) -> Result<Self> {
        output::on_this_machine(root, "a live state")?;
        let lock = append_file::lock_folder(root)?;
        Ok(StateFolder {
            _lock: Some(lock),
            ..Self::read(root)?
        })
    }

    /// Opens a state folder to read it, beside a process that writes in it.
    ///
    /// # Errors
    /// When there is none, or its manifest is damaged or another artifact's.
    pub fn read(root: &Path) -> Result<Self> {
        output::on_this_machine(root, "a live state")?;
        if !Self::exists(root) {
            // A state without its manifest is not simply missing.
            require_empty(root)?;
        }
        let manifest = Manifest::read_from_folder(root, STATE)?;
        let settings = serde_json::from_value(manifest.config).map_err(|e| {
            Error::data(format!("the settings cannot be read: {e}"))
                .file(root.join(manifest::FILE_NAME))
                .hint("use the release that wrote them")
        })?;
        Ok(StateFolder {
            root: root.to_path_buf(),
            settings,
            _lock: None,
        })
    }

    /// Makes a state folder: the policy's copy, an empty journal and what `fill` makes of it, and at last its manifest. It is
    /// made beside its place and put there whole; a state that stands there goes only then. None, where `plan` finds that
    /// there is nothing to do.
    ///
    /// # Errors
    /// Those of `plan`; a folder at `root` that is not empty and no state, or in use; a policy that cannot be loaded, those of
    /// `fill`, I/O failures. What stands at `root` stays then.
    pub fn make<T>(
        root: &Path,
        policy: &Path,
        settings: &Settings,
        manifest: &Manifest,
        plan: impl Fn() -> Result<Plan>,
        fill: impl FnOnce(Self) -> Result<T>,
    ) -> Result<Option<T>> {
        output::on_this_machine(root, "a live state")?;
        let plan = || match plan()? {
            // Nothing but a state may be replaced by one.
            Plan::Write if Self::exists(root) => Self::read(root).map(|_| Plan::Write),
            Plan::Write => require_empty(root).map(|()| Plan::Write),
            Plan::AlreadyDone => Ok(Plan::AlreadyDone),
        };
        let Some(staged) = folder::stage(root, &OWN, plan)? else {
            return Ok(None);
        };
        let made = staged.write(|staging| {
            let folder = StateFolder {
                root: staging.to_path_buf(),
                settings: *settings,
                _lock: None,
            };
            let policy = folder.adopt(0, policy, 0)?;
            let head = Head {
                first: 0,
                applied: 0,
                epoch: 0,
                policy: fingerprint(&policy),
            };
            Journal::create(&folder.journal(), head)?;
            std::fs::create_dir_all(folder.events())
                .map_err(|e| Error::io(e, "make the folder", &folder.events()))?;
            let made = fill(folder)?;
            manifest.write_to_folder(staging)?;
            Ok(made)
        })?;
        Ok(Some(made))
    }

    /// The manifest of a state folder that `tool` makes from `policy`.
    ///
    /// # Errors
    /// A policy whose manifest cannot be read.
    pub fn manifest(tool: &str, policy: &Path, settings: &Settings) -> Result<Manifest> {
        Manifest::new(STATE, tool)
            .seed(settings.seed)
            .input("policy", Policy::fingerprint(policy)?)
            .config(settings)
    }

    /// Requires the settings that the state was made with: with others it would not be what its events make of it.
    ///
    /// # Errors
    /// Wrong usage, with both.
    pub fn require_settings(&self, settings: &Settings) -> Result<()> {
        if *settings == self.settings {
            return Ok(());
        }
        let shown = |settings: &Settings| serde_json::to_string(settings).unwrap_or_default();
        Err(Error::usage(format!(
            "the state was made with other settings: {} then, {} now",
            shown(&self.settings),
            shown(settings)
        ))
        .file(&self.root)
        .hint("serve it with the same ones, or make a new state of its events by `online replay --events`"))
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How the state acts and learns.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The copy of the policy that served in `epoch` of an arm; arm 0 is the reference.
    pub fn policy(&self, arm: u16, epoch: u32) -> PathBuf {
        let policies = match arm {
            0 => self.root.join("policies"),
            _ => self.arm_folder(arm).join("policies"),
        };
        policies.join(epoch.to_string())
    }

    fn arm_folder(&self, arm: u16) -> PathBuf {
        self.root.join("arms").join(arm.to_string())
    }

    /// What an arm is, by its number.
    ///
    /// # Errors
    /// A manifest that is missing or damaged.
    pub fn arm(&self, arm: u16) -> Result<ArmSettings> {
        let folder = self.arm_folder(arm);
        let manifest = Manifest::read_from_folder(&folder, ARM)?;
        serde_json::from_value(manifest.config).map_err(|e| {
            Error::data(format!("the arm's settings cannot be read: {e}"))
                .file(folder.join(manifest::FILE_NAME))
                .hint("use the release that wrote them")
        })
    }

    /// Makes the folder of an arm that is about to join, and loads its policy's copy.
    ///
    /// # Errors
    /// A policy that is missing or damaged; I/O failures.
    pub(super) fn make_arm(&self, arm: u16, settings: &ArmSettings, policy: &Path) -> Result<Policy> {
        let adopted = self.adopt(arm, policy, 0)?;
        let manifest = Manifest::new(ARM, "online serve")
            .seed(settings.settings.seed)
            .input("policy", fingerprint(&adopted))
            .config(settings)?;
        manifest.write_to_folder(&self.arm_folder(arm))?;
        Ok(adopted)
    }

    /// The epoch of the policy with this fingerprint in an arm, if one up to `last` has it.
    pub(super) fn epoch_of(&self, arm: u16, policy: &Fingerprint, last: u32) -> Option<u32> {
        let is_it = |path: PathBuf| Policy::fingerprint(&path).is_ok_and(|found| found == *policy);
        (0..=last).find(|&epoch| is_it(self.policy(arm, epoch)))
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(super) fn snapshot(&self) -> PathBuf {
        self.root.join("snapshot")
    }

    pub(super) fn base(&self) -> PathBuf {
        self.root.join("base")
    }

    pub(super) fn events(&self) -> PathBuf {
        self.root.join("events")
    }

    pub(super) fn choices(&self) -> PathBuf {
        self.root.join("choices")
    }

    pub(super) fn exposures(&self) -> PathBuf {
        self.root.join("exposures")
    }

    /// Copies the policy at `source` to the place of `epoch` in an arm, its manifest last, and loads the copy: what is served is
    /// what is kept.
    ///
    /// # Errors
    /// A policy that is missing, not whole or damaged; I/O failures. No copy is left then.
    pub(super) fn adopt(&self, arm: u16, source: &Path, epoch: u32) -> Result<Policy> {
        let copied = self
            .copy(source, &self.policy(arm, epoch))
            .and_then(|copy| Policy::load(&copy).map_err(|e| e.file(source)));
        if copied.is_err() {
            self.disown(arm, epoch);
        }
        copied
    }

    /// Removes the copy of a policy that did not come to serve.
    pub(super) fn disown(&self, arm: u16, epoch: u32) {
        // Where this fails the next policy takes its place.
        let _ = std::fs::remove_dir_all(self.policy(arm, epoch));
    }

    /// The copies of policies that are whole, each by its arm and epoch.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub(super) fn copies(&self) -> Result<Vec<(u16, u32)>> {
        let mut arms = numbers(&self.root.join("arms"))?;
        arms.insert(0, 0);
        let mut copies = Vec::new();
        for arm in arms.into_iter().filter_map(|arm| u16::try_from(arm).ok()) {
            let policies = self.policy(arm, 0);
            for epoch in numbers(policies.parent().unwrap_or(&policies))? {
                if besides_manifest(&self.policy(arm, epoch))?.next().is_some() {
                    copies.push((arm, epoch));
                }
            }
        }
        Ok(copies)
    }

    /// Removes the copy of a policy that is not needed any more, but for its manifest: by that it is known when it comes again.
    ///
    /// # Errors
    /// On I/O failure: it can be tried again.
    pub(super) fn strip(&self, arm: u16, epoch: u32) -> Result<()> {
        besides_manifest(&self.policy(arm, epoch))?.try_for_each(|path| atomic_file::remove(&path))
    }

    fn copy(&self, source: &Path, target: &Path) -> Result<PathBuf> {
        let manifest = Manifest::read_from_folder(source, POLICY)?;
        let names = manifest
            .files
            .keys()
            .map(String::as_str)
            .chain([manifest::FILE_NAME]);
        // What stands there never served.
        Staged::begin(target, &["*"])?.write(|folder| {
            for name in names {
                if Path::new(name).file_name().is_none_or(|file| file != name) {
                    let hint = "a policy folder names the files in it and no others";
                    return Err(Error::data(format!("the manifest names the file `{name}`"))
                        .file(source)
                        .hint(hint));
                }
                atomic_file::copy(&source.join(name), &folder.join(name))?;
            }
            Ok(())
        })?;
        Ok(target.to_path_buf())
    }
}

/// The numbers after which the entries of `folder` are named, ascending; none where there is no such folder.
fn numbers(folder: &Path) -> Result<Vec<u32>> {
    let paths = missing::list(folder)?;
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse().ok();
    let mut found: Vec<u32> = paths.iter().filter_map(number).collect();
    found.sort_unstable();
    Ok(found)
}

/// What is in the copy of a policy besides its manifest.
fn besides_manifest(folder: &Path) -> Result<impl Iterator<Item = PathBuf>> {
    let is_other = |path: &PathBuf| path.file_name().is_some_and(|name| name != manifest::FILE_NAME);
    Ok(missing::list(folder)?.into_iter().filter(is_other))
}

/// Requires that nothing stands at `root` which a state made there would destroy.
fn require_empty(root: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(root) else {
        return Ok(());
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    // What every new file system holds, and what is about to be written in a folder that cannot be swapped.
    let other = names
        .iter()
        .find(|name| *name != "lost+found" && !name.starts_with(".writing-"));
    let Some(other) = other else { return Ok(()) };
    if ["journal", "policies"]
        .iter()
        .all(|part| root.join(part).is_dir())
    {
        return Err(Error::data("the state has lost its manifest: the rest of it is there, and is not touched")
            .file(root.join(manifest::FILE_NAME))
            .hint(format!(
                "put it back from a copy; or make the same one again: `online serve --state NEW --policy {}` with the \
                 flags of old writes NEW/manifest.json, which you copy here",
                root.join("policies/0").display()
            )));
    }
    Err(Error::usage(format!(
        "the folder is not empty and is not a state: it holds `{other}`"
    ))
    .file(root)
    .hint("give a folder of its own for the state, made where it is missing"))
}

/// The fingerprint of a policy in memory: that of its manifest.
pub(super) fn fingerprint(policy: &Policy) -> Fingerprint {
    Fingerprint::of_bytes(policy.manifest.to_json().as_bytes())
}
