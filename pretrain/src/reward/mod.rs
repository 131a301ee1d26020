//! The reward model: how likely a user in some state takes up an item and likes it, from traits and the log.

mod calibration;
mod features;
mod fit;
mod logistic;
mod measure;

pub use features::Context;
pub use fit::{RewardFit, RewardModel};
