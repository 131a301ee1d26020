//! The light online adapter: it acts by a policy that `pretrain` made, and learns from what comes back.
//!
//! The network is [`common::policy`]; `explore` draws actions with their exact propensities, `adapt` holds the strategies.
//! `live` is the state as a fold over events, `journal` keeps it on disk, `serve` puts it on HTTP, `replay` computes it
//! again; `experiment` holds several such states beside each other and compares them; `agent` speaks the step-frame protocol, `recommend` writes what many users would be shown to a file, `inspect` shows
//! a user's state to a person. `index` is for large catalogues; `bench` and `load` measure.
#![warn(missing_docs)]

pub mod adapt;
pub mod agent;
pub mod bench;
pub mod cli;
pub mod context;
pub mod experiment;
pub mod explore;
pub mod index;
pub mod inspect;
pub mod journal;
pub mod live;
pub mod load;
pub mod recommend;
pub mod replay;
pub mod run;
pub mod serve;
