//! What training reads: the log as per-user sequences, user states, trait vectors.

#[cfg(test)]
pub(crate) mod example;
mod inputs;
mod log;
mod profiles;
pub mod replay;
mod split;
mod time_cut;
mod traits;

pub use inputs::{Fingerprints, InputPaths};
pub use log::Dataset;
pub(crate) use split::tail_start;
pub use traits::{TraitSource, Traits};

/// An item with its feedback: +1 liked, -1 not.
pub type Event = (u32, f32);

/// Interactions in a state, unless the states file holds longer ones.
pub const WINDOW: usize = 10;

/// The last `window` of `events`.
pub(crate) fn last(events: &[Event], window: usize) -> &[Event] {
    &events[events.len().saturating_sub(window)..]
}
