//! Files and folders of a state that need not be there.

use std::path::{Path, PathBuf};

use common::{Error, Result};

/// A file's bytes; none where there is no such file.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(e, "read", path)),
    }
}

/// What is in a folder, in no order; nothing where there is no such folder.
///
/// # Errors
/// When it cannot be listed.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let paths = match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    };
    paths.map_err(|e| Error::io(e, "list", folder))
}
