//! Whether an output is to be written, is done already, or would overwrite something else.

use std::path::Path;

use crate::manifest::Manifest;
use crate::schema::table;
use crate::{Error, Result, manifest, terminal};

/// What to do about an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// There is none yet, or `--overwrite` was given: write it.
    Write,
    /// The same run has written it already: nothing to do, exit code 0.
    AlreadyDone,
}

/// Compares the planned run with what stands at `output` (a Parquet file, or a folder with a manifest).
///
/// # Errors
/// Wrong usage, when something else stands there and `overwrite` is false.
pub fn plan(output: &Path, planned: &Manifest, overwrite: bool) -> Result<Plan> {
    if overwrite || !output.exists() {
        return Ok(Plan::Write);
    }
    let existing = if output.is_dir() {
        if !output.join(manifest::FILE_NAME).exists() {
            // Files without a manifest are what a killed run leaves: the manifest is written last.
            return Ok(Plan::Write);
        }
        Manifest::read_from_folder(output, &planned.artifact).ok()
    } else {
        table::read_manifest(output).ok().flatten()
    };
    if existing.is_some_and(|found| found.same_run(planned)) {
        terminal::info(&format!("{} is already done", output.display()));
        return Ok(Plan::AlreadyDone);
    }
    Err(
        Error::usage("the output exists and was made by another run, or is damaged")
            .file(output)
            .hint("choose another --out, or pass --overwrite"),
    )
}

/// As [`plan`], for outputs that one run writes together: done already where all of them are.
///
/// # Errors
/// Wrong usage, when something else stands at one of them and `overwrite` is false.
pub fn plan_all<'a>(
    outputs: impl IntoIterator<Item = (&'a Path, &'a Manifest)>,
    overwrite: bool,
) -> Result<Plan> {
    let mut all = Plan::AlreadyDone;
    for (output, planned) in outputs {
        if plan(output, planned, overwrite)? == Plan::Write {
            all = Plan::Write;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_run_is_done_and_another_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let made = Manifest::new("policy", "pretrain train").seed(1);
        assert_eq!(
            plan(&folder.path().join("none"), &made, false).unwrap(),
            Plan::Write
        );
        assert_eq!(plan(folder.path(), &made, false).unwrap(), Plan::Write);
        made.write_to_folder(folder.path()).unwrap();
        assert_eq!(plan(folder.path(), &made, false).unwrap(), Plan::AlreadyDone);
        let other = Manifest::new("policy", "pretrain train").seed(2);
        assert!(
            plan(folder.path(), &other, false)
                .unwrap_err()
                .to_string()
                .contains("--overwrite")
        );
        assert_eq!(plan(folder.path(), &other, true).unwrap(), Plan::Write);
    }

    #[test]
    fn outputs_of_one_run_are_done_when_all_are() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let made = Manifest::new("policy", "pretrain train").seed(1);
        made.write_to_folder(&one).unwrap();
        let both = || [(one.as_path(), &made), (other.as_path(), &made)];
        assert_eq!(plan_all(both(), false).unwrap(), Plan::Write);
        made.write_to_folder(&other).unwrap();
        assert_eq!(plan_all(both(), false).unwrap(), Plan::AlreadyDone);
    }
}
