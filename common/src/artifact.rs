//! Whether an output is to be written, is done already, or would overwrite something else.

use std::path::Path;

use crate::manifest::Manifest;
use crate::schema::table;
use crate::{Error, Result, atomic_file, input, manifest, output, terminal};

/// What to do about an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// There is none yet, or `--overwrite` was given: write it.
    Write,
    /// The same run has written it already: nothing to do, exit code 0.
    AlreadyDone,
}

/// Compares the planned run with what stands at `output`, a Parquet file.
///
/// # Errors
/// Wrong usage, when something else stands there and `overwrite` is false, or no file can be written there.
pub fn plan(output: &Path, planned: &Manifest, overwrite: bool) -> Result<Plan> {
    let target = output::file(output)?;
    if overwrite {
        return Ok(Plan::Write);
    }
    let existing = match input::stands(&target)? {
        true => Some(table::read_manifest(&target).ok().flatten()),
        false => None,
    };
    compare(output, planned, existing)
}

/// As [`plan`], for a folder with a manifest and `files`.
///
/// # Errors
/// As [`plan`]; without `overwrite` where some of the files stand there without a manifest, which may be anybody's.
pub fn plan_folder(output: &Path, files: &[&str], planned: &Manifest, overwrite: bool) -> Result<Plan> {
    let target = output::folder(output)?;
    if overwrite {
        return Ok(Plan::Write);
    }
    let existing = match input::stands(&target.join(manifest::FILE_NAME))? {
        true => Some(Manifest::read_from_folder(&target, &planned.artifact).ok()),
        false => {
            let mut others = files.iter().map(|name| input::stands(&target.join(name)));
            let other = others.find(|stands| !matches!(stands, Ok(false)));
            other.transpose()?.map(|_| None)
        }
    };
    compare(output, planned, existing)
}

/// Writes `text`, which is cheap to make, unless `path` has it already; `else_found` says what stands there then.
///
/// # Errors
/// Wrong usage, when something else stands there and `overwrite` is false; I/O failures.
pub fn write_text(path: &Path, text: &str, else_found: &str, overwrite: bool) -> Result<()> {
    let target = output::file(path)?;
    if !overwrite && input::stands(&target)? {
        if input::read(&target)? == text.as_bytes() {
            terminal::info(&format!("{} is already done", path.display()));
            return Ok(());
        }
        return Err(Error::usage(format!("the output exists and {else_found}"))
            .file(path)
            .hint("choose another path for it, or pass --overwrite"));
    }
    atomic_file::write_bytes(&target, text.as_bytes())
}

/// `existing` is the manifest of what stands there, where it can be read.
fn compare(output: &Path, planned: &Manifest, existing: Option<Option<Manifest>>) -> Result<Plan> {
    match existing {
        None => Ok(Plan::Write),
        Some(Some(found)) if found.same_run(planned) => {
            terminal::info(&format!("{} is already done", output.display()));
            Ok(Plan::AlreadyDone)
        }
        Some(_) => Err(
            Error::usage("the output exists and was made by another run, or is damaged")
                .file(output)
                .hint("choose another --out, or pass --overwrite"),
        ),
    }
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
    use crate::schema::metrics;

    #[test]
    fn the_same_run_is_done_and_another_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let made = Manifest::new("policy", "pretrain train").seed(1);
        assert_eq!(
            plan_folder(&folder.path().join("none"), &["weights"], &made, false).unwrap(),
            Plan::Write
        );
        assert_eq!(
            plan_folder(folder.path(), &["weights"], &made, false).unwrap(),
            Plan::Write
        );
        made.write_to_folder(folder.path()).unwrap();
        assert_eq!(
            plan_folder(folder.path(), &["weights"], &made, false).unwrap(),
            Plan::AlreadyDone
        );
        let other = Manifest::new("policy", "pretrain train").seed(2);
        assert!(
            plan_folder(folder.path(), &["weights"], &other, false)
                .unwrap_err()
                .to_string()
                .contains("--overwrite")
        );
        assert_eq!(
            plan_folder(folder.path(), &["weights"], &other, true).unwrap(),
            Plan::Write
        );
    }

    #[test]
    fn files_without_a_manifest_may_be_anybodys() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("weights"), "precious").unwrap();
        let made = Manifest::new("policy", "pretrain train");
        let plan = |files: &[&str], overwrite| plan_folder(folder.path(), files, &made, overwrite);
        assert!(plan(&["weights"], false).is_err());
        assert_eq!(plan(&["weights"], true).unwrap(), Plan::Write);
        assert_eq!(plan(&["items"], false).unwrap(), Plan::Write);
    }

    #[test]
    fn outputs_of_one_run_are_done_when_all_are() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let made = Manifest::new("metrics", "simulator run").seed(1);
        metrics::write(&one, &made, &[]).unwrap();
        let both = || [(one.as_path(), &made), (other.as_path(), &made)];
        assert_eq!(plan_all(both(), false).unwrap(), Plan::Write);
        metrics::write(&other, &made, &[]).unwrap();
        assert_eq!(plan_all(both(), false).unwrap(), Plan::AlreadyDone);
    }
}
