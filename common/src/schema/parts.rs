//! The Parquet files that a path stands for: a file, those of a folder at all levels below it, as Hive partitions are, or
//! those that a glob such as `log/*/part-*.parquet` matches.
//!
//! In a folder, names that begin with `.` or `_` are left out, as Spark, pyarrow and DuckDB do: what a tool or a copy keeps
//! beside the data (`_temporary`, `_SUCCESS`, `._part-0.parquet`, `.part-0.parquet.crc`, `_part-0.parquet`), or a file that
//! is still being written. A folder `_name=value` is a partition. Every folder and file counts once, however many links
//! lead to it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use crate::objects::Location;
use crate::{Error, Result};

/// The files of `path`, in the order of their paths.
///
/// # Errors
/// Where nothing is there, or a folder has no Parquet file.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if let Some(location) = Location::of(path)? {
        return objects(path, &location);
    }
    let kind = match std::fs::metadata(path) {
        Ok(kind) => kind,
        Err(_) if is_glob(path) => return matches(path),
        Err(e) => return Err(Error::io(e, "read", path)),
    };
    if !kind.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Found::default();
    found.folder(path)?;
    // What is there by itself comes before what a link leads to, so that its own name is the one that it is read under.
    while let Some(link) = found.links.pop_first() {
        found.entry(&link, true)?;
    }
    if found.files.is_empty() {
        return Err(nothing_in(path, found.left_out.as_deref()));
    }
    found.files.sort();
    Ok(found.files)
}

/// As [`files`], of objects.
fn objects(path: &Path, location: &Location) -> Result<Vec<PathBuf>> {
    if location.head()?.is_some() {
        return Ok(vec![path.to_path_buf()]);
    }
    if is_glob(path) && !location.is_folder()? {
        return matching_objects(path);
    }
    let listed = location.list()?;
    let is_data = |name: &&str| !name.split('/').any(is_left_out) && name.ends_with(".parquet");
    let names = listed.iter().map(|(name, _)| name.as_str());
    let mut found: Vec<PathBuf> = names
        .clone()
        .filter(is_data)
        .map(|name| path.join(name))
        .collect();
    found.sort();
    match names.clone().find(|name| name.split('/').any(is_left_out)) {
        _ if !found.is_empty() => Ok(found),
        Some(left_out) => Err(nothing_in(path, Some(&path.join(left_out)))),
        None if listed.is_empty() => Err(location.missing("read")),
        None => Err(nothing_in(path, None)),
    }
}

/// The objects that the glob `pattern` matches, in the order of their keys.
fn matching_objects(pattern: &Path) -> Result<Vec<PathBuf>> {
    let text = pattern.to_string_lossy();
    let glob = Pattern::new(&text).map_err(|e| Error::usage(format!("no valid glob: {e}")).file(pattern))?;
    // All below the last folder that is spelled out.
    let literal = text.split(['*', '?', '[']).next().unwrap_or_default();
    let above = PathBuf::from(literal.rsplit_once('/').map_or("", |(folder, _)| folder));
    let options = MatchOptions {
        require_literal_separator: true,
        ..MatchOptions::new()
    };
    let spelled: Vec<&str> = text.split('/').collect();
    let wanted = |name: &str| !is_left_out(name) || spelled.contains(&name);
    let below = Location::of(&above)?.map_or(Ok(Vec::new()), |location| location.list())?;
    let names = below.iter().map(|(name, _)| name);
    let names = names
        .filter(|name| name.split('/').all(wanted))
        .map(|name| above.join(name));
    let mut found: Vec<PathBuf> = names
        .filter(|name| glob.matches_path_with(name, options))
        .collect();
    found.sort();
    match found.is_empty() {
        true => Err(no_match(pattern)),
        false => Ok(found),
    }
}

fn nothing_in(folder: &Path, left_out: Option<&Path>) -> Error {
    let error = Error::usage("the folder holds no *.parquet file").file(folder);
    match left_out {
        None => error,
        Some(left_out) => error.hint(format!(
            "names that begin with `.` or `_` are left out, such as {}: rename them if they are data",
            left_out.display()
        )),
    }
}

fn no_match(pattern: &Path) -> Error {
    Error::usage("no such file, and no file that it matches as a glob")
        .file(pattern)
        .hint("give a Parquet file, a folder that holds some, or a glob in quotes such as 'log/*.parquet'")
}

fn is_glob(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// The files that the glob `pattern` matches, in the order of their paths.
fn matches(pattern: &Path) -> Result<Vec<PathBuf>> {
    let text = pattern
        .to_str()
        .ok_or_else(|| Error::usage("the path is not UTF-8").file(pattern))?;
    let paths = glob::glob(text).map_err(|e| Error::usage(format!("no valid glob: {e}")).file(pattern))?;
    // A name that the pattern spells out is wanted, whatever it begins with.
    let wanted = |part: Component<'_>| {
        let name = part.as_os_str().to_string_lossy();
        !is_left_out(&name) || pattern.components().any(|spelled| spelled == part)
    };
    let mut found = Found::default();
    for path in paths {
        let path = path.map_err(|e| Error::usage(format!("cannot read: {e}")).file(pattern))?;
        let mut names = path
            .components()
            .filter(|part| matches!(part, Component::Normal(_)));
        if names.all(wanted) && path.is_file() && found.is_new(&path)? {
            found.files.push(path);
        }
    }
    if found.files.is_empty() {
        return Err(no_match(pattern));
    }
    found.files.sort();
    Ok(found.files)
}

