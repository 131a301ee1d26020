//! How items are drawn. Every draw comes with the exact chance it had, so that what is logged can be used for
//! off-policy estimates.

mod deck;
mod plackett_luce;
mod slate;
mod uniform;

pub use deck::Deck;
pub use plackett_luce::{mixed_slate, slate};
pub use slate::{Shown, Slate};
pub use uniform::uniform_slate;
