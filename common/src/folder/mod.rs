//! The one way to write a folder: whole beside its place, under a lock, and then swapped in.
//!
//! ```text
//! PARENT/
//!   NAME             the folder: the old one until the swap, the new one from then on
//!   .writing-NAME    the new one while it is written; after the swap, for a moment, the old one
//!   .replaced-NAME   the old one for a moment, where the file system cannot swap two folders in one step
//! ```
//!
//! `.writing-NAME` is also the lock: of two processes with one output the second is told so. Whatever happens (a full disk,
//! a kill) NAME is the whole old folder or the whole new one; what a killed process left beside it is cleared or put right by
//! the next that writes there. What the old folder held besides the tool's own files is carried over into the new one.
//!
//! A folder of objects in a store is written here and put there object by object, the manifest last: see [`objects`].
//!
//! A folder that cannot be swapped (a mount point, the working folder, one in a folder that may not be written) gets its
//! files one by one, the manifest last, and only where it holds no such output yet.

mod objects;
mod tree;

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use self::tree::{is_own, is_temporary, merge, remove_all, sync_tree, walk};
use crate::artifact::Plan;
use crate::atomic_file::sync_folder;
use crate::objects::Location;
use crate::output::{self, parent};
use crate::{Error, Result, manifest, terminal};

/// How the name of a folder begins that is written.
const WRITING: &str = ".writing-";
/// In a folder that is not whole yet: all in it is the writer's own.
const UNFINISHED: &str = ".unfinished";

/// A folder that is being written. Dropped before [`Staged::write`], it leaves no trace.
#[derive(Debug)]
pub struct Staged {
    /// Where it goes, links followed.
    target: PathBuf,
    /// Where it is written.
    staging: PathBuf,
    /// The tool's own files, see [`stage`].
    own: Vec<String>,
    swappable: bool,
    /// Whether it is in its place.
    published: bool,
    /// Where it goes in a store, and what holds its files until then.
    objects: Option<(Location, Scratch)>,
    /// Held while it is written.
    _lock: File,
}

/// Begins to write the folder at `out`, unless `plan` finds that there is nothing to do. `own` names all that such a folder
/// may hold, by their paths below it, in which a `*` stands for any part of a name. What else an old one holds is kept.
///
/// # Errors
/// Those of `plan`; an `out` that cannot be written, or is being written by another process.
pub fn stage(out: &Path, own: &[&str], plan: impl Fn() -> Result<Plan>) -> Result<Option<Staged>> {
    let target = output::folder(out)?;
    if plan()? == Plan::AlreadyDone {
        // A process that was killed right after the swap has left the old folder. Whoever writes there now clears it too.
        if fs::symlink_metadata(beside(&target, WRITING)).is_ok() {
            Staged::begin(out, own).ok();
        }
        return Ok(None);
    }
    let staged = Staged::begin(out, own)?;
    // What was found before the lock was taken may have changed.
    Ok((plan()? == Plan::Write).then_some(staged))
}

impl Staged {
    /// Begins to write the folder at `out`; see [`stage`].
    ///
    /// # Errors
    /// An `out` that cannot be written, cannot be replaced, or is being written by another process.
    pub fn begin(out: &Path, own: &[&str]) -> Result<Self> {
        let target = output::folder(out)?;
        if let Some(location) = Location::of(&target)? {
            return Self::begin_objects(location, own);
        }
        let failed = |e| Error::io(e, "make the folder", parent(&target));
        fs::create_dir_all(parent(&target)).map_err(failed)?;
        let (staging, replaced, swappable) = places(&target)?;
        let lock = lock(&staging, out)?;
        if let Ok(old) = fs::metadata(&target) {
            // Whoever works in the old one, and says so by a lock, keeps it.
            drop(lock_handle(&target, out)?);
            fs::set_permissions(&staging, old.permissions())
                .map_err(|e| Error::io(e, "write beside", out))?;
        }
        let staged = Staged {
            target,
            staging,
            own: own.iter().map(ToString::to_string).collect(),
            swappable,
            published: false,
            objects: None,
            _lock: lock,
        };
        staged.put_right(&replaced)?;
        if !swappable && staged.holds_own()? {
            return Err(Error::usage(
                "the folder holds such an output already and cannot be replaced as a whole: it is a mount point, the \
                 working folder, or in a folder that may not be written",
            )
            .file(out)
            .hint("write to a folder below it"));
        }
        File::create(staged.staging.join(UNFINISHED)).map_err(|e| Error::io(e, "write in", out))?;
        Ok(staged)
    }