/// Whether a file or folder of this name is not data.
pub fn is_left_out(name: &str) -> bool {
    name.starts_with('.') || name.starts_with('_') && !name.contains('=')
}

#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    links: BTreeSet<PathBuf>,
    /// The true places of the files and folders that were seen.
    seen: BTreeSet<PathBuf>,
    left_out: Option<PathBuf>,
}

impl Found {
    fn folder(&mut self, folder: &Path) -> Result<()> {
        if !self.is_new(folder)? {
            return Ok(());
        }
        let failed = |e| Error::io(e, "list", folder);
        let entries = std::fs::read_dir(folder).map_err(failed)?;
        let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            if is_left_out(&entry.file_name().to_string_lossy()) {
                self.left_out.get_or_insert(path);
            } else if entry.file_type().map_err(failed)?.is_symlink() {
                self.links.insert(path);
            } else {
                self.entry(&path, false)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, link: bool) -> Result<()> {
        let is_parquet = path.extension().is_some_and(|extension| extension == "parquet");
        match std::fs::metadata(path) {
            Ok(kind) if kind.is_dir() => self.folder(path)?,
            Ok(_) if is_parquet && self.is_new(path)? => self.files.push(path.to_path_buf()),
            // Of a link that leads nowhere nothing is known but its name.
            Err(e) if is_parquet || !link => return Err(Error::io(e, "read", path)),
            _ => (),
        }
        Ok(())
    }

    fn is_new(&mut self, path: &Path) -> Result<bool> {
        let place = path.canonicalize().map_err(|e| Error::io(e, "read", path))?;
        Ok(self.seen.insert(place))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with these files, and their names as they are found.
    fn found(names: &[&str], links: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        for (target, name) in links {
            symlink(folder.path().join(target), folder.path().join(name)).unwrap();
        }
        let relative = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
        files(folder.path()).unwrap().into_iter().map(relative).collect()
    }

    #[test]
    fn files_of_all_levels_come_in_the_order_of_their_paths() {
        assert_eq!(
            found(
                &[
                    "b.parquet",
                    "a.parquet",
                    "day=2/c.parquet",
                    "_day=3/d.parquet",
                    "note.txt"
                ],
                &[]
            ),
            ["_day=3/d.parquet", "a.parquet", "b.parquet", "day=2/c.parquet"]
        );
    }

    #[test]
    fn a_glob_gives_what_it_matches_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "b.parquet",
            "a.parquet",
            "day=2/c.parquet",
            "_temporary/d.parquet",
            "_e.parquet",
            "[x].parquet",
        ];
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        symlink(folder.path().join("a.parquet"), folder.path().join("z.parquet")).unwrap();
        let matched = |pattern: &str| -> Vec<String> {
            let relative = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
            files(&folder.path().join(pattern))
                .unwrap()
                .into_iter()
                .map(relative)
                .collect()
        };
        assert_eq!(matched("?.parquet"), ["a.parquet", "b.parquet"]);
        assert_eq!(matched("*/*.parquet"), ["day=2/c.parquet"]);
        assert_eq!(matched("**/c.parquet"), ["day=2/c.parquet"]);
        // What is there by this name is not a glob; a name that is spelled out is wanted.
        for spelled in ["[x].parquet", "_e.parquet", "_temporary/*.parquet"] {
            assert_eq!(matched(spelled).len(), 1, "{spelled}");
        }
        for nothing in ["none*.parquet", "none.parquet"] {
            let path = folder.path().join(nothing);
            assert_eq!(files(&path).unwrap_err().class().code(), 2);
        }
    }

    #[test]
    fn what_is_no_data_is_left_out() {
        let names = [
            "a.parquet",
            "._a.parquet",
            ".part-1.parquet",
            "_part-1.parquet",
            "_temporary/0/task/a.parquet",
            ".hidden/a.parquet",
            "a.parquet.part",
            "_SUCCESS",
        ];
        assert_eq!(found(&names, &[]), ["a.parquet"]);
    }

    #[test]
    fn what_links_lead_to_counts_once() {
        let links = [
            ("", "self"),
            ("day=1", "day=1/again"),
            ("day=1/b.parquet", "a-link.parquet"),
            ("day=1", "a-folder"),
            ("nothing", "gone"),
        ];
        assert_eq!(
            found(&["a.parquet", "day=1/b.parquet"], &links),
            ["a.parquet", "day=1/b.parquet"]
        );
    }

    #[test]
    fn a_link_out_of_the_folder_is_followed() {
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("far.parquet"), b"").unwrap();
        let folder = tempfile::tempdir().unwrap();
        symlink(other.path(), folder.path().join("link")).unwrap();
        assert_eq!(
            files(folder.path()).unwrap(),
            [folder.path().join("link/far.parquet")]
        );
    }

    #[test]
    fn a_folder_of_what_is_left_out_says_so() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("_part-0.parquet"), b"").unwrap();
        let error = files(folder.path()).unwrap_err();
        assert_eq!(error.class().code(), 2);
        assert!(error.to_string().contains("_part-0.parquet"), "{error}");
    }
}
