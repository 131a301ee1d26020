//! The Parquet formats, one file each. Column names stand here and nowhere else.
//!
//! Every reader checks columns, types, nulls and values, and names file, column, row group and row of what is
//! wrong. Every writer goes through [`crate::atomic_file`] and puts a [`crate::manifest::Manifest`] in the footer.

pub mod at;
pub mod bad;
pub mod candidates;
mod checksums;
pub mod choices;
pub mod column;
pub mod consumed;
pub mod decisions;
pub mod events;
pub mod exposures;
pub mod file;
pub mod interactions;
pub mod items;
pub mod metrics;
mod pages;
pub mod parts;
pub mod pieces;
pub mod preferences;
pub mod profiles;
pub mod recommendations;
pub mod reliability;
pub mod replay;
pub mod rounds;
pub mod states;
pub(crate) mod stream;
pub mod summaries;
pub mod table;
pub mod times;
pub mod users;
pub(crate) mod write;

pub use write::RowGroups;
