//! Where the inputs are, and whether they belong together.

use std::path::{Path, PathBuf};

use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::{consumed, items, parts, table};
use common::{Error, Result, input};

const INTERACTIONS: &str = "interactions.parquet";
const ITEMS: &str = "items.parquet";
const USERS: &str = "users.parquet";

/// The files of a training run.
#[derive(Clone, Debug)]
pub struct InputPaths {
    /// A folder with `interactions.parquet` and, where there are any, `items.parquet`, `consumed.parquet` and
    /// `users.parquet`, or these without interactions; or the interactions alone (a Parquet file, or a folder of part files).
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
    log: Option<Fingerprint>,
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
        let inside = self.log.join(INTERACTIONS);
        if input::exists(&inside) {
            inside
        } else {
            self.log.clone()
        }
    }

    /// Whether there is no log yet: a folder with a catalogue in it, and none but such files as stand beside a log.
    pub fn before_any_log(&self) -> Result<bool> {
        if !input::is_folder(&self.log) || !input::exists(&self.log.join(ITEMS)) {
            return Ok(false);
        }
        let entries = input::list(&self.log)?;
        let is_log = |path: PathBuf| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            name.ends_with(".parquet") && ![ITEMS, USERS, consumed::FILE_NAME].contains(&name)
        };
        Ok(!entries.into_iter().any(|(path, _)| is_log(path)))
    }

    /// The catalogue, where there is one.
    pub fn catalogue(&self) -> Option<PathBuf> {
        let beside = self.log.join(ITEMS);
        self.items
            .clone()
            .or_else(|| input::exists(&beside).then_some(beside))
    }

    /// What users have consumed, of which no feedback is known, where it is told.
    pub fn consumed(&self) -> Option<PathBuf> {
        let beside = self.log.join(consumed::FILE_NAME);
        input::exists(&beside).then_some(beside)
    }

    /// The users, where there are any: they are read where the log has no row.
    pub fn users(&self) -> Option<PathBuf> {
        let beside = self.log.join(USERS);
        input::exists(&beside).then_some(beside)
    }

    /// All of them that there are.
    pub fn all(&self) -> Vec<PathBuf> {
        let told = [&self.states, &self.profiles, &self.preferences];
        let beside = [self.catalogue(), self.consumed(), self.users()];
        let more = told.into_iter().cloned().chain(beside).flatten();
        more.chain(self.events.iter().cloned())
            .chain([self.interactions()])
            .collect()
    }

    /// Fingerprints every input and refuses those that were made from another one than is given.
    ///
    /// # Errors
    /// A missing or unreadable file; states of another log, profiles or preferences of other items or
    /// states.
    pub fn check(&self) -> Result<Fingerprints> {
        let fingerprint = |path: &Option<PathBuf>| path.as_deref().map(table::fingerprint).transpose();
        let (log, catalogue) = (self.interactions(), self.catalogue());
        let log = (!self.before_any_log()?).then_some(log);
        if log.as_ref() == Some(&self.log)
            && input::is_folder(&self.log)
            && catalogue.is_some()
            && self.items.is_none()
        {
            return Err(Error::usage("the folder has a catalogue but no log in it")
                .file(&self.log)
                .hint("--log takes a folder with interactions.parquet, as `simulator import` writes it, or a Parquet file"));
        }
        let rows = log.as_deref().map_or(Ok(0), table::count_rows)?;
        let users = self.users().filter(|_| rows == 0);
        let prints = Fingerprints {
            log: fingerprint(&log)?,
            items: catalogue.as_deref().map(items::fingerprint).transpose()?,
            consumed: fingerprint(&self.consumed())?,
            users: fingerprint(&users)?,
            states: fingerprint(&self.states)?,
            profiles: fingerprint(&self.profiles)?,
            preferences: fingerprint(&self.preferences)?,
            events: self.fingerprint_of_events()?,
        };
        if let Some(states) = &self.states {
            require(states, "log", prints.log.as_ref(), log.as_deref())?;
        }
        if let Some(profiles) = &self.profiles {
            require(profiles, "log", prints.log.as_ref(), log.as_deref())?;
            require_items(profiles, prints.items.as_ref(), catalogue.as_deref())?;
            require(profiles, "states", prints.states.as_ref(), self.states.as_deref())?;
        }
        if let Some(preferences) = &self.preferences {
            require_items(preferences, prints.items.as_ref(), catalogue.as_deref())?;
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
        if self.events.is_empty() {
            return Ok(None);
        }
        let files = self.events.iter().map(|path| parts::files(path));
        table::fingerprint_of(&files.collect::<Result<Vec<_>>>()?.concat()).map(Some)
    }
}

impl Fingerprints {
    /// Records those of log and catalogue, which codes depend on, in a manifest.
    pub(crate) fn record_log(&self, manifest: Manifest) -> Manifest {
        record(manifest, &[("log", &self.log), ("items", &self.items)])
    }

    /// As [`Fingerprints::record_log`], and that of what users have consumed.
    pub(crate) fn record_read(&self, manifest: Manifest) -> Manifest {
        record(self.record_log(manifest), &[("consumed", &self.consumed)])
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
        record(self.record_read(manifest), &rest)
    }
}

/// Records what there is of `inputs`.
fn record(manifest: Manifest, inputs: &[(&str, &Option<Fingerprint>)]) -> Manifest {
    let there = inputs
        .iter()
        .filter_map(|(role, print)| Some((role, print.as_ref()?)));
    there.fold(manifest, |manifest, (role, print)| {
        manifest.input(role, print.clone())
    })
}

/// As [`require`], for the catalogue.
fn require_items(artifact: &Path, print: Option<&Fingerprint>, catalogue: Option<&Path>) -> Result<()> {
    match (table::read_manifest(artifact)?, print, catalogue) {
        (Some(manifest), Some(print), Some(path)) => items::require(&manifest, print, artifact, path),
        _ => Ok(()),
    }
}

/// Requires that `artifact`, where it has a manifest that records the role, was made from `input`.
fn require(artifact: &Path, role: &str, print: Option<&Fingerprint>, input: Option<&Path>) -> Result<()> {
    match (table::read_manifest(artifact)?, print, input) {
        (Some(manifest), Some(print), Some(input)) => manifest.require_input(role, print, artifact, input),
        _ => Ok(()),
    }
}
