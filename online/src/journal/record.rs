//! What the journal holds.

use common::fingerprint::Fingerprint;
use serde::{Deserialize, Serialize};

use super::queue::Meaning;
use crate::live::{Decision, Event};

/// A record, in the order in which the state took it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Record {
    /// A process opened the state folder. It counts requests from `next_request`, which none before it has come to: not
    /// even those whose records a crash took, so that no answer to one of them can be taken for another's.
    Started {
        /// The number of its first request.
        next_request: u64,
    },
    /// Something was recommended; it waits for feedback.
    Recommended(Decision),
    /// Feedback came and was applied.
    Answered(Event),
    /// Another policy serves from here on.
    Swapped {
        /// Which, counted from 0.
        epoch: u32,
        /// Its fingerprint.
        policy: Fingerprint,
    },
}

impl Record {
    pub(super) fn meaning(&self) -> Meaning {
        match self {
            Record::Answered(_) => Meaning::Event,
            Record::Swapped { epoch, policy } => Meaning::Swap {
                epoch: *epoch,
                policy: policy.clone(),
            },
            Record::Started { .. } | Record::Recommended(_) => Meaning::Other,
        }
    }
}
