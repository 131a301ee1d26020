//! One training method a file.

pub mod bc;
pub mod cal_ql;
pub mod cql;
mod curve;
pub mod ialp;
pub mod ialp_log;
pub mod logged;
mod q_learning;
mod rollout;
pub mod sa2c;
pub mod sqn;

pub use curve::{Curve, Point};

use common::policy_artifact::Weights;

/// What a training run gives.
pub struct Trained {
    /// The weights to release.
    pub weights: Weights,
    /// How it went.
    pub curve: Vec<Point>,
}

#[cfg(test)]
pub(crate) mod smoke;
