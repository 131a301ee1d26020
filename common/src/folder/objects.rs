//! A folder of objects: written on this machine, then put one by one, the manifest last.
//!
//! No step swaps many objects. The manifest of the old folder goes first and that of the new one comes last: in between, and after
//! a kill, there is none, and a reader that requires one is told so.

use std::fs::{self, File};

use super::tree::{is_own, walk};
use super::{Staged, scratch};
use crate::objects::Location;
use crate::{Error, Result, atomic_file, manifest};

impl Staged {
    /// As [`Staged::begin`], of the folder of objects at `location`.
    pub(super) fn begin_objects(location: Location, own: &[&str]) -> Result<Self> {
        let scratch = scratch()?;
        let failed = |e| Error::io(e, "write in", scratch.path());
        let lock = File::open(scratch.path()).map_err(failed)?;
        Ok(Staged {
            target: location.url().to_path_buf(),
            staging: scratch.path().to_path_buf(),
            own: own.iter().map(ToString::to_string).collect(),
            swappable: true,
            published: false,
            objects: Some((location, scratch)),
            _lock: lock,
        })
    }

    /// Puts what is written at `location`, and removes what the old folder held of the tool's own besides.
    pub(super) fn put(&self, location: &Location) -> Result<()> {
        let own = self.own_of(&self.target);
        let old = location.list()?.into_iter().map(|(name, _)| name);
        let old: Vec<String> = old.filter(|name| is_own(&own, name)).collect();
        let mut new = walk(&self.staging).map_err(|e| Error::io(e, "list", &self.staging))?;
        new.sort_by_key(|name| name == manifest::FILE_NAME);
        if old.iter().any(|name| name == manifest::FILE_NAME) {
            location.below(manifest::FILE_NAME)?.remove()?;
        }
        for name in &new {
            atomic_file::put(&self.staging.join(name), &location.below(name)?)?;
        }
        for name in old.iter().filter(|name| !new.contains(name)) {
            location.below(name)?.remove()?;
        }
        fs::remove_dir_all(&self.staging).map_err(|e| Error::io(e, "remove", &self.staging))
    }
}
