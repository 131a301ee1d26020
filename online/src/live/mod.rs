//! A policy that serves users: what it decides, and how it lives on what comes back.
//!
//! The live [`State`] is a pure fold over answered [`Event`]s in the order in which they are applied. A [`Decision`] is a
//! pure function of that state, of what is asked, and of the number of the request; it carries every fact that its
//! feedback will need, so that feedback can come late, in any order, or from a disk. [`Pending`] keeps the latest decisions
//! until they are answered. Whoever keeps decisions and events can rebuild everything, to the byte.
//!
//! Deciding takes `&State`, applying `&mut State`: a server holds a read-write lock around it. [`Policy`] is all of it in
//! one value for a program with one thread.

mod as_context;
mod ask;
mod catalogue;
mod consumed;
mod decision;
mod extend;
mod feedback;
mod known;
mod pending;
mod policy;
mod settings;
mod shelf;
mod snapshot;
mod state;
mod swap;
#[cfg(test)]
mod tests;
mod transition;
mod users;
mod whom;

pub use ask::Ask;
pub use catalogue::Catalogue;
pub use decision::{Decision, Event, MOST_REWARD};
pub use extend::NewItem;
pub use feedback::{Feedback, Refusal, Subject, Taken};
pub use pending::Pending;
pub use policy::{Observed, Policy, Recommendation};
pub use settings::Settings;
pub use state::{Applied, State};
pub use swap::{Carried, Successor};

pub(crate) use extend::extended;
pub(crate) use whom::Whom;
