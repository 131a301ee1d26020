//! From interaction logs to what a language model reads in them.
//!
//! [`states`] turns a log into user states; [`traits`] reads, for every item and user state, the calibrated
//! log-odds of a small vocabulary of trait words from the logits of a model that llama.cpp runs; [`vocab`] proposes
//! such a vocabulary. [`candidates`] draws lists of items to ask about, and [`prefer`] scores them for users by the
//! model's probabilities. [`eval`] measures what traits and preferences tell of held-out likes, and [`mod@inspect`]
//! shows them to people.
//!
//! [`model`] checks, converts and loads models, [`prompt`] writes what they are asked, and [`batch`] takes many
//! prompts through one model: the shared beginning once, ragged ends in full batches, equal prompts once, finished
//! work cached, and the same bits for any number of workers.
#![warn(missing_docs)]

pub mod batch;
pub mod bench;
pub mod candidates;
pub mod cli;
pub mod eval;
pub mod inspect;
pub mod model;
pub mod prefer;
pub mod prepare;
pub mod profile;
pub mod prompt;
pub mod refine;
pub mod states;
pub mod subjects;
pub mod summarise;
pub mod traits;
pub mod vocab;
