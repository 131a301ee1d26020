//! How items are drawn. Every draw comes with the exact probability it had, so that what is logged can be used for
//! off-policy estimates.

mod categorical;
mod plackett_luce;
mod slate;
mod uniform;

pub use categorical::Categorical;
pub use plackett_luce::{Draw, mixed_slate, slate};
pub use slate::{Shown, Slate};
pub use uniform::uniform_slate;
