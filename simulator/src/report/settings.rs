//! What was run, from the manifests: settings that all artifacts of a group share, and those that tell them apart.

use std::collections::BTreeMap;
use std::path::Path;

use common::manifest::{FILE_NAME, Manifest};
use common::{Error, Result, input};
use serde_json::Value;

/// Artifacts of one kind.
#[derive(Debug)]
pub(super) struct Group {
    /// What they are.
    pub(super) title: String,
    /// Settings that all have alike.
    pub(super) shared: Vec<(String, String)>,
    /// One by one.
    pub(super) artifacts: Vec<Artifact>,
}

/// One artifact.
#[derive(Debug)]
pub(super) struct Artifact {
    /// What the report calls it.
    pub(super) name: String,
    /// Of its content, where it is one file.
    pub(super) fingerprint: Option<String>,
    /// Settings that not all of the group have alike.
    pub(super) own: Vec<(String, String)>,
    /// The whole manifest as JSON, where it has one.
    pub(super) manifest: Option<String>,
}

/// Groups artifacts given as (name, fingerprint, manifest).
pub(super) fn group(title: &str, artifacts: &[(&str, Option<&str>, Option<&Manifest>)]) -> Group {
    let settings: Vec<BTreeMap<String, String>> = artifacts
        .iter()
        .map(|(_, _, manifest)| manifest.map(settings).unwrap_or_default())
        .collect();
    let is_shared = |key: &String, value: &String| settings.iter().all(|other| other.get(key) == Some(value));
    let shared = settings
        .first()
        .into_iter()
        .flatten()
        .filter(|(key, value)| is_shared(key, value));
    let shared: Vec<(String, String)> = shared.map(|(key, value)| (key.clone(), value.clone())).collect();
    let artifacts = artifacts
        .iter()
        .zip(&settings)
        .map(|((name, fingerprint, manifest), settings)| Artifact {
            name: (*name).to_string(),
            fingerprint: fingerprint.map(str::to_string),
            own: settings
                .iter()
                .filter(|(key, value)| !is_shared(key, value))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            manifest: manifest.map(Manifest::to_json),
        });
    Group {
        title: title.to_string(),
        artifacts: artifacts.collect(),
        shared,
    }
}

/// The manifest's settings and inputs by name.
fn settings(manifest: &Manifest) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    flatten("", &manifest.config, &mut settings);
    settings.insert(
        "tool".into(),
        format!("{} {}", manifest.tool, manifest.tool_version),
    );
    if let Some(seed) = manifest.seed {
        settings.insert("seed".into(), seed.to_string());
    }
    for (role, fingerprint) in &manifest.inputs {
        settings.insert(format!("input {role}"), fingerprint.to_string());
    }
    settings
}

fn flatten(prefix: &str, value: &Value, settings: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&key, value, settings);
            }
        }
        Value::Null => {}
        Value::Array(values) => {
            let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
            let text = values.iter().map(plain).collect::<Vec<_>>().join(" ");
            settings.insert(prefix.to_string(), text);
        }
        Value::String(text) => _ = settings.insert(prefix.to_string(), text.clone()),
        other => _ = settings.insert(prefix.to_string(), other.to_string()),
    }
}

/// The manifests of all policies below `folder`, each with its path below it, in order.
///
/// # Errors
/// When the folder or a manifest cannot be read, or there is none.
pub(super) fn policies(folder: &Path) -> Result<Vec<(String, Manifest)>> {
    let mut found = Vec::new();
    collect(folder, "", &mut found)?;
    if found.is_empty() {
        return Err(Error::usage(format!(
            "no policy below the folder: none of its folders holds a {FILE_NAME}"
        ))
        .file(folder)
        .hint(
            "--policies is the folder that `pretrain train --out` wrote policies into; it may be left out",
        ));
    }
    Ok(found)
}

fn collect(folder: &Path, name: &str, found: &mut Vec<(String, Manifest)>) -> Result<()> {
    let path = folder.join(FILE_NAME);
    if input::is_file(&path) {
        let json = input::read_text("read the manifest", &path)?;
        found.push((name.to_string(), Manifest::from_json(&json, &path)?));
    }
    let folders = input::list(folder)?.into_iter();
    for inner in folders.filter_map(|(path, is_folder)| is_folder.then_some(path)) {
        let last = inner
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let name = if name.is_empty() {
            last
        } else {
            format!("{name}/{last}")
        };
        collect(&inner, &name, found)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(method: &str) -> Manifest {
        let config =
            serde_json::json!({"method": method, "envs": 32, "rule": {"name": "fixed", "horizon": 10}});
        Manifest::new("metrics", "simulator run")
            .seed(3)
            .config(&config)
            .unwrap()
    }

    #[test]
    fn what_all_share_is_said_once() {
        let (a, b) = (manifest("a"), manifest("b"));
        let group = group("runs", &[("a", Some("f00"), Some(&a)), ("b", None, Some(&b))]);
        let shared: Vec<&str> = group.shared.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(shared, ["envs", "rule.horizon", "rule.name", "seed", "tool"]);
        assert_eq!(group.artifacts[1].own, [("method".to_string(), "b".to_string())]);
    }

    #[test]
    fn an_artifact_without_a_manifest_shares_nothing() {
        let a = manifest("a");
        let group = group("runs", &[("a", None, Some(&a)), ("b", None, None)]);
        assert!(group.shared.is_empty() && group.artifacts[1].manifest.is_none());
    }

    #[test]
    fn policies_are_named_by_their_folders() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            policies(folder.path())
                .unwrap_err()
                .to_string()
                .contains("--policies")
        );
        for name in ["ialp/seed-1", "bc/seed-0"] {
            manifest(name)
                .write_to_folder(&{
                    let path = folder.path().join(name);
                    std::fs::create_dir_all(&path).unwrap();
                    path
                })
                .unwrap();
        }
        let names: Vec<String> = policies(folder.path())
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["bc/seed-0", "ialp/seed-1"]);
    }
}
