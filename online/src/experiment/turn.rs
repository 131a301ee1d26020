//! How an experiment changes, as the journal keeps it. Each turn begins a period.

use common::fingerprint::Fingerprint;
use serde::{Deserialize, Serialize};

use super::assignment::PLACES;

/// A change, and the first request that comes after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The number of the first request after it.
    pub from_request: u64,
    /// What changes.
    pub change: Change,
}

/// What changes. Arms are named by their numbers: in order of joining, from 1 on, and never given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// An arm joins, with no user yet.
    Joined {
        /// Its number.
        arm: u16,
        /// Its policy.
        policy: Fingerprint,
        /// The experiment's seed, where it is the first.
        seed: u64,
    },
    /// Another policy takes over in an arm; of the reference, after the record of its swap.
    Swapped {
        /// The arm.
        arm: u16,
        /// Which policy of the arm, counted from 0.
        epoch: u32,
        /// Its fingerprint.
        policy: Fingerprint,
    },
    /// Shares are others from here on.
    Shares {
        /// The arms whose shares are told, in ten-thousandths; the reference has what is left.
        shares: Vec<(u16, u32)>,
        /// The arm that was shown to be worse, where that is why.
        stepped_back: Option<u16>,
    },
    /// An arm takes part no more.
    Left {
        /// The arm.
        arm: u16,
    },
}

impl Change {
    /// In words; `name` gives an arm's name.
    pub(super) fn told(&self, name: impl Fn(u16) -> String) -> String {
        match self {
            Change::Joined { arm, .. } => format!("{} joined", name(*arm)),
            Change::Swapped { arm, .. } => format!("another policy took over in {}", name(*arm)),
            Change::Shares {
                stepped_back: Some(arm),
                ..
            } => format!("{} was stepped back from: its interval lay below 0", name(*arm)),
            Change::Shares { shares, .. } => {
                let share = |(arm, places): &(u16, u32)| {
                    format!("{} {}", name(*arm), f64::from(*places) / f64::from(PLACES))
                };
                let shares: Vec<String> = shares.iter().map(share).collect();
                format!("shares were changed: {}", shares.join(", "))
            }
            Change::Left { arm } => format!("{} left", name(*arm)),
        }
    }
}
