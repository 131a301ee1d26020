//! The one way to append to a file: what is synced stays, and a crash can only leave a torn end.
//!
//! [`crate::atomic_file`] replaces whole files; a log that must hold each line before it is answered cannot be written
//! anew each time. Such a file is made with its head at once, grows at its end, and is synced by its owner, who also
//! decides on opening how much of it is whole: what stands after that is cut off. It is for one writer at a time, whom
//! [`lock_folder`] keeps alone.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::{Error, Result, atomic_file, output};

/// A file that grows at its end.
#[derive(Debug)]
pub struct AppendFile {
    path: PathBuf,
    file: File,
}

impl AppendFile {
    /// Makes the file with `head` in it: on disk when this returns, and never there with a part of it.
    ///
    /// # Errors
    /// When there is such a file already, and on I/O failure.
    pub fn make(path: &Path, head: &[u8]) -> Result<Self> {
        output::on_this_machine(path, "a file that grows")?;
        if path.exists() {
            return Err(Error::data("the file exists already: it would be replaced").file(path));
        }
        atomic_file::write_bytes(path, head)?;
        Self::open(path, head.len() as u64)
    }

    /// Opens the file to append after its first `length` bytes; what stands after them is cut off.
    ///
    /// # Errors
    /// When it is missing or shorter, and on I/O failure.
    pub fn open(path: &Path, length: u64) -> Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(|e| Error::io(e, "open for appending", path))?;
        let found = file.metadata().map_err(|e| Error::io(e, "measure", path))?.len();
        if found < length {
            return Err(Error::data(format!("the file has {found} bytes, not {length}")).file(path));
        }
        if found > length {
            let cut = file.set_len(length).and_then(|()| file.sync_all());
            cut.map_err(|e| Error::io(e, "cut the torn end of", path))?;
        }
        Ok(AppendFile {
            path: path.to_path_buf(),
            file,
        })
    }

    /// Appends `bytes`; they are not on disk before [`AppendFile::sync`] returns.
    ///
    /// # Errors
    /// On I/O failure: a part of the bytes may stand in the file then, and nothing more should be appended.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes);
        written.map_err(|e| Error::io(e, "append to", &self.path))
    }

    /// Waits until all that was appended is on disk.
    ///
    /// # Errors
    /// On I/O failure: what was appended since the last success may be lost then, whatever a later call says, because
    /// the kernel reports a failed write once.
    pub fn sync(&mut self) -> Result<()> {
        let synced = self.file.sync_data();
        synced.map_err(|e| Error::io(e, "sync", &self.path))
    }
}

/// Locks a folder for one process until what is returned is dropped (or the process ends, however it ends). The lock is
/// advisory: it keeps out those who ask for it.
///
/// # Errors
/// When another process holds it, or there is no such folder.
pub fn lock_folder(folder: &Path) -> Result<File> {
    output::on_this_machine(folder, "a folder that is locked")?;
    let handle = File::open(folder).map_err(|e| Error::io(e, "open", folder))?;
    match handle.try_lock() {
        Ok(()) => Ok(handle),
        Err(TryLockError::WouldBlock) => Err(Error::retry("another process has this folder in use")
            .file(folder)
            .hint("stop that one first, or use another folder: two writers would destroy each other's work")),
        Err(TryLockError::Error(e)) => Err(Error::io(e, "lock", folder)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_there_and_a_torn_end_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = AppendFile::make(&path, b"head").unwrap();
        file.append(b"one").unwrap();
        file.sync().unwrap();
        file.append(b"torn").unwrap();
        drop(file);
        let mut file = AppendFile::open(&path, 7).unwrap();
        file.append(b"two").unwrap();
        file.sync().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"headonetwo");
    }

    #[test]
    fn a_file_that_exists_or_is_too_short_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        AppendFile::make(&path, b"head").unwrap();
        assert!(AppendFile::make(&path, b"other").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"head");
        let error = AppendFile::open(&path, 5).unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Data);
        assert!(AppendFile::open(&folder.path().join("none"), 0).is_err());
    }

    #[test]
    fn a_failed_write_is_an_error_that_a_retry_may_help() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            return;
        }
        let mut file = AppendFile::open(full, 0).unwrap();
        let error = file.append(b"more").unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Retry);
    }

    #[test]
    fn a_folder_is_locked_once() {
        let folder = tempfile::tempdir().unwrap();
        let lock = lock_folder(folder.path()).unwrap();
        let error = lock_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
        drop(lock);
        lock_folder(folder.path()).unwrap();
    }
}
