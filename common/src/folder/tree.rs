//! Whole folders of files: whose they are, moving and removing them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::atomic_file::{TEMPORARY, sync_folder};
use crate::{Error, Result, manifest};

pub(super) fn is_temporary(path: &str) -> bool {
    path.rsplit('/')
        .next()
        .is_some_and(|name| name.starts_with(TEMPORARY))
}

pub(super) fn is_own(own: &[String], path: &str) -> bool {
    let like = |name: &str, pattern: &str| match pattern.split_once('*') {
        Some((begin, end)) => {
            name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
        }
        None => name == pattern,
    };
    let matches = |pattern: &String| {
        path.split('/').count() == pattern.split('/').count()
            && path
                .split('/')
                .zip(pattern.split('/'))
                .all(|(name, pattern)| like(name, pattern))
    };
    is_temporary(path) || own.iter().any(matches)
}

/// The paths of all files below `folder`, links not followed; none where there is no folder.
pub(super) fn walk(folder: &Path) -> std::io::Result<Vec<String>> {
    fn visit(folder: &Path, before: &str, found: &mut Vec<String>) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // A name that is not UTF-8 is nobody's own, and moves with its folder.
            let path = format!("{before}{}", entry.file_name().to_string_lossy());
            match entry.file_type()?.is_dir() {
                true => visit(&entry.path(), &format!("{path}/"), found)?,
                false => found.push(path),
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    match folder.exists() {
        true => visit(folder, "", &mut found)?,
        false => return Ok(found),
    }
    found.sort();
    Ok(found)
}

/// Moves all in `from` to `to`, what stands there excepted; gives the paths that were moved. Folders that are empty then are
/// removed.
pub(super) fn merge(from: &Path, to: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut moved = Vec::new();
    let mut entries = fs::read_dir(from)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(|entry| (entry.file_name() == manifest::FILE_NAME, entry.file_name()));
    for entry in entries {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let name = PathBuf::from(entry.file_name());
        match fs::symlink_metadata(&target) {
            Err(_) => {
                fs::rename(&source, &target)?;
                moved.push(name);
            }
            Ok(found) if found.is_dir() && entry.file_type()?.is_dir() => {
                moved.extend(merge(&source, &target)?.into_iter().map(|below| name.join(below)));
                let _ = fs::remove_dir(&source);
            }
            Ok(_) => {}
        }
    }
    Ok(moved)
}

/// Syncs a folder and all folders below it; the files are synced where they are written.
pub(super) fn sync_tree(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|e| Error::io(e, "list", folder))? {
        let entry = entry.map_err(|e| Error::io(e, "list", folder))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sync_tree(&entry.path())?;
        }
    }
    sync_folder(folder)
}

pub(super) fn remove_all(path: &Path) -> std::io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        _ => fs::remove_file(path),
    };
    match removed {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
