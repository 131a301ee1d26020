//! Opening a live policy: its folder made or recovered, and its journal gone on with.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};

use common::artifact::Plan;
use common::{Error, Result, atomic_file, output, terminal};

use super::durable::Durable;
use super::keeper::Keeper;
use super::recover::Recovered;
use super::state_folder::StateFolder;
use super::{ArmConfig, Journal, Keeping, Record};
use crate::live::{Pending, Settings};

/// Requests that a process may number: so many are left out at each start.
pub(super) const REQUESTS_A_START: u64 = 1 << 40;

/// What to open, and how to keep it.
#[derive(Debug, Clone)]
pub struct OpenConfig {
    /// The state folder; made where there is none.
    pub state: PathBuf,
    /// The policy folder. Where the state exists and this policy never served in it, it takes over.
    pub policy: PathBuf,
    /// How to act and learn; where the state exists, its own.
    pub settings: Settings,
    /// When to compact.
    pub keeping: Keeping,
    /// How many of the latest decisions wait for their feedback.
    pub pending: usize,
    /// The arms of an experiment, beside the policy.
    pub arms: Vec<ArmConfig>,
}

impl Durable {
    /// Opens the state folder, or makes it, and recovers what is in it.
    ///
    /// # Errors
    /// A folder in use, damaged or of other settings; a policy that cannot be loaded or does not fit.
    pub fn open(config: &OpenConfig) -> Result<Arc<Self>> {
        let OpenConfig {
            state,
            policy,
            settings,
            keeping,
            pending,
            arms,
        } = config;
        output::on_this_machine(state, "a live state")?;
        if !StateFolder::exists(state) {
            let manifest = StateFolder::manifest("online serve", policy, settings)?;
            let plan = || match StateFolder::exists(state) {
                true => Ok(Plan::AlreadyDone),
                false => Ok(Plan::Write),
            };
            StateFolder::make(state, policy, settings, &manifest, plan, |_| Ok(()))?;
        }
        let folder = StateFolder::open(state)?;
        folder.require_settings(settings)?;
        let durable = Self::of_folder(folder, keeping, *pending)?;
        durable.take_over_if_new(0, policy)?;
        durable.arrange(arms, settings.seed)?;
        Keeper::start(&durable)?;
        Ok(durable)
    }

    /// Recovers the state of a folder that is open for writing, and goes on in its journal.
    pub(crate) fn of_folder(folder: StateFolder, keeping: &Keeping, capacity: usize) -> Result<Arc<Self>> {
        let Recovered {
            state,
            mut pending,
            apprentice,
            torn,
            tip,
            empty,
        } = folder.recover(capacity)?;
        if torn > 0 {
            terminal::warn(&format!(
                "{torn} bytes at the end of the journal were torn by a crash and are cut off: nothing that was acknowledged is in them"
            ));
        }
        if let Some(empty) = empty {
            atomic_file::remove(&empty)?;
        }
        let journal = Journal::open(&folder.journal(), tip, keeping)?;
        let next_request = first_request(&pending)?;
        let record = Record::Started { next_request };
        pending.count_from(next_request);
        // Before any of these numbers is told to anyone.
        journal.wait(journal.append(&record)?)?;
        Ok(Arc::new(Durable {
            folder,
            keeping: *keeping,
            state: RwLock::new(state),
            pending: Mutex::new(pending),
            apprentice: Mutex::new(apprentice),
            next_request: AtomicU64::new(next_request),
            journal,
            swapping: Mutex::new(()),
            changing_items: Mutex::new(()),
            keeper: Keeper::default(),
        }))
    }
}

/// The number of a start's first request: so far above the last known one that no process before can have come to it,
/// and at the same place in the ring, so that the oldest decisions are forgotten first.
fn first_request(pending: &Pending) -> Result<u64> {
    let capacity = pending.capacity() as u64;
    let gap = REQUESTS_A_START.next_multiple_of(capacity);
    let first = pending.next_request().checked_add(gap);
    first.ok_or_else(|| Error::usage("the numbers of requests are used up"))
}
