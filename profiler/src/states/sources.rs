//! The Parquet files behind `--log`: a file, a folder (all levels below it, as Hive partitions), or a glob.

use std::path::{Component, Path, PathBuf};

use common::schema::parts;
use common::{Error, Result};

/// The files of `log`, in the order of their paths.
pub(crate) fn files(log: &Path) -> Result<Vec<PathBuf>> {
    if log.exists() {
        return parts::files(log);
    }
    let mut found = Vec::new();
    matches(log, &mut found)?;
    found.sort();
    if found.is_empty() {
        return Err(Error::usage("no such file, and no *.parquet file behind it")
            .file(log)
            .hint(
                "give a Parquet file, a folder that holds some, or a glob in quotes such as 'log/*.parquet'",
            ));
    }
    Ok(found)
}

fn matches(pattern: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let text = pattern
        .to_str()
        .ok_or_else(|| Error::usage("the path is not UTF-8").file(pattern))?;
    let paths = glob::glob(text).map_err(|e| Error::usage(format!("no valid glob: {e}")).file(pattern))?;
    // A name that the pattern spells out is wanted, whatever it begins with.
    let wanted = |part: Component<'_>| {
        let name = part.as_os_str().to_string_lossy();
        !parts::is_left_out(&name) || pattern.components().any(|spelled| spelled == part)
    };
    for path in paths {
        let path = path.map_err(|e| Error::usage(format!("cannot read: {e}")).file(pattern))?;
        let mut names = path
            .components()
            .filter(|part| matches!(part, Component::Normal(_)));
        if names.all(wanted) && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_a_glob_and_a_file_give_their_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "b.parquet",
            "a.parquet",
            "day=2/c.parquet",
            "_temporary/d.parquet",
            "_e.parquet",
            "note.txt",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let names = |log: &Path| -> Vec<String> {
            let relative = |p: &PathBuf| p.strip_prefix(folder.path()).unwrap().display().to_string();
            files(log).unwrap().iter().map(relative).collect()
        };
        assert_eq!(
            names(folder.path()),
            ["a.parquet", "b.parquet", "day=2/c.parquet"]
        );
        assert_eq!(
            names(&folder.path().join("*.parquet")),
            ["a.parquet", "b.parquet"]
        );
        assert_eq!(names(&folder.path().join("*/*.parquet")), ["day=2/c.parquet"]);
        for spelled in ["b.parquet", "_e.parquet", "_temporary/*.parquet"] {
            assert_eq!(names(&folder.path().join(spelled)).len(), 1, "{spelled}");
        }
    }

    #[test]
    fn nothing_there_is_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        for log in [
            folder.path().to_path_buf(),
            folder.path().join("none"),
            folder.path().join("*.parquet"),
        ] {
            assert_eq!(files(&log).unwrap_err().class().code(), 2);
        }
    }
}