    /// Lets `fill` write the folder's files below the path it gets, and puts the whole in its place.
    ///
    /// # Errors
    /// Those of `fill`, and I/O failures; the old folder stays whole then.
    pub fn write<T>(self, fill: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        // Errors name the place that was asked for.
        let value = fill(&self.staging).map_err(|e| e.moved(&self.staging, &self.target))?;
        self.publish()?;
        Ok(value)
    }

    /// Where its files are written.
    pub fn path(&self) -> &Path {
        &self.staging
    }

    /// Puts what is written in its place.
    ///
    /// # Errors
    /// On I/O failure; the old folder stays whole then.
    pub fn publish(mut self) -> Result<()> {
        if let Some((location, _)) = &self.objects {
            self.put(location)?;
            self.published = true;
            return Ok(());
        }
        let old = self.swap()?;
        self.published = true;
        match old {
            Some(_locked) => self.clear(&self.staging),
            None => Ok(()),
        }
    }

    /// Puts the new folder in its place; the old one, where there was one, is in that of the new one then, and locked.
    fn swap(&self) -> Result<Option<File>> {
        let failed = |e: std::io::Error| Error::io(e, "put the new folder in place at", &self.target);
        fs::remove_file(self.staging.join(UNFINISHED)).map_err(failed)?;
        sync_tree(&self.staging)?;
        if !self.swappable {
            return self.move_in().map(|()| None);
        }
        let old = match self.target.exists() {
            false => {
                // Over a folder that has files by now, a rename fails.
                fs::rename(&self.staging, &self.target).map_err(failed)?;
                None
            }
            true => {
                // Nobody is to take the old one for a new one that is not whole.
                let old = lock_handle(&self.target, &self.target)?;
                let flags = RenameFlags::EXCHANGE;
                match rustix::fs::renameat_with(CWD, &self.staging, CWD, &self.target, flags) {
                    Ok(()) => {}
                    Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                        self.swap_in_two_steps().map_err(failed)?;
                    }
                    Err(e) => return Err(failed(e.into())),
                }
                Some(old)
            }
        };
        sync_folder(parent(&self.target))?;
        Ok(old)
    }

    /// As the exchange, for file systems without it: for a moment the folder is not there, and a process that is killed then
    /// leaves the old one at `.replaced-NAME`, from where [`Staged::put_right`] takes it back.
    fn swap_in_two_steps(&self) -> std::io::Result<()> {
        let replaced = beside(&self.target, ".replaced-");
        fs::rename(&self.target, &replaced)?;
        if let Err(e) = fs::rename(&self.staging, &self.target) {
            fs::rename(&replaced, &self.target)?;
            return Err(e);
        }
        fs::rename(&replaced, &self.staging)
    }

    /// Puts right what a killed process left.
    fn put_right(&self, replaced: &Path) -> Result<()> {
        let failed =
            |e: std::io::Error| Error::io(e, "put right what a killed process left at", &self.target);
        if self.staging.join(UNFINISHED).exists() {
            for entry in fs::read_dir(&self.staging).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                // The mark goes last, with the folder.
                if !path.ends_with(UNFINISHED) {
                    remove_all(&path).map_err(failed)?;
                }
            }
        } else {
            self.empty(&self.staging)?;
        }
        if !self.swappable || fs::symlink_metadata(replaced).is_err() {
            return Ok(());
        }
        if self.target.exists() {
            return self.clear(replaced);
        }
        fs::rename(replaced, &self.target).map_err(failed)?;
        terminal::warn(&format!(
            "{} is back: a process was killed while it replaced the folder",
            self.target.display()
        ));
        Ok(())
    }

    /// Removes the replaced folder `old`: the tool's own files are deleted, all others moved to the new one.
    fn clear(&self, old: &Path) -> Result<()> {
        self.empty(old)?;
        match fs::remove_dir(old) {
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => {
                terminal::warn(&format!(
                    "{} holds files of the folder that was replaced which the new one has as well: they are left there",
                    old.display()
                ));
                Ok(())
            }
            removed => removed.map_err(|e| Error::io(e, "remove", old)),
        }
    }

    fn empty(&self, old: &Path) -> Result<()> {
        let own = self.own_of(old);
        let failed = |e: std::io::Error| Error::io(e, "remove what was replaced at", &self.target);
        // Its manifest goes last: it tells what is its own.
        for path in walk(old).map_err(failed)? {
            if is_own(&own, &path) && path != manifest::FILE_NAME {
                remove_all(&old.join(&path)).map_err(failed)?;
                for above in Path::new(&path).ancestors().skip(1) {
                    if above.as_os_str().is_empty() || fs::remove_dir(old.join(above)).is_err() {
                        break;
                    }
                }
            }
        }
        remove_all(&old.join(manifest::FILE_NAME)).map_err(failed)?;
        merge(old, &self.target).map(drop).map_err(failed)
    }

    /// Moves the files in one by one, the manifest last; all are taken back where one cannot be.
    fn move_in(&self) -> Result<()> {
        fs::create_dir_all(&self.target).map_err(|e| Error::io(e, "make the folder", &self.target))?;
        let failed = |e: std::io::Error| Error::io(e, "put the new files in", &self.target);
        let moved = merge(&self.staging, &self.target).map_err(failed)?;
        if walk(&self.staging).map_err(failed)?.is_empty() {
            fs::remove_dir_all(&self.staging).map_err(failed)?;
            return sync_folder(&self.target);
        }
        for path in moved {
            fs::rename(self.target.join(&path), self.staging.join(&path)).map_err(failed)?;
        }
        Err(
            Error::retry("the folder got files of the same names while the new ones were made")
                .file(&self.target),
        )
    }

    fn holds_own(&self) -> Result<bool> {
        let own = self.own_of(&self.target);
        let found = walk(&self.target).map_err(|e| Error::io(e, "list", &self.target))?;
        Ok(found.iter().any(|path| is_own(&own, path) && !is_temporary(path)))
    }

    /// The names of what is the tool's own in `folder`.
    fn own_of(&self, folder: &Path) -> Vec<String> {
        let mut own = self.own.clone();
        own.push(manifest::FILE_NAME.to_string());
        own.extend(manifest::listed(folder));
        own
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            // Where this fails, the next that writes there does it.
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

/// A new folder among the system's temporary ones, removed when it is dropped.
pub type Scratch = tempfile::TempDir;

/// Makes a [`Scratch`].
///
/// # Errors
/// On I/O failure.
pub fn scratch() -> Result<Scratch> {
    tempfile::Builder::new()
        .prefix("headstart-")
        .tempdir()
        .map_err(|e| Error::io(e, "make a folder in", &std::env::temp_dir()))
}

/// Where an interrupted swap has left the old folder of which nothing is at `folder`.
pub fn interrupted(folder: &Path) -> Option<PathBuf> {
    let replaced = beside(folder, ".replaced-");
    (fs::symlink_metadata(folder).is_err() && replaced.is_dir()).then_some(replaced)
}

/// Where a new `target` is written, where the old one goes, and whether the two can be swapped.
fn places(target: &Path) -> Result<(PathBuf, PathBuf, bool)> {
    let swappable = match fs::canonicalize(target) {
        Err(_) => true,
        Ok(whole) => {
            let within = std::env::current_dir().is_ok_and(|current| current.starts_with(&whole));
            whole.parent().is_some()
                && !within
                && !is_mount_point(&whole)
                && output::writable(parent(&whole)).is_ok()
        }
    };
    if swappable {
        return Ok((beside(target, WRITING), beside(target, ".replaced-"), true));
    }
    output::writable(target)?;
    Ok((target.join(".writing-this"), target.join(".replaced-this"), false))
}

fn beside(target: &Path, prefix: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(prefix);
    name.push(target.file_name().unwrap_or_default());
    parent(target).join(name)
}

#[cfg(target_os = "linux")]
fn is_mount_point(folder: &Path) -> bool {
    use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};
    let found = statx(CWD, folder, AtFlags::empty(), StatxFlags::empty());
    found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(not(target_os = "linux"))]
