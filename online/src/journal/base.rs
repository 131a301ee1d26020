//! The base: the state that a replay begins with, once the policies that made it have gone.
//!
//! It is a snapshot at the begin of a segment: parts and exposures are either before it or after it.

use std::path::Path;

use common::{Result, atomic_file};
use serde::{Deserialize, Serialize};

use super::snapshot::Snapshot;
use super::{checked, missing};

const MAGIC: [u8; 8] = *b"HsBase01";

/// The state that a replay begins with.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Base {
    /// Of each arm that took part its number and the epoch of its policy.
    pub(super) serving: Vec<(u16, u32)>,
    /// The number of the next arm that joined: those below it that took part no more had left.
    pub(super) next_arm: u16,
    /// The state.
    pub(super) snapshot: Snapshot,
}

impl Base {
    /// Whether a replay that begins here needs the policy of an arm and an epoch no more.
    pub(super) fn stands_for(&self, arm: u16, epoch: u32) -> bool {
        let serving = self.serving.iter().find(|(number, _)| *number == arm);
        serving.map_or(arm < self.next_arm, |(_, serving)| epoch < *serving)
    }

    /// Writes it in the place of the last one, atomically.
    ///
    /// # Errors
    /// On I/O failure.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        atomic_file::write_bytes(path, &checked::encode(MAGIC, self)?)
    }

    /// Reads it; none where every policy is kept.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let Some(bytes) = missing::read(path)? else {
            return Ok(None);
        };
        let (base, _) = checked::decode(MAGIC, &bytes).map_err(|e| {
            e.file(path).hint("bring it back from a backup, or let `online serve --keep-policies` make a new one: a replay begins there then")
        })?;
        Ok(Some(base))
    }
}
