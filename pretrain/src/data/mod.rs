//! What training reads: the log as per-user sequences, user states, trait vectors.

mod answers;
mod consumed;
#[cfg(test)]
pub(crate) mod example;
mod inputs;
mod known_users;
mod likes;
mod log;
mod preferences;
mod profiles;
mod reading;
pub mod replay;
mod split;
mod states;
mod time_cut;
mod traits;

pub(crate) use consumed::WithoutFeedback;
pub use inputs::{Fingerprints, InputPaths};
pub(crate) use known_users::write_users;
pub(crate) use likes::LikeCounts;
pub use log::{Dataset, LogRead};
pub use preferences::Preference;
pub(crate) use profiles::mean_and_scale;
pub use reading::{Reading, ReplayFile};
pub(crate) use split::tail_start;
pub(crate) use time_cut::{Pass, TimeCut};
pub use traits::{TraitSource, Traits};

/// An item with its feedback: +1 liked, -1 not.
pub type Event = (u32, f32);

/// Interactions in a state, unless the states file holds longer ones.
pub const WINDOW: usize = 10;

/// The items of `events`, ascending, without repeats.
pub(crate) fn distinct(events: &[Event]) -> Vec<u32> {
    let mut items: Vec<u32> = events.iter().map(|(item, _)| *item).collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// The last `window` of `events`.
pub(crate) fn last(events: &[Event], window: usize) -> &[Event] {
    &events[events.len().saturating_sub(window)..]
}
