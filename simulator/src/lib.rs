//! Recommendation environments made from real data, and the yardstick for policies that act in them.
//!
//! - [`import`] reads a dataset's published files and tells the log from what is held out;
//! - [`user_model`] fits who would like what, on the log and most of what was held out, and calibrates it;
//! - [`environment`] turns the user model into a vectorised environment with Gymnasium's conventions;
//! - [`fidelity`] measures the environment against held-out pairs that neither fit nor calibration saw;
//! - [`drive`] plays episodes against an agent process over step frames and writes metrics;
//! - [`report`] turns metrics into a table and a page.
#![warn(missing_docs)]

pub mod cli;
pub mod dataset;
pub mod drive;
pub mod environment;
pub mod fidelity;
pub mod import;
pub mod metric;
pub mod report;
pub mod sparse;
pub mod user_model;
