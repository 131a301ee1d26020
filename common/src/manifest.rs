//! The manifest that every artifact carries: what it is, what made it, from which inputs.
//!
//! A Parquet artifact keeps it in its footer under [`PARQUET_KEY`]; a folder artifact in `manifest.json`, which
//! is written last and so marks the folder as whole. A manifest holds no path, no time and no worker count:
//! the same inputs, configuration, seed and version give the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::{Error, Result, atomic_file, folder, input};

/// The key of the manifest in a Parquet footer.
pub const PARQUET_KEY: &str = "headstart.manifest";
/// The manifest's name in a folder artifact.
pub const FILE_NAME: &str = "manifest.json";
/// The version of all formats of this crate; raised when a reader of the former version would misread.
pub const FORMAT_VERSION: u32 = 1;

/// What an artifact is and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The kind of artifact: `interactions`, `truth`, `profiles`, `policy`, ...
    pub artifact: String,
    /// See [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The tool and verb that made it, such as `profiler traits`.
    pub tool: String,
    /// The tool's version.
    pub tool_version: String,
    /// The seed of the run, where it has one.
    pub seed: Option<u64>,
    /// The full configuration that the result depends on.
    pub config: serde_json::Value,
    /// Content fingerprint of every input, by its role (`log`, `items`, `model`, ...).
    pub inputs: BTreeMap<String, Fingerprint>,
    /// For folder artifacts: content fingerprint of every file, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Fingerprint>,
}

/// The files that the manifest of `folder` lists; none where there is none that can be read.
pub(crate) fn listed(folder: &Path) -> Vec<String> {
    let read = input::read_text("read the manifest", &folder.join(FILE_NAME));
    let manifest = read.ok().and_then(|json| Manifest::from_json(&json, folder).ok());
    manifest.map_or(Vec::new(), |manifest| manifest.files.into_keys().collect())
}

