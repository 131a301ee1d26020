//! Another policy takes over in a live one, in memory and on disk.

use std::path::Path;
use std::sync::PoisonError;

use common::fingerprint::Fingerprint;
use common::{Error, Result};

use super::Record;
use super::durable::Durable;
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
    /// Lets the policy at `source` take over, on disk too when this returns. It is copied, loaded and prepared while the
    /// old one serves. Blocks.
    ///
    /// # Errors
    /// A policy that cannot be loaded or does not fit: the old one goes on then. A journal that takes nothing more.
    pub fn swap(&self, source: &Path) -> Result<Swapped> {
        let _one = self.swapping.lock().unwrap_or_else(PoisonError::into_inner);
        let (present, epoch) = {
            let state = self.read()?;
            let next = state.epoch().checked_add(1);
            (
                state.catalogue().clone(),
                next.ok_or_else(|| Error::usage("there were more than 4 billion policies"))?,
            )
        };
        let policy = self.folder.adopt(source, epoch)?;
        let swapped = Successor::new(&present, policy, self.folder.settings())
            .and_then(|successor| self.hand_over(successor))
            .map_err(|e| e.file(source));
        match swapped {
            Ok((swapped, lsn)) => {
                self.journal.wait(lsn)?;
                Ok(swapped)
            }
            Err(error) => {
                self.folder.disown(epoch);
                Err(error)
            }
        }
    }

    fn hand_over(&self, successor: Successor) -> Result<(Swapped, u64)> {
        let mut state = self.write()?;
        let mut pending = self.pending();
        self.journal.ready()?;
        let carried = state.swap(successor, &mut pending)?;
        let fingerprint = state.policy().clone();
        let record = Record::Swapped {
            epoch: state.epoch(),
            policy: fingerprint.clone(),
        };
        let lsn = self.journal.append(&record)?;
        Ok((Swapped { fingerprint, carried }, lsn))
    }
}
