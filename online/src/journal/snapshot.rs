//! The snapshot: the state and the pending decisions as they were after some record, so that recovery begins there.

use std::path::Path;

use common::{Error, Result, atomic_file};
use serde::{Deserialize, Serialize};

use super::{checked, missing};
use crate::experiment::{Apprentice, Arms};
use crate::live::Pending;

const MAGIC: [u8; 8] = *b"HsSnaps3";
/// Of releases without experiments: all but the last three fields.
const BEFORE: [u8; 8] = *b"HsSnaps2";

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
    /// [`crate::experiment::Arms::snapshot_of_experiment`].
    pub(super) experiment: Vec<u8>,
    /// Pending decisions of other arms than the reference: the request, and the arm.
    pub(super) arms: Vec<(u64, u16)>,
    /// `Apprentice::snapshot`.
    pub(super) apprentice: Vec<u8>,
}

#[derive(Deserialize)]
struct Before {
    position: u64,
    epoch: u32,
    state: Vec<u8>,
    pending: Vec<u8>,
}

impl Snapshot {
    /// What stands at `position`.
    pub(super) fn of(position: u64, state: &Arms, pending: &Pending, apprentice: &Apprentice) -> Self {
        Snapshot {
            position,
            epoch: state.epoch(),
            state: state.snapshot(),
            pending: pending.snapshot(),
            experiment: state.snapshot_of_experiment(),
            arms: pending.arms(),
            apprentice: apprentice.snapshot(),
        }
    }

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
        let Some(bytes) = missing::read(path)? else {
            return Ok(None);
        };
        if bytes.starts_with(&BEFORE) {
            let decoded = checked::decode(BEFORE, &bytes);
            let (before, _): (Before, _) = decoded.map_err(|e| damaged(e, path))?;
            return Ok(Some(Snapshot {
                position: before.position,
                epoch: before.epoch,
                state: before.state,
                pending: before.pending,
                experiment: Vec::new(),
                arms: Vec::new(),
                apprentice: Vec::new(),
            }));
        }
        let (snapshot, _) = checked::decode(MAGIC, &bytes).map_err(|e| damaged(e, path))?;
        Ok(Some(snapshot))
    }
}

/// `error` of the snapshot at `path`, which can be made anew.
pub(super) fn damaged(error: Error, path: &Path) -> Error {
    let state = path.parent().unwrap_or(Path::new("STATE"));
    error.file(path).hint(format!(
        "bring it back from a backup, or make it anew from the events: `online replay --repair --state {}`, which says what it costs",
        state.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_of_releases_without_experiments_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("snapshot");
        let written = (7_u64, 2_u32, vec![1_u8, 2], vec![3_u8]);
        atomic_file::write_bytes(&path, &checked::encode(BEFORE, &written).unwrap()).unwrap();
        let read = Snapshot::read(&path).unwrap().unwrap();
        assert_eq!(
            (read.position, read.epoch, &read.state[..], &read.pending[..]),
            (7, 2, &[1, 2][..], &[3][..])
        );
        assert!(read.experiment.is_empty() && read.arms.is_empty() && read.apprentice.is_empty());
        read.write(&path).unwrap();
        assert_eq!(Snapshot::read(&path).unwrap(), Some(read));
    }
}