impl Manifest {
    /// A manifest of `artifact` made by `tool` (in this workspace's version) with no inputs yet.
    pub fn new(artifact: &str, tool: &str) -> Self {
        Manifest {
            artifact: artifact.to_string(),
            format_version: FORMAT_VERSION,
            tool: tool.to_string(),
            tool_version: env!("CARGO_PKG_VERSION").to_string(),
            seed: None,
            config: serde_json::Value::Null,
            inputs: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    /// Sets the seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets the configuration that the result depends on (no paths, no worker counts).
    ///
    /// # Errors
    /// When the configuration cannot be written as JSON.
    pub fn config(mut self, config: &impl Serialize) -> Result<Self> {
        self.config = serde_json::to_value(config)
            .map_err(|e| Error::usage(format!("the configuration cannot be written as JSON: {e}")))?;
        Ok(self)
    }

    /// Adds an input by role and fingerprint.
    pub fn input(mut self, role: &str, fingerprint: Fingerprint) -> Self {
        self.inputs.insert(role.to_string(), fingerprint);
        self
    }

    /// Adds an input file by role.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn input_file(self, role: &str, path: &Path) -> Result<Self> {
        let fingerprint = Fingerprint::of_file(path)?;
        Ok(self.input(role, fingerprint))
    }

    /// Whether `other` describes the same run: all but the fingerprints of the produced files.
    pub fn same_run(&self, other: &Manifest) -> bool {
        let strip = |m: &Manifest| Manifest {
            files: BTreeMap::new(),
            ..m.clone()
        };
        strip(self) == strip(other)
    }

    /// Requires that this artifact was made from the very `fingerprint` in `role`; `ours` and `theirs` name the
    /// two artifacts in the error. An artifact that does not record the role passes.
    ///
    /// # Errors
    /// Wrong usage, naming both, when the fingerprints differ.
    pub fn require_input(
        &self,
        role: &str,
        fingerprint: &Fingerprint,
        ours: &Path,
        theirs: &Path,
    ) -> Result<()> {
        match self.inputs.get(role) {
            Some(recorded) if recorded != fingerprint => Err(Error::usage(format!(
                "{} and {} do not belong together: the first was made from another {role} (it records {recorded}, \
                 the second is {fingerprint})",
                ours.display(),
                theirs.display()
            ))
            .hint(format!("make {} again from {}", ours.display(), theirs.display()))),
            _ => Ok(()),
        }
    }

    /// Requires that this manifest of `folder` has the fingerprints of the files of these names: what it does not list was
    /// not checked.
    ///
    /// # Errors
    /// Bad data, for one that it lacks.
    pub fn require_files(&self, names: &[&str], folder: &Path) -> Result<()> {
        match names.iter().find(|name| !self.files.contains_key(**name)) {
            None => Ok(()),
            Some(name) => Err(Error::data(format!("the manifest has no fingerprint of {name}"))
                .file(folder.join(FILE_NAME))
                .hint(format!("make the {} again with --overwrite", self.artifact))),
        }
    }

    /// As pretty JSON with a final newline.
    pub fn to_json(&self) -> String {
        // A manifest holds only strings, numbers and maps with string keys, which JSON always can hold.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// From JSON; `path` is the place in errors.
    ///
    /// # Errors
    /// Bad data, when it is not a manifest or one of a later format version.
    pub fn from_json(json: &str, path: &Path) -> Result<Self> {
        let manifest: Manifest = serde_json::from_str(json)
            .map_err(|e| Error::data(format!("the manifest cannot be read: {e}")).file(path))?;
        if manifest.format_version > FORMAT_VERSION {
            return Err(Error::data(format!(
                "format version {} is newer than this tool's {FORMAT_VERSION}",
                manifest.format_version
            ))
            .file(path)
            .hint("use the tools of the release that wrote it"));
        }
        Ok(manifest)
    }

    /// Writes `manifest.json` of a folder artifact; the last file to be written.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn write_to_folder(&self, folder: &Path) -> Result<()> {
        atomic_file::write_bytes(&folder.join(FILE_NAME), self.to_json().as_bytes())
    }

    /// Reads `manifest.json` of a folder artifact of kind `artifact` and checks every file's fingerprint; see
    /// [`Manifest::require_files`].
    ///
    /// # Errors
    /// When it is missing, of another kind, or a file's content is not what the manifest says.
    pub fn read_from_folder(folder: &Path, artifact: &str) -> Result<Self> {
        let path = folder.join(FILE_NAME);
        let json = input::read_text(&format!("read the {artifact}'s manifest"), &path).map_err(|failed| {
            failed.hint(match folder::interrupted(folder) {
                Some(old) => format!(
                    "a process was killed while it replaced the folder: rename {} back, or run that command again",
                    old.display()
                ),
                None => format!("this should be a folder that holds a whole {artifact}"),
            })
        })?;
        let manifest = Self::from_json(&json, &path)?;
        if manifest.artifact != artifact {
            return Err(
                Error::usage(format!("expected a {artifact}, found a {}", manifest.artifact)).file(folder),
            );
        }
        for (name, fingerprint) in &manifest.files {
            let file = folder.join(name);
            if &Fingerprint::of_file(&file)? != fingerprint {
                return Err(
                    Error::data("the content is not what the manifest says: cut short or changed")
                        .file(&file)
                        .hint(format!("make the {artifact} again with --overwrite")),
                );
            }
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_format_version_is_refused() {
        let mut manifest = Manifest::new("policy", "pretrain train");
        manifest.format_version = FORMAT_VERSION + 1;
        let error = Manifest::from_json(&manifest.to_json(), Path::new("m")).unwrap_err();
        assert!(error.to_string().contains("newer than this tool"), "{error}");
    }

    #[test]
    fn inputs_that_do_not_belong_together_are_both_named() {
        let manifest =
            Manifest::new("profiles", "profiler traits").input("items", Fingerprint::of_bytes(b"a"));
        let other = Fingerprint::of_bytes(b"b");
        let error = manifest
            .require_input(
                "items",
                &other,
                Path::new("profiles.parquet"),
                Path::new("items.parquet"),
            )
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("profiles.parquet and items.parquet do not belong together"),
            "{error}"
        );
        assert!(
            manifest
                .require_input("log", &other, Path::new("a"), Path::new("b"))
                .is_ok()
        );
    }

    #[test]
    fn a_folder_with_a_changed_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("weights"), b"good").unwrap();
        let mut manifest = Manifest::new("policy", "pretrain train");
        manifest
            .files
            .insert("weights".into(), Fingerprint::of_bytes(b"good"));
        manifest.write_to_folder(folder.path()).unwrap();
        assert!(Manifest::read_from_folder(folder.path(), "policy").is_ok());
        std::fs::write(folder.path().join("weights"), b"goo").unwrap();
        let error = Manifest::read_from_folder(folder.path(), "policy").unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Data);
    }
}
