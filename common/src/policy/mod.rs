//! What a policy artifact computes, in plain loops over `f32` slices: forward pass, distribution over items, loss,
//! gradients and optimiser.
//!
//! `online` acts and learns by it, `pretrain` measures policies by it and trains by its encoders; heads and losses stand there
//! a second time on candle, which differentiates many losses, and a test there holds the two to each other. Shapes and names
//! of the tensors are [`crate::policy_artifact::Weights`]'.

pub mod a2c;
pub mod adam;
pub mod distribution;
pub mod dropout;
pub mod elementary;
pub mod encoder;
pub mod history;
pub mod linear;
pub mod network;

pub use a2c::{Coefficients, Loss, Transition};
pub use adam::Adam;
pub use network::{Forward, Network, State};

#[cfg(test)]
mod tests;
