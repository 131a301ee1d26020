//! Another policy takes over in a live one, in memory and on disk.

use std::path::Path;
use std::sync::PoisonError;

use common::fingerprint::Fingerprint;
use common::{Error, Result};

use super::Record;
use super::durable::Durable;
use crate::experiment::Change;
use crate::live::{Carried, Successor};

/// A policy that has taken over.
#[derive(Debug, Clone)]
pub struct Swapped {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Its epoch, and what was carried over.
    pub carried: Carried,
}

impl Durable {
    /// Lets the policy at `source` take over in an arm (0: the reference), on disk too when this returns. It is copied, loaded and prepared while the
    /// old one serves. Blocks.
    ///
    /// # Errors
    /// A policy that cannot be loaded or does not fit: the old one goes on then. A journal that takes nothing more.
    pub fn swap(&self, arm: u16, source: &Path) -> Result<Swapped> {
        let _one = self.swapping.lock().unwrap_or_else(PoisonError::into_inner);
        let (present, epoch, settings) = {
            let arms = self.read()?;
            let state = arms.state(arm).ok_or_else(meanwhile)?;
            let next = state.epoch().checked_add(1);
            (
                state.catalogue().clone(),
                next.ok_or_else(|| Error::usage("there were more than 4 billion policies"))?,
                *state.settings(),
            )
        };
        let policy = self.folder.adopt(arm, source, epoch)?;
        let swapped = Successor::new(&present, policy, &settings)
            .and_then(|successor| self.hand_over(arm, successor))
            .map_err(|e| e.file(source));
        match swapped {
            Ok((swapped, lsn)) => {
                self.journal.wait(lsn)?;
                Ok(swapped)
            }
            Err(error) => {
                self.folder.disown(arm, epoch);
                Err(error)
            }
        }
    }

    fn hand_over(&self, arm: u16, successor: Successor) -> Result<(Swapped, u64)> {
        let mut arms = self.write()?;
        let mut pending = self.pending();
        self.journal.ready()?;
        let state = arms.state_mut(arm).ok_or_else(meanwhile)?;
        let carried = state.swap(successor, &mut pending)?;
        let (epoch, fingerprint) = (state.epoch(), state.policy().clone());
        let policy = fingerprint.clone();
        let mut lsn = 0;
        if arm == 0 {
            let policy = policy.clone();
            lsn = self.journal.append(&Record::Swapped { epoch, policy })?;
        }
        if arms.is_experiment() {
            let change = Change::Swapped { arm, epoch, policy };
            lsn = self.append_turn(change, &mut arms, &mut pending)?;
        }
        Ok((Swapped { fingerprint, carried }, lsn))
    }
}

pub(super) fn meanwhile() -> Error {
    Error::retry("the arm has left meanwhile")
}
