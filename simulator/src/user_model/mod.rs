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

/// The fitted model; vectors are row-major, one row a user or an item.
#[derive(Clone, Debug, PartialEq)]
pub struct UserModel {
    /// Length of the vectors.
    pub rank: usize,
    /// x: users times rank.
    pub user_vector: Vec<f32>,
    /// b: one a user; the intercept is in it.
    pub user_bias: Vec<f32>,
    /// y: items times rank.
    pub item_vector: Vec<f32>,
    /// c: one an item.
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

/// The inner product of two vectors of one length, in eight interleaved sums so that it runs in SIMD lanes.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_eights, a_rest) = a.as_chunks::<8>();
    let (b_eights, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a_eights.iter().zip(b_eights) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// 1 / (1 + exp(-z)).
pub fn sigmoid(z: f32) -> f32 {
    1.0 / (1.0 + (-z).exp())
}
