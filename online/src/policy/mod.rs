//! The policy network in plain loops over `f32` slices: forward pass, loss, gradients and optimiser.
//!
//! The mathematics stands a second time in `pretrain`, on candle; a test of the workspace holds the two to each
//! other. Shapes and names of the tensors are [`common::policy_artifact::Weights`]'.

pub mod a2c;
pub mod adam;
pub mod distribution;
pub(crate) mod elementary;
mod encoder;
pub(crate) mod linear;
pub mod network;

pub use a2c::{Coefficients, Loss, Transition, a2c_gradients};
pub use adam::Adam;
pub use encoder::Context;
pub use network::{Forward, Network};

#[cfg(test)]
mod tests;
