//! Large catalogues: by what the items are scored at a decision.
//!
//! The exact scan reads every embedding, and from some ten thousand items on it waits for memory; [`Coarse`] scores the
//! same items by a copy of a quarter of the size.

mod coarse;
mod scan;

pub use coarse::Coarse;
pub use scan::Scan;
