//! Where the inputs are, and whether they belong together.

use std::path::{Path, PathBuf};

use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::{consumed, table};
use common::{Error, Result};

/// The files of a training run.
#[derive(Clone, Debug)]
pub struct InputPaths {
    /// A folder with `interactions.parquet` and, where there are any, `items.parquet`, `consumed.parquet` and
    /// `users.parquet`; or the interactions alone (a Parquet file, or a folder of part files).
    pub log: PathBuf,
    /// The catalogue, where it does not stand beside the interactions.
    pub items: Option<PathBuf>,
    /// User states; taken from the log where there are none.
    pub states: Option<PathBuf>,
    /// Trait profiles of users and items.
    pub profiles: Option<PathBuf>,
    /// What the language model would choose, for a reward model without a log.
    pub preferences: Option<PathBuf>,
    /// What came back to recommendations: files of events, or folders of such, as `online` writes them.
    pub events: Vec<PathBuf>,
    /// From where on feedback is a like; over what the log itself says.
    pub like_threshold: Option<f32>,
}

/// Content fingerprints of the inputs that there are.
#[derive(Clone, Debug)]
pub struct Fingerprints {
    log: Fingerprint,
    items: Option<Fingerprint>,
    consumed: Option<Fingerprint>,
    users: Option<Fingerprint>,
    states: Option<Fingerprint>,
    profiles: Option<Fingerprint>,
    preferences: Option<Fingerprint>,
    events: Option<Fingerprint>,
}

impl InputPaths {
    /// The interactions themselves.
    pub fn interactions(&self) -> PathBuf {
        let inside = self.log.join("interactions.parquet");
        if inside.exists() { inside } else { self.log.clone() }
    }

    /// The catalogue, where there is one.
    pub fn catalogue(&self) -> Option<PathBuf> {
        let beside = self.log.join("items.parquet");
        self.items.clone().or_else(|| beside.exists().then_some(beside))
    }

    /// What users have consumed, of which no feedback is known, where it is told.
    pub fn consumed(&self) -> Option<PathBuf> {
        let beside = self.log.join(consumed::FILE_NAME);
        beside.exists().then_some(beside)
    }

    /// The users, where there are any: they are read where the log has no row.
    pub fn users(&self) -> Option<PathBuf> {
        let beside = self.log.join("users.parquet");
        beside.exists().then_some(beside)
    }

    /// Whether there is something to work on where the log has no row: a catalogue and users.
    pub fn stand_without_rows(&self) -> bool {
        let users = self.users().or_else(|| self.consumed()).is_some()
            || self.states.is_some()
            || !self.events.is_empty();
        self.catalogue().is_some() && users
    }

    /// Fingerprints every input and refuses those that were made from another one than is given.
    ///
    /// # Errors
    /// A missing or unreadable file; states of another log, profiles or preferences of other items or
    /// states.
    pub fn check(&self) -> Result<Fingerprints> {
        let fingerprint = |path: &Option<PathBuf>| path.as_deref().map(table::fingerprint).transpose();
        let (log, catalogue) = (self.interactions(), self.catalogue());
        if log == self.log && self.log.is_dir() && catalogue.is_some() && self.items.is_none() {
            return Err(Error::usage("the folder has a catalogue but no log in it")
                .file(&self.log)
                .hint("--log takes a folder with interactions.parquet, as `simulator import` writes it, or a Parquet file"));
        }
        let users = match self.users() {
            Some(users) if table::count_rows(&log)? == 0 => Some(users),
            _ => None,
        };
        let prints = Fingerprints {
            log: table::fingerprint(&log)?,
            items: fingerprint(&catalogue)?,
            consumed: fingerprint(&self.consumed())?,
            users: fingerprint(&users)?,
            states: fingerprint(&self.states)?,
            profiles: fingerprint(&self.profiles)?,
            preferences: fingerprint(&self.preferences)?,
            events: self.fingerprint_of_events()?,
        };
        if let Some(states) = &self.states {
            require(states, "log", Some(&prints.log), Some(&log))?;
        }
        if let Some(profiles) = &self.profiles {
            require(profiles, "log", Some(&prints.log), Some(&log))?;
            require(profiles, "items", prints.items.as_ref(), catalogue.as_deref())?;
            require(profiles, "states", prints.states.as_ref(), self.states.as_deref())?;
        }
        if let Some(preferences) = &self.preferences {
            require(preferences, "items", prints.items.as_ref(), catalogue.as_deref())?;
            require(
                preferences,
                "states",
                prints.states.as_ref(),
                self.states.as_deref(),
            )?;
        }
        Ok(prints)
    }

    fn fingerprint_of_events(&self) -> Result<Option<Fingerprint>> {
        let prints: Vec<Fingerprint> = self
            .events
            .iter()
            .map(|path| table::fingerprint(path))
            .collect::<Result<_>>()?;
        Ok(match prints.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            all => Some(Fingerprint::of_parts(
                all.iter().map(|print| print.as_str().as_bytes()),
            )),
        })
    }
}

impl Fingerprints {
    /// Records those of log and catalogue, which codes depend on, in a manifest.
    pub(crate) fn record_log(&self, manifest: Manifest) -> Manifest {
        let manifest = manifest.input("log", self.log.clone());
        match &self.items {
            Some(items) => manifest.input("items", items.clone()),
            None => manifest,
        }
    }

    /// As [`Fingerprints::record_log`], and that of what users have consumed.
    pub(crate) fn record_read(&self, manifest: Manifest) -> Manifest {
        match &self.consumed {
            Some(consumed) => self.record_log(manifest).input("consumed", consumed.clone()),
            None => self.record_log(manifest),
        }
    }

    /// Records them all in a manifest.
    pub(crate) fn record(&self, manifest: Manifest) -> Manifest {
        let rest = [
            ("users", &self.users),
            ("states", &self.states),
            ("profiles", &self.profiles),
            ("preferences", &self.preferences),
            ("events", &self.events),
        ];
        rest.into_iter().fold(
            self.record_read(manifest),
            |manifest, (role, print)| match print {
                Some(print) => manifest.input(role, print.clone()),
                None => manifest,
            },
        )
    }
}

/// Requires that `artifact`, where it has a manifest that records the role, was made from `input`.
fn require(artifact: &Path, role: &str, print: Option<&Fingerprint>, input: Option<&Path>) -> Result<()> {
    match (table::read_manifest(artifact)?, print, input) {
        (Some(manifest), Some(print), Some(input)) => manifest.require_input(role, print, artifact, input),
        _ => Ok(()),
    }
}
