//! Steps down a gradient, each block of numbers by its own measure: a step is the gradient over the root of the block's mean
//! squared norm so far, times a rate.
//!
//! This is Adam (Kingma and Ba, ICLR 2015) with one second moment for a block and no first: the steps do not depend on
//! the scale of rewards, but within a block they stay in proportion. Adam number by number gives an item that was
//! drawn once as a negative as large a step as one that was chosen and liked, and did worse.

use serde::{Deserialize, Serialize};

use super::Sparse;
use super::gradient::{Gradient, Sample};

/// Decay of the mean squares.
const DECAY: f64 = 0.999;
/// The largest gradient that counts, in roots of the mean square.
const LARGEST: f64 = 10.0;

/// The mean squared norm of a block's gradients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Scale {
    steps: u32,
    square: f64,
}

impl Scale {
    /// Takes in a squared norm; what the gradient is multiplied by for a step of size 1.
    fn factor(&mut self, squared: f32) -> f32 {
        let squared = f64::from(squared);
        self.steps = self.steps.saturating_add(1);
        self.square = DECAY * self.square + (1.0 - DECAY) * squared;
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let root = (self.square / (1.0 - DECAY.powi(steps))).sqrt();
        if root > 0.0 {
            (1.0 / root.max(squared.sqrt() / LARGEST)) as f32
        } else {
            0.0
        }
    }

    /// Whether the numbers are such as arise.
    fn is_sound(&self) -> bool {
        self.square.is_finite() && self.square >= 0.0
    }
}

/// The scales of all that is learnt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Optimiser {
    /// Of A.
    bend: Scale,
    /// Of the d_j of an event.
    rows: Scale,
    /// Of the b_j of an event.
    biases: Scale,
    /// Of v and v0.
    value: Scale,
}

impl Optimiser {
    /// One step down `gradient`, which [`Gradient::compute`] gave for `sample`.
    pub fn step(&mut self, sparse: &mut Sparse, gradient: &Gradient, sample: &Sample<'_>, rate: f32) {
        let norms = gradient.squares(sample);
        let value = rate * self.value.factor(norms.value) * gradient.at_value;
        for (weight, h) in sparse.value.iter_mut().zip(sample.state) {
            *weight -= value * h;
        }
        sparse.offset -= value;
        if gradient.at_logits.is_empty() {
            return;
        }
        let bend = rate * self.bend.factor(norms.bend);
        let columns = sparse.bend.chunks_exact_mut(sample.query.len());
        for (column, q) in columns.zip(sample.query) {
            let step = bend * q;
            for (a, at) in column.iter_mut().zip(&gradient.at_bent) {
                *a -= step * at;
            }
        }
        let rows = rate * self.rows.factor(norms.rows) * gradient.scale;
        let biases = rate * self.biases.factor(norms.biases);
        for &(place, at) in &gradient.at_logits {
            let step = rows * at;
            for (d, q) in sparse.rows.row_mut(place).iter_mut().zip(&gradient.bent) {
                *d -= step * q;
            }
            *sparse.rows.bias_mut(place) -= biases * at;
        }
    }

    /// Whether the numbers are such as arise.
    pub fn is_sound(&self) -> bool {
        [self.bend, self.rows, self.biases, self.value]
            .iter()
            .all(Scale::is_sound)
    }
}
