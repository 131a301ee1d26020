//! A place for the parts of a job that several processes do together, on one machine or on many: a folder that all of them see,
//! or one of objects in a store.
//!
//! Objects have names with `/` in them, are written whole, and are never changed. Whoever creates an object first has made it;
//! that is the one step on which commits rest. A store of objects must honour preconditions for it: see [`Store::probe`].

use std::fs;
use std::path::{Path, PathBuf};

use crate::folder::{Scratch, scratch};
use crate::objects::Location;
use crate::{Error, Result, atomic_file, input};

/// A place for objects; see the module.
#[derive(Clone, Debug)]
pub struct Store {
    root: Root,
}

#[derive(Clone, Debug)]
enum Root {
    Folder(PathBuf),
    Objects(Location),
}

/// An object that a listing found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its name, below the place of the store.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// The object that [`Store::probe`] creates.
const PROBE: &str = ".probe";

/// An object as a file on this machine, for as long as this value lives.
#[derive(Debug)]
pub struct Local {
    path: PathBuf,
    /// What holds it, where the object was fetched.
    _fetched: Option<Scratch>,
}

impl Local {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes `folder` and those below it, where no file is in any of them.
fn remove_empty(folder: &Path) -> std::io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty(&entry.path())?;
        }
    }
    match fs::remove_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::DirectoryNotEmpty => Ok(()),
        outcome => outcome,
    }
}

impl Store {
    /// The store at `place`, which need not exist yet.
    ///
    /// # Errors
    /// Wrong usage, where something else than a folder stands there; a URL without a bucket or credentials.
    pub fn open(place: &Path) -> Result<Self> {
        let root = match Location::of(place)? {
            Some(location) => Root::Objects(location),
            None => Root::Folder(crate::output::folder(place)?),
        };
        Ok(Store { root })
    }

    /// The store below this one's folder `name`.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn below(&self, name: &str) -> Result<Self> {
        Store::open(&self.place(name))
    }

    /// Requires that of two who create one object the second is told so, which some stores that speak S3's protocol do not do:
    /// with them two processes would commit the same part. To be asked at the start of a job, before anything rests on it;
    /// `trusted` skips it, where that is known. In a folder it is so.
    ///
    /// # Errors
    /// Wrong usage, for a store that lets both; when it fails.
    pub fn probe(&self, trusted: bool) -> Result<()> {
        if trusted || matches!(self.root, Root::Folder(_)) {
            return Ok(());
        }
        // What a killed process left would be told from the store's own refusal by nobody: each asks with a name of its own.
        let name = format!("{PROBE}/{}", crate::objects::unique()?);
        let refused = self.create(&name, b"first")? && !self.create(&name, b"second")?;
        let kept = self.get(&name)?;
        self.remove(&name)?;
        match refused && kept.as_deref() == Some(b"first") {
            true => Ok(()),
            false => Err(Error::usage(
                "the store does not honour preconditions: of two who created one object both were told that they had, so that \
                 the work of one would be lost",
            )
            .file(self.place(""))
            .hint("use a store that takes `If-None-Match: *` (Amazon S3, MinIO, Google, Azure), or a folder that all see")),
        }
    }

    /// Creates the object `name`; false where there is one of that name already, which stays as it is.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn create(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        atomic_file::write_new(&self.place(name), bytes)
    }

    /// The bytes of the object `name`, if there is one.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match &self.root {
            Root::Folder(root) if root.join(name).exists() => input::read(&root.join(name)).map(Some),
            Root::Folder(_) => Ok(None),
            Root::Objects(root) => root.below(name)?.get(),
        }
    }

    /// The objects whose names begin with the folder `under` (without `/` at its end), in the order of their names.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn list(&self, under: &str) -> Result<Vec<Found>> {
        let root = match &self.root {
            Root::Folder(root) => root,
            Root::Objects(root) => {
                let (root, before) = match under {
                    "" => (root.clone(), String::new()),
                    _ => (root.below(under)?, format!("{under}/")),
                };
                let found = root.list()?.into_iter();
                let found = found.map(|(name, bytes)| Found {
                    name: format!("{before}{name}"),
                    bytes,
                });
                return Ok(found.collect());
            }
        };
        let mut found = Vec::new();
        let mut folders = vec![root.join(under)];
        while let Some(folder) = folders.pop() {
            let failed = |e| Error::io(e, "list", &folder);
            if !folder.exists() {
                continue;
            }
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let (path, about) = (entry.path(), entry.metadata().map_err(failed)?);
                match (about.is_dir(), path.strip_prefix(root)) {
                    (true, _) => folders.push(path),
                    (false, Ok(name)) if !atomic_file::is_temporary(&path) => found.push(Found {
                        name: name.to_string_lossy().into_owned(),
                        bytes: about.len(),
                    }),
                    _ => {}
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Removes the object `name`, where there is one.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn remove(&self, name: &str) -> Result<()> {
        match &self.root {
            Root::Folder(root) if root.join(name).exists() => atomic_file::remove(&root.join(name)),
            Root::Folder(_) => Ok(()),
            Root::Objects(root) => root.below(name)?.remove(),
        }
    }

    /// Puts the content of the file at `from` under `name`, which no other content has.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn put_file(&self, name: &str, from: &Path) -> Result<()> {
        atomic_file::copy(from, &self.place(name))
    }

    /// The object `name` as a file on this machine, if there is one.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn local(&self, name: &str) -> Result<Option<Local>> {
        let location = match &self.root {
            Root::Folder(root) => {
                let path = root.join(name);
                return Ok(path.exists().then_some(Local { path, _fetched: None }));
            }
            Root::Objects(root) => root.below(name)?,
        };
        if location.head()?.is_none() {
            return Ok(None);
        }
        let fetched = scratch()?;
        let path = fetched.path().join("object");
        atomic_file::copy(location.url(), &path)?;
        Ok(Some(Local {
            path,
            _fetched: Some(fetched),
        }))
    }

    /// Removes the place itself, where it is a folder and nothing is left in it but empty folders.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn remove_root(&self) -> Result<()> {
        match &self.root {
            Root::Folder(root) => remove_empty(root).map_err(|e| Error::io(e, "remove", root)),
            Root::Objects(_) => Ok(()),
        }
    }

    /// Where it is, for messages.
    pub fn place(&self, name: &str) -> PathBuf {
        match &self.root {
            Root::Folder(root) => root.join(name),
            Root::Objects(root) => root.url().join(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_creators_one_is_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("parts")).unwrap();
        for round in 0..20 {
            let name = format!("round/{round}");
            let create = |writer: usize| store.create(&name, writer.to_string().as_bytes()).unwrap();
            let won: Vec<usize> = std::thread::scope(|scope| {
                let writers: Vec<_> = (0..16).map(|w| (w, scope.spawn(move || create(w)))).collect();
                let won = writers
                    .into_iter()
                    .filter_map(|(w, thread)| thread.join().unwrap().then_some(w));
                won.collect()
            });
            assert_eq!(won.len(), 1);
            assert_eq!(store.get(&name).unwrap(), Some(won[0].to_string().into_bytes()));
        }
        assert_eq!(store.list("round").unwrap().len(), 20);
        store.remove("round/0").unwrap();
        store.remove("round/0").unwrap();
        assert_eq!(store.get("round/0").unwrap(), None);
        assert_eq!(store.list("round").unwrap().len(), 19);
        assert!(store.list("none").unwrap().is_empty());
    }
}
