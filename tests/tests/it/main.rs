//! The end-to-end tests, and the tidy tests of the invariants in ARCHITECTURE.md, in one binary: it is linked once.

mod bad_input;
mod cluster;
mod dist;
mod experiments;
mod first_day;
mod layouts;
mod objects;
mod objects_pipeline;
mod odd_paths;
mod output;
mod pipeline;
mod shards;
mod tidy;
mod whole_folders;
