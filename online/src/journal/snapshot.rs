//! The snapshot: the state and the pending decisions as they were after some record, so that recovery begins there.

use std::path::Path;

use common::{Result, atomic_file};
use serde::{Deserialize, Serialize};

use super::checked;

const MAGIC: [u8; 8] = *b"HsSnaps2";

/// State and pending decisions, and where in the journal they were.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// Records that it stands for: the number of the first that is to be taken after it.
    pub(super) position: u64,
    /// Which policy acted.
    pub(super) epoch: u32,
    /// [`crate::live::State::snapshot`].
    pub(super) state: Vec<u8>,
    /// [`crate::live::Pending::snapshot`].
    pub(super) pending: Vec<u8>,
}

impl Snapshot {
    /// Writes it in the place of the last one, atomically.
    ///
    /// # Errors
    /// On I/O failure.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        atomic_file::write_bytes(path, &checked::encode(MAGIC, self)?)
    }

    /// Reads it; none where none was written yet.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(common::Error::io(e, "read", path)),
        };
        let (snapshot, _) = checked::decode(MAGIC, &bytes).map_err(|e| e.file(path))?;
        Ok(Some(snapshot))
    }
}
