//! From a dataset's published files to the common formats: log, items, users, and the held-out truth apart.
//!
//! One file a dataset, each with the function that imports it; `write` is what they share.

pub(crate) mod args;
mod bad_rows;
mod clean;
pub mod coat;
pub mod custom;
mod cut;
mod encoding;
mod entities;
pub mod industry;
mod json;
pub mod lfm;
mod lines;
pub mod movielens;
mod one_hot;
mod python_list;
mod split;
mod tsv;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::Result;
use common::bad_rows::MaxBad;
use common::fingerprint::Fingerprint;
use common::ids::Dictionary;
use common::manifest::Manifest;

use crate::dataset::{self, Unrated};
pub use cut::LogCut;
pub use split::Split;

use bad_rows::BadRow;

/// What every import of published files is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the published files.
    pub input: PathBuf,
    /// Folder of the imported dataset, see [`dataset::Layout`].
    pub out: PathBuf,
    /// Feedback of at least this is a like.
    pub like_threshold: f32,
    /// How much of the log is left.
    pub cut: LogCut,
    /// Bad rows that may be set aside.
    pub max_bad: MaxBad,
    /// Replace what another run has written.
    pub overwrite: bool,
}

/// The fingerprints of the published files `names` in `folder`, by name.
fn fingerprints(folder: &Path, names: &[&str]) -> Result<BTreeMap<String, Fingerprint>> {
    names
        .iter()
        .map(|name| {
            let found = Fingerprint::of_file(&folder.join(name)).map_err(|e| {
                e.hint(format!(
                    "--input must be the folder that holds {}",
                    names.join(", ")
                ))
            })?;
            Ok(((*name).to_string(), found))
        })
        .collect()
}

/// Adds an id to its dictionary and gives its code; a repeated one is a bad row.
fn add_id(ids: &mut Dictionary, id: &str, column: &str) -> Result<u32, BadRow> {
    if ids.code(id).is_some() {
        return Err(BadRow::new("repeated id", format!("the id {id} appears twice")).column(column));
    }
    Ok(ids.intern(id))
}

/// The code of an id that `file` must list; an unknown one is a bad row.
fn known_id(ids: &Dictionary, id: &str, column: &str, file: &str) -> Result<u32, BadRow> {
    ids.code(id).ok_or_else(|| {
        BadRow::new("unknown id", format!("the id {id} is not in {file}"))
            .column(column)
            .hint(format!("add it to {file}"))
    })
}

/// "1 tag", "2 tags".
fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The name that imports give their dataset, read back from a manifest; `custom` where there is none.
pub(crate) fn dataset_name(manifest: Option<&Manifest>) -> String {
    let named = manifest
        .and_then(|m| m.config.get("dataset"))
        .and_then(|name| name.as_str());
    named.unwrap_or(dataset::CUSTOM).to_string()
}

/// Whether the import has cut rows from the log, read back from a manifest.
pub(crate) fn is_cut(manifest: Option<&Manifest>) -> bool {
    manifest.is_some_and(|m| m.config.get("log_fraction").is_some())
}

/// What imports say of pairs in neither log nor truth, read back from a manifest.
pub(crate) fn unrated(manifest: Option<&Manifest>) -> Unrated {
    let said = manifest.and_then(|m| m.config.get("unrated"));
    said.and_then(|said| serde_json::from_value(said.clone()).ok())
        .unwrap_or_default()
}
