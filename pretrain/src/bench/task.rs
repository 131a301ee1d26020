//! What one process measures.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How updates are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Episodes played against the reward model, and A2C of them: `ialp`.
    A2c,
    /// Behaviour cloning.
    Bc,
}

/// One measurement. It stands on the standard input of the process that makes it, as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Task {
    /// What its row is called.
    pub(super) what: String,
    pub(super) log: PathBuf,
    pub(super) like_threshold: Option<f32>,
    /// An empty folder of the process.
    pub(super) scratch: PathBuf,
    pub(super) kind: Kind,
    /// Items that an update scores; none: the whole catalogue.
    pub(super) negatives: Option<usize>,
    /// Updates between two readings of the clock.
    pub(super) updates: u64,
    /// How often that is measured, after once to warm up.
    pub(super) runs: usize,
    pub(super) workers: usize,
    /// Policies trained side by side.
    pub(super) copies: u64,
    /// Time trainings from their beginning to their end instead: all copies of one measurement as one.
    pub(super) whole: bool,
    pub(super) seed: u64,
}
