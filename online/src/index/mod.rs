//! Large catalogues: which items a decision weighs at all.
//!
//! The exact scan weighs every item. From some hundred thousand items on it waits for memory; then a [`Shortlist`] finds the
//! items that matter in a copy of the catalogue of one byte a number, and they alone are weighed, exactly.

mod rescore;
mod scan;
mod shortlist;

pub use rescore::rescore;
pub use scan::Scan;
pub use shortlist::{Shortlist, Sieve};
