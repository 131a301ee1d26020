//! The reward model: how likely a user in some state takes up an item and likes it, from traits and the log, and how
//! sure that is.

mod calibration;
mod evidence;
mod features;
mod fit;
mod folds;
mod gamma;
mod logistic;
mod matrix;
mod measure;
mod model;
mod pairs;
mod reliability;

pub use features::Context;
pub use measure::RewardFit;
pub use model::{Prediction, RewardConfig, RewardModel};
