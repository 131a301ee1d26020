//! What a user's profile may look like, and how a language model is held to it.
//!
//! [`Profile`] is the product: JSON with fixed fields and bounded lengths. The model never writes freely and is
//! never corrected afterwards: text between the fields is given, [`Trie`]s read which words of the vocabulary
//! a field holds, and [`Alphabet`] lets through only the tokens that keep a text valid. [`gbnf`] says the same to
//! llama.cpp's own grammars.

mod alphabet;
mod gbnf;
mod profile;
mod trie;

pub use alphabet::{Alphabet, State};
pub use gbnf::gbnf;
pub(crate) use profile::Field;
pub use profile::{ABOUT, AVOIDS, LIKES, NEXT, Profile, VERSION};
pub(crate) use trie::Trie;
