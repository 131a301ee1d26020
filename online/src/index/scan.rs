//! The switch between exact and coarse scores.

use serde::{Deserialize, Serialize};

/// By what all items are scored at a decision. Either way the distribution has every item, and what is logged is the exact
/// probability that it gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scan {
    /// The embeddings as they are
    #[default]
    Exact,
    /// A copy of one byte a number, which is read in less time: for large catalogues
    Quantised,
}
