//! Finding and reading the metrics files, and whether they belong together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::metrics::{self, Metric};
use common::schema::{parts, table};
use common::{Error, Result, input};

/// One metrics file.
pub(super) struct Source {
    path: PathBuf,
    /// The file's name without extension; what the report calls it.
    pub(super) name: String,
    /// Of its content.
    pub(super) fingerprint: Fingerprint,
    /// Where it has one.
    pub(super) manifest: Option<Manifest>,
    /// Its rows.
    pub(super) metrics: Vec<Metric>,
}

/// Reads all files in `paths`; of a folder, those that [`parts::files`] finds in it.
pub(super) fn load(paths: &[PathBuf]) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        for file in parts::files(path)? {
            let real = input::identity(&file)?;
            if seen.insert(real) {
                files.push(file);
            }
        }
    }
    let sources = files.iter().map(|file| read(file)).collect::<Result<Vec<_>>>()?;
    if sources.iter().all(|source| source.metrics.is_empty()) {
        let error = no_metrics("the metrics are empty: they have no row");
        return Err(paths.iter().fold(error, |error, path| error.file(path)));
    }
    nothing_twice(&sources)?;
    one_environment_a_name(&sources)?;
    Ok(sources)
}

fn no_metrics(what: &str) -> Error {
    Error::usage(what).hint("`simulator run --out FILE.parquet` and `simulator fidelity` write metrics")
}

fn read(path: &Path) -> Result<Source> {
    let metrics = metrics::read(path).map_err(|error| {
        let hint = "every *.parquet file below --metrics must be metrics, as `simulator run` and `simulator fidelity` \
                    write them; give the files one by one to leave others out";
        error.hint(hint)
    })?;
    Ok(Source {
        path: path.to_path_buf(),
        name: path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default(),
        fingerprint: Fingerprint::of_file(path)?,
        manifest: table::read_manifest(path)?,
        metrics,
    })
}

/// A measurement that two files (or two rows) hold would count as two seeds.
fn nothing_twice(sources: &[Source]) -> Result<()> {
    let mut seen = BTreeMap::new();
    for source in sources {
        for (row, m) in source.metrics.iter().enumerate() {
            let key = (&m.environment, &m.method, m.seed, &m.split, &m.metric, m.step);
            if let Some(before) = seen.insert(key, &source.path) {
                return Err(Error::data(format!(
                    "{} of {} in {}, seed {}, step {} was measured before, in {}",
                    m.metric,
                    m.method,
                    m.environment,
                    m.seed,
                    m.step,
                    before.display()
                ))
                .file(&source.path)
                .row(row)
                .hint("give every measurement once: keep copies and older runs out of --metrics"));
            }
        }
    }
    Ok(())
}

/// Runs that carry the same environment's name must have met the same environment.
fn one_environment_a_name(sources: &[Source]) -> Result<()> {
    let mut seen: BTreeMap<&str, (&Fingerprint, &Path)> = BTreeMap::new();
    for source in sources {
        let Some(fingerprint) = source.environment() else {
            continue;
        };
        let names: BTreeSet<&str> = source.metrics.iter().map(|m| m.environment.as_str()).collect();
        for name in names {
            match seen.get(name) {
                Some((other, before)) if *other != fingerprint => {
                    return Err(Error::usage(format!(
                        "{} and {} do not belong together: both name the environment {name}, but it was {other} in the \
                         first and {fingerprint} in the second",
                        before.display(),
                        source.path.display()
                    ))
                    .hint("run both methods in the same environment"));
                }
                _ => _ = seen.insert(name, (fingerprint, &source.path)),
            }
        }
    }
    Ok(())
}

impl Source {
    /// The fingerprint of the environment that it was measured in, where the manifest records it.
    pub(super) fn environment(&self) -> Option<&Fingerprint> {
        self.manifest.as_ref()?.inputs.get("environment")
    }

    /// A source as read from `name`.parquet, for tests.
    #[cfg(test)]
    pub(super) fn made(name: &str, manifest: Option<Manifest>, metrics: Vec<Metric>) -> Self {
        Source {
            path: PathBuf::from(format!("{name}.parquet")),
            name: name.to_string(),
            fingerprint: Fingerprint::of_bytes(name.as_bytes()),
            manifest,
            metrics,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::error::Class;

    fn row(method: &str) -> Metric {
        Metric {
            environment: "movielens".into(),
            method: method.into(),
            seed: 0,
            split: "online".into(),
            metric: "return_mean".into(),
            step: 10,
            value: 1.0,
        }
    }

    fn failure(paths: &[PathBuf]) -> Error {
        match load(paths) {
            Ok(_) => panic!("it was read"),
            Err(error) => error,
        }
    }

    fn manifest(environment: &[u8]) -> Manifest {
        Manifest::new(metrics::METRICS, "simulator run")
            .input("environment", Fingerprint::of_bytes(environment))
    }

    #[test]
    fn folders_are_read_with_what_lies_below_and_no_file_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (
            folder.path().join("a.parquet"),
            folder.path().join("deep/b.parquet"),
        );
        metrics::write(&a, &manifest(b"e"), &[row("a")]).unwrap();
        metrics::write(&b, &manifest(b"e"), &[row("b")]).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "no metrics").unwrap();
        let found = load(&[folder.path().to_path_buf(), b.clone()]).unwrap();
        assert_eq!(
            found.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(found[0].metrics, [row("a")]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = failure(&[folder.path().to_path_buf()]);
        assert_eq!(empty.class(), Class::Usage);
        assert!(empty.to_string().contains("no *.parquet"), "{empty}");
        assert_eq!(failure(&[folder.path().join("none")]).class(), Class::Usage);
        let cut = folder.path().join("cut.parquet");
        std::fs::write(&cut, b"PAR1").unwrap();
        let error = failure(&[cut]);
        assert_eq!(error.class(), Class::Data);
        assert!(
            error.to_string().contains("cut.parquet") && error.to_string().contains("simulator run"),
            "{error}"
        );
        let bare = folder.path().join("bare.parquet");
        metrics::write(&bare, &manifest(b"e"), &[]).unwrap();
        assert!(failure(&[bare]).to_string().contains("no row"));
    }

    #[test]
    fn a_measurement_given_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.parquet", "copy.parquet"] {
            metrics::write(&folder.path().join(name), &manifest(b"e"), &[row("a")]).unwrap();
        }
        let error = failure(&[folder.path().to_path_buf()]).to_string();
        assert!(
            error.contains("copy.parquet") && error.contains("measured before"),
            "{error}"
        );
    }

    #[test]
    fn two_environments_under_one_name_are_refused_and_both_files_named() {
        let folder = tempfile::tempdir().unwrap();
        metrics::write(&folder.path().join("a.parquet"), &manifest(b"e"), &[row("a")]).unwrap();
        metrics::write(&folder.path().join("b.parquet"), &manifest(b"f"), &[row("b")]).unwrap();
        let error = failure(&[folder.path().to_path_buf()]).to_string();
        assert!(
            error.contains("a.parquet") && error.contains("b.parquet do not belong together"),
            "{error}"
        );
    }
}
