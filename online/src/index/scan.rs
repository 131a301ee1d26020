//! The switch between weighing all items and weighing a shortlist.

use serde::{Deserialize, Serialize};

/// Which items a decision weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scan {
    /// All: the distribution has every item of the catalogue
    Exact,
    /// The best by a copy of the catalogue of one byte a number: the distribution has these alone
    Quantised,
}

impl Scan {
    /// Items that a shortlist keeps unless another number is asked for.
    pub const KEEP: usize = 1024;

    /// How many of `items` to keep of a shortlist; none where all are weighed, which is so too where the shortlist
    /// would hold them all.
    pub fn keep(self, keep: usize, items: usize) -> Option<usize> {
        (self == Scan::Quantised && keep < items).then_some(keep)
    }
}
