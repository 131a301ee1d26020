//! What the Headstart tools share: data formats and the few habits that must be the same everywhere.
//!
//! `profiler`, `pretrain`, `online` and `simulator` never depend on each other. They meet in the formats of
//! [`schema`], the step frames of [`frame`] and the [`policy_artifact`], whose meaning is [`policy`]; nothing outside this crate knows a
//! column name, a file layout or a manifest key.
#![warn(missing_docs)]

pub mod append_file;
pub mod artifact;
pub mod atomic_file;
pub mod bad_rows;
pub mod bench;
pub mod cli;
mod convert;
pub mod error;
pub mod fence;
pub mod fingerprint;
pub mod folder;
pub mod frame;
pub mod groups;
pub mod ids;
pub mod input;
pub mod logs;
pub mod manifest;
mod objects;
pub mod output;
pub mod parallel;
pub mod policy;
pub mod policy_artifact;
pub mod rng;
pub mod schema;
pub mod shards;
pub mod socket;
pub mod stats;
pub mod store;
pub mod tensors;
pub mod terminal;

pub use error::{Error, Result, shown};
