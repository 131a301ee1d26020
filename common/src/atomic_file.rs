//! The one way to write a file: temporary name in the same folder, fsync, rename, fsync the folder.
//!
//! The URL of an object is written to a temporary file of the system's, which is then put as one object: the store shows it
//! whole or not at all.
//!
//! A reader never sees half a file, and a failed write leaves what was there before. All tools write through
//! [`write`]; a tidy test checks that nothing else in the workspace creates files.
//!
//! A temporary file is locked while it is written: what a killed process left is told from what another one is writing by its
//! lock, and is removed at the next write in that folder.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use tempfile::{NamedTempFile, TempPath};

use crate::objects::Location;
use crate::output::{self, parent};
use crate::{Error, Result, input, terminal};

/// How the names of files and folders begin that are not whole yet, and how those of files end: no one else's do.
pub(crate) const TEMPORARY: &str = ".writing-";
const SUFFIX: &str = ".headstart";

/// Writes `path` by `fill`, atomically. Missing parent folders are made.
///
/// # Errors
/// Those of `fill`, and I/O failures with the path as place; the old content of `path` stays in either case.
pub fn write<T>(path: &Path, fill: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T>) -> Result<T> {
    let path = output::file(path)?;
    let path = path.as_path();
    if let Some(location) = Location::of(path)? {
        let failed = |e| Error::io(e, "write in", &std::env::temp_dir());
        let mut file = tempfile::tempfile().map_err(failed)?;
        let value = fill_buffered(&mut file, path, fill)?;
        location.put(&mut file)?;
        return Ok(value);
    }
    let (folder, mut temporary) = temporary_beside(path)?;
    let value = fill_buffered(temporary.as_file_mut(), path, fill)?;
    let (file, temporary) = temporary.into_parts();
    publish(&file, temporary, folder, path)?;
    Ok(value)
}

fn fill_buffered<T>(
    file: &mut File,
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T>,
) -> Result<T> {
    let mut buffered = BufWriter::with_capacity(1 << 16, file);
    let value = fill(&mut buffered)?;
    buffered.flush().map_err(|e| Error::io(e, "write", path))?;
    Ok(value)
}

/// Writes `bytes` to `path`, atomically.
///
/// # Errors
/// As [`write`].
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, |file| {
        file.write_all(bytes).map_err(|e| Error::io(e, "write", path))
    })
}

/// Writes `bytes` to `path` only where nothing stands there yet, in one step; false where something does, whoever of several
/// writers was first.
///
/// # Errors
/// I/O failures with the path as place.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<bool> {
    if let Some(location) = Location::of(path)? {
        return location.create(bytes);
    }
    let (folder, mut temporary) = temporary_beside(path)?;
    let written = temporary.write_all(bytes);
    written.map_err(|e| Error::io(e, "write", path))?;
    let (file, temporary) = temporary.into_parts();
    finish(&file, path)?;
    match temporary.persist_noclobber(path) {
        Ok(()) => sync_folder(folder).map(|()| true),
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(Error::io(e.error, "link to", path)),
    }
}

/// Gives `path` to `produce`, a library that insists on writing a path itself, under a temporary name in the
/// same folder; then syncs and renames like [`write`].
///
/// # Errors
/// As [`write`].
pub fn write_through(path: &Path, produce: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let path = output::file(path)?;
    let path = path.as_path();
    if let Some(location) = Location::of(path)? {
        let scratch = tempfile::tempdir().map_err(|e| Error::io(e, "write in", &std::env::temp_dir()))?;
        let made = scratch.path().join(path.file_name().unwrap_or_default());
        produce(&made).map_err(|e| e.moved(&made, path))?;
        return put(&made, &location);
    }
    let (folder, temporary) = temporary_beside(path)?;
    let (_locked, temporary) = temporary.into_parts();
    produce(&temporary).map_err(|failed| {
        // A library may not say that the disk was full: what is written next then tells.
        let more = File::options()
            .append(true)
            .open(&temporary)
            .and_then(|mut file| {
                file.write_all(&vec![0; 1 << 20])?;
                file.sync_all()
            });
        more.err().map_or(failed, |e| Error::io(e, "write", path))
    })?;
    let file = File::open(&temporary).map_err(|e| Error::io(e, "open", path))?;
    publish(&file, temporary, folder, path)
}

/// Copies the file at `from` to `path`, atomically.
///
/// # Errors
/// As [`write`], and when `from` cannot be read.
pub fn copy(from: &Path, path: &Path) -> Result<()> {
    let mut file = input::open(from)?;
    let mut piece = vec![0; 1 << 16];
    write(path, |copy| {
        loop {
            let length = file.read(&mut piece).map_err(|e| Error::io(e, "read", from))?;
            if length == 0 {
                return Ok(());
            }
            copy.write_all(&piece[..length])
                .map_err(|e| Error::io(e, "write", path))?;
        }
    })
}

/// Puts the finished file at `from` in place of the object at `location`.
pub(crate) fn put(from: &Path, location: &Location) -> Result<()> {
    location.put(&mut File::open(from).map_err(|e| Error::io(e, "open", from))?)
}

