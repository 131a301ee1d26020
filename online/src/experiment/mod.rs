//! A/B experiments: several policies or strategies in one service, each with a share of the users.
//!
//! [`Arms`] is what serves: the reference and, in an experiment, further live states, each with its policy and its strategy. Users
//! are sticky (`assignment`). Every answer is applied to all arms: the one that decided learns from it, the others take note
//! of what their possible user has had, so that users who move between arms are known where they come. `tally` compares the
//! arms, with intervals that hold at all times. [`Turn`] is how an experiment changes; the journal keeps each, and what was
//! recommended by whom, so that all of it is rebuilt like the states. `apprentice` is the step before: the policy shows nothing and
//! learns from what another system showed.

mod apprentice;
mod arms;
mod assignment;
mod clusters;
mod tally;
mod turn;

pub use apprentice::{Lesson, Report};
pub use arms::Arms;
pub use tally::{Interval, Past, Standing};
pub use turn::{Change, Turn};

pub(crate) use apprentice::Apprentice;
pub(crate) use assignment::{PLACES, places_of};
