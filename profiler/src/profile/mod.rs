//! What a user's profile may look like, and how a language model is held to it.
//!
//! [`Profile`] is the product: JSON with fixed fields and bounded lengths. The model never writes freely and is
//! never corrected afterwards: text between the fields is given, and [`Trie`]s read which words of the vocabulary
//! a field holds.

mod fields;
mod trie;

pub(crate) use fields::Field;
pub use fields::{ABOUT, AVOIDS, LIKES, NEXT, Profile, VERSION};
pub(crate) use trie::Trie;