fn is_mount_point(folder: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    device(folder) != device(parent(folder))
}

/// Makes `staging` and locks it; errors name `out`.
fn lock(staging: &Path, out: &Path) -> Result<File> {
    loop {
        match fs::create_dir(staging) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(Error::io(e, "write beside", out)),
            _ => {}
        }
        let found = match fs::symlink_metadata(staging) {
            // The process that had it has just come to its end.
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            found => found.map_err(|e| Error::io(e, "write beside", out))?,
        };
        if !found.is_dir() {
            return Err(output::wrong_kind(&found, "a folder is to be made here").file(staging));
        }
        let handle = lock_handle(staging, out)?;
        let locked = handle.metadata().map_err(|e| Error::io(e, "lock", out))?;
        if fs::symlink_metadata(staging)
            .is_ok_and(|now| (now.dev(), now.ino()) == (locked.dev(), locked.ino()))
        {
            return Ok(handle);
        }
    }
}

fn lock_handle(folder: &Path, out: &Path) -> Result<File> {
    let handle = File::open(folder).map_err(|e| Error::io(e, "open", folder))?;
    match handle.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(
                Error::retry("another process is writing this folder, or has it in use")
                    .file(out)
                    .hint("wait for that one, or choose another folder"),
            );
        }
        Err(TryLockError::Error(e)) => terminal::warn(&format!(
            "{}: this file system has no locks ({e}): see that no other process writes there",
            out.display()
        )),
    }
    Ok(handle)
}

#[cfg(test)]
mod tests;
