//! Recommendation environments made from real data, and the yardstick for policies that act in them.
//!
//! - [`import`] reads a dataset's published files and tells the log from what is held out;
//! - [`synthetic`] makes a dataset of any size with a known truth;
//! - [`user_model`] fits who would like what, on the log and most of what was held out, and calibrates it;
//! - [`environment`] turns the user model into a vectorised environment with Gymnasium's conventions;
//! - [`fidelity`] measures the environment against held-out pairs that neither fit nor calibration saw;
//! - [`drive`] plays episodes against an agent process over step frames and writes metrics;
//! - [`serve`] is the environment's end of step frames for learners, on stdin and stdout or a Unix socket;
//! - [`bench`] measures environment steps per second;
//! - [`report`] turns metrics into a table and a page.
#![warn(missing_docs)]

pub mod bench;
pub mod cli;
pub mod dataset;
pub mod drive;
pub mod environment;
pub mod fidelity;
pub mod import;
pub mod metric;
pub mod random_agent;
pub mod report;
pub mod serve;
pub mod sparse;
pub mod synthetic;
pub mod user_model;
