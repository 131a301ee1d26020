//! `pretrain`: policies from logs and from what a language model said about users and items.
//!
//! Methods one file each ([`algorithms`]) over one network: item embeddings that start from traits, an encoder of the
//! user's last interactions, an actor that scores the catalogue and a critic. The log is a replay that is read block by block
//! ([`data::replay`]); a reward model answers where no log does ([`reward`]); a run is checkpointed and goes on to the same
//! bytes ([`run`]). What comes out is held against a later log before it is released ([`evaluate`], [`gate`]).
#![warn(missing_docs)]

pub mod algorithms;
pub mod appeal;
pub mod bench;
mod checkpoint;
pub mod cli;
pub mod data;
pub mod estimate;
pub mod evaluate;
pub mod extend;
pub mod forecast;
pub mod gate;
pub(crate) mod network;
pub mod optimizer;
pub mod plain;
pub mod reward;
pub mod run;
pub mod split;
pub mod threads;
pub mod train;
