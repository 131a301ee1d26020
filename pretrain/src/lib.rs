//! `pretrain`: policies from logs and from what a language model said about users and items.
//!
//! Behaviour cloning and iALP (an actor-critic trained offline on the language model's feedback) over one network:
//! item embeddings that start from traits, a GRU over the user's last interactions, an actor that scores the
//! catalogue and a critic. Each policy is one seed, one job and one thread; jobs run side by side.
#![warn(missing_docs)]

pub mod algorithms;
pub mod bench;
mod checkpoint;
pub mod cli;
pub mod data;
pub mod evaluate;
pub mod extend;
pub mod gate;
pub mod network;
pub mod optimizer;
pub mod reward;
pub mod run;
pub mod split;
pub mod threads;
pub mod train;