/// Moves the finished file at `from` to `path` in the same file system: synced, renamed, and the folder synced.
///
/// # Errors
/// I/O failures with the path as place; the old content of `path` stays.
pub fn move_to(from: &Path, path: &Path) -> Result<()> {
    let path = output::file(path)?;
    let path = path.as_path();
    if let Some(location) = Location::of(path)? {
        put(from, &location)?;
        return remove(from);
    }
    let file = File::open(from).map_err(|e| Error::io(e, "open", from))?;
    file.sync_all().map_err(|e| Error::io(e, "sync", from))?;
    std::fs::rename(from, path).map_err(|e| Error::io(e, "rename to", path))?;
    sync_folder(parent(path))
}

/// Removes the file; it does not come back after a crash.
///
/// # Errors
/// When there is none, and on I/O failure.
pub fn remove(path: &Path) -> Result<()> {
    if let Some(location) = Location::of(path)? {
        return location.remove();
    }
    std::fs::remove_file(path).map_err(|e| Error::io(e, "remove", path))?;
    sync_folder(parent(path))
}

/// A new temporary file in the folder of `path`, which is made where it is missing, and that folder.
fn temporary_beside(path: &Path) -> Result<(&Path, NamedTempFile)> {
    let folder = parent(path);
    std::fs::create_dir_all(folder).map_err(|e| Error::io(e, "make the folder", folder))?;
    remove_leftovers(folder);
    loop {
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .suffix(SUFFIX)
            .tempfile_in(folder)
            .map_err(|e| Error::io(e, "write in", folder))?;
        // A file system without locks keeps its leftovers: they are not told from what is being written.
        let _ = temporary.as_file().lock();
        // Another process may have taken it for a leftover before it was locked.
        if temporary.path().exists() {
            return Ok((folder, temporary));
        }
    }
}

/// Removes what killed processes left in `folder`, once in a process's life. A file that is locked is being written.
fn remove_leftovers(folder: &Path) {
    static SEEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let is_new = |mut seen: MutexGuard<'_, BTreeSet<PathBuf>>| seen.insert(folder.to_path_buf());
    if !SEEN.lock().is_ok_and(is_new) {
        return;
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_temporary(&entry.path())
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && File::open(entry.path()).is_ok_and(|file| {
                file.try_lock()
                    .is_ok_and(|()| std::fs::remove_file(entry.path()).is_ok())
            })
        {
            terminal::info(&format!(
                "{}: removed, a run that was killed had left it",
                entry.path().display()
            ));
        }
    }
}

/// Whether `path` is named as a file that is being written.
pub(crate) fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(TEMPORARY) && name.ends_with(SUFFIX)
}

/// Puts the finished file in its place: synced, renamed, and the folder synced.
fn publish(file: &File, temporary: TempPath, folder: &Path, path: &Path) -> Result<()> {
    finish(file, path)?;
    temporary
        .persist(path)
        .map_err(|e| Error::io(e.error, "rename to", path))?;
    sync_folder(folder)
}

/// The last that is done to a file before it gets its name, `path`.
fn finish(file: &File, path: &Path) -> Result<()> {
    readable_by_all(file).map_err(|e| Error::io(e, "set the mode of", path))?;
    file.sync_all().map_err(|e| Error::io(e, "sync", path))
}

/// Temporary files are private by default; results are for the whole team.
#[cfg(unix)]
fn readable_by_all(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_file: &File) -> std::io::Result<()> {
    Ok(())
}

pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(|e| Error::io(e, "sync the folder", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_content_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_bytes(&path, b"old").unwrap();
        let failed: Result<()> = write(&path, |file| {
            file.write_all(b"half").unwrap();
            Err(Error::retry("stopped"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        let names = [
            ".writing-dead.headstart",
            ".writing-live.headstart",
            ".writing-mine",
            "a.headstart",
        ];
        for name in names {
            std::fs::write(of(name), name).unwrap();
        }
        let live = File::open(of(names[1])).unwrap();
        live.lock().unwrap();
        write(&of("a.txt"), |file| {
            file.write_all(b"a").unwrap();
            // Another process looks while this one writes: a lock of the same process on another handle is no other.
            let entries = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().path());
            let locked = entries.filter(|path| File::open(path).unwrap().try_lock().is_err());
            assert_eq!(locked.count(), 2);
            Ok(())
        })
        .unwrap();
        assert!(!of(names[0]).exists());
        assert!(names[1..].iter().all(|name| of(name).exists()));
    }

    #[test]
    fn parents_are_made_and_content_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/a.txt");
        write_bytes(&path, b"one").unwrap();
        write_through(&path, |p| {
            std::fs::write(p, b"two").map_err(|e| Error::io(e, "write", p))
        })
        .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let other = folder.path().join("b.txt");
        write_bytes(&other, b"three").unwrap();
        move_to(&other, &path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert!(!other.exists());
    }
}
