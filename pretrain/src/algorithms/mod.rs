//! One training method a file.

pub mod bc;
mod curve;
pub mod ialp;

pub use curve::{Curve, Point};

use common::policy_artifact::Weights;

/// What a training run gives.
pub struct Trained {
    /// The weights to release.
    pub weights: Weights,
    /// How it went.
    pub curve: Vec<Point>,
}
