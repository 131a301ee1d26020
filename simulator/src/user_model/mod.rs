//! Who would take up and like what: a calibrated logistic factorisation of users and items.
//!
//! The logit of the probability that user u, who has not consumed item i in the log, takes i up and likes it (likes
//! it when shown, where the held-out ratings are of items shown at random) is
//!
//! ```text
//! z(u, i) = b_u + c_i + x_u . y_i        p(u, i) = sigmoid(g(z(u, i)))
//! ```
//!
//! after Johnson, Logistic Matrix Factorization for Implicit Feedback Data, 2014, with biases and vectors that
//! are sums of a free part and the parts of the row's features (Rendle, Factorization Machines, ICDM 2010).
//! `g` is the monotone [`calibrate::Calibration`]. Memory grows with users plus items, never with their product.

pub mod calibrate;
pub mod cells;
pub mod choose;
pub mod features;
pub mod fit;
mod levels;
mod optimiser;
mod samples;
mod side;
pub mod train;

use calibrate::Calibration;
use common::stats::dot;

/// The fitted model; vectors are row-major, one row a user or an item.
#[derive(Clone, Debug, PartialEq)]
pub struct UserModel {
    /// Length of the vectors.
    pub rank: usize,
    /// x: users times rank.
    pub user_vector: Vec<f32>,
    /// b: one per user; the intercept is in it.
    pub user_bias: Vec<f32>,
    /// y: items times rank.
    pub item_vector: Vec<f32>,
    /// c: one per item.
    pub item_bias: Vec<f32>,
    /// g.
    pub calibration: Calibration,
}

impl UserModel {
    /// How many users it knows.
    pub fn users(&self) -> usize {
        self.user_bias.len()
    }

    /// How many items it knows.
    pub fn items(&self) -> usize {
        self.item_bias.len()
    }

    /// x_u.
    pub fn user(&self, user: u32) -> &[f32] {
        &self.user_vector[user as usize * self.rank..][..self.rank]
    }

    /// y_i.
    pub fn item(&self, item: u32) -> &[f32] {
        &self.item_vector[item as usize * self.rank..][..self.rank]
    }

    /// z(u, i), before calibration.
    pub fn logit(&self, user: u32, item: u32) -> f32 {
        let product = dot(self.user(user), self.item(item));
        self.user_bias[user as usize] + self.item_bias[item as usize] + product
    }

    /// p(u, i), the calibrated probability of a like.
    pub fn probability(&self, user: u32, item: u32) -> f32 {
        self.probability_at(self.logit(user, item))
    }

    /// The calibrated probability of a like at the logit `z`; it rises with `z`.
    pub fn probability_at(&self, z: f32) -> f32 {
        sigmoid(self.calibration.apply(z))
    }
}

/// 1 / (1 + exp(-z)).
pub fn sigmoid(z: f32) -> f32 {
    1.0 / (1.0 + (-z).exp())
}
