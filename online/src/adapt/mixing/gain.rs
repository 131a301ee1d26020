//! A weight for each state: how probable it is, by what has been seen, that the adapted policy is no better than the prior
//! there.
//!
//! The gains that single answers show (see `Evidence::gain`) are regressed on [1, h], h the frozen encoder's state, by
//! ridge regression, kept up by rank-one updates (Sherman and Morrison 1950). At a state the estimate has a standard
//! error, as in LinUCB and linear Thompson sampling (Li et al., WWW 2010; Agrawal and Goyal, ICML 2013), and
//! the prior's weight is P(gain <= 0) under the normal distribution they give: probability matching. Where little is known
//! both policies act. Composing a frozen and a learning policy state by state is policy expansion (PEX; Zhang, Xu and Yu, ICLR
//! 2023), which weighs them by values; what is added is the uncertainty.

use serde::{Deserialize, Serialize};

use crate::adapt::Reason;

/// The ridge: as much as that many answers at a state of length 1 say that the gain is 0.
const RIDGE: f64 = 10.0;
/// Answers after which what was seen counts 1/e: the adapted policy changes as it learns.
const MEMORY: f64 = 20_000.0;

/// The regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Gain {
    /// H + 1.
    width: usize,
    /// Inverse of ridge + sum of x x^T with x = [1, h], `[width, width]`.
    inverse: Vec<f64>,
    /// The gain is estimated as this times x.
    estimate: Vec<f64>,
    /// Answers, and the squared errors of the estimates made before each, both fading.
    count: f64,
    squares: f64,
}

impl Gain {
    pub(super) fn new(hidden: usize) -> Self {
        let width = hidden + 1;
        let mut inverse = vec![0.0; width * width];
        inverse
            .iter_mut()
            .step_by(width + 1)
            .for_each(|p| *p = 1.0 / RIDGE);
        Gain {
            width,
            inverse,
            estimate: vec![0.0; width],
            count: 0.0,
            squares: 0.0,
        }
    }

    pub(super) fn observe(&mut self, state: &[f32], gain: f64) {
        let error = gain - along(&self.estimate, state);
        let keep = 1.0 - 1.0 / MEMORY;
        self.count = keep * self.count + 1.0;
        self.squares = keep * self.squares + error * error;
        // What is never seen again must not fade without end: then its variance would grow without one.
        let trace: f64 = self.inverse.iter().step_by(self.width + 1).sum();
        let fade = if trace / keep <= self.width as f64 / RIDGE {
            1.0 / keep
        } else {
            1.0
        };
        let mut spread = self.spread(state);
        spread.iter_mut().for_each(|s| *s *= fade);
        let factor = 1.0 / (1.0 + along(&spread, state));
        for (row, &left) in self.inverse.chunks_exact_mut(self.width).zip(&spread) {
            let left = factor * left;
            for (p, right) in row.iter_mut().zip(&spread) {
                *p = fade * *p - left * right;
            }
        }
        for (estimate, s) in self.estimate.iter_mut().zip(&spread) {
            *estimate += factor * error * s;
        }
    }

    /// The prior's weight at a state.
    pub(super) fn weight(&self, state: &[f32]) -> f64 {
        let (gain, error) = self.at(state);
        if error > 0.0 {
            normal_below(-gain / error)
        } else {
            0.5
        }
    }

    /// The estimated gain at a state, and its standard error.
    fn at(&self, state: &[f32]) -> (f64, f64) {
        let variance = self.squares / self.count.max(1.0);
        let spread = along(&self.spread(state), state).max(0.0);
        (along(&self.estimate, state), (variance * spread).sqrt())
    }

    /// inverse * [1, state].
    fn spread(&self, state: &[f32]) -> Vec<f64> {
        let mut out = self.inverse[..self.width].to_vec();
        let rows = self.inverse.chunks_exact(self.width).skip(1);
        for (row, &h) in rows.zip(state) {
            let h = f64::from(h);
            for (o, p) in out.iter_mut().zip(row) {
                *o += h * p;
            }
        }
        out
    }

    pub(super) fn forget(&mut self) {
        *self = Gain::new(self.width - 1);
    }

    pub(super) fn reasons(&self, state: &[f32]) -> [Reason; 2] {
        let (gain, error) = self.at(state);
        let reason = |name, value, meaning: &str| Reason {
            name,
            value,
            meaning: meaning.into(),
        };
        [
            reason(
                "gain",
                gain,
                "how much more the adapted policy is estimated to earn than the prior in states like this",
            ),
            reason("gain_error", error, "the standard error of that estimate"),
        ]
    }

    /// Whether the numbers are finite and of the sizes of `other`.
    pub(super) fn is_sound(&self, other: &Gain) -> bool {
        let numbers = self.inverse.iter().chain(&self.estimate);
        self.width == other.width
            && self.inverse.len() == other.inverse.len()
            && self.estimate.len() == other.estimate.len()
            && numbers.chain([&self.count, &self.squares]).all(|x| x.is_finite())
    }
}

/// `direction` . [1, state].
fn along(direction: &[f64], state: &[f32]) -> f64 {
    let rest = direction[1..].iter().zip(state);
    direction[0] + rest.map(|(d, &h)| d * f64::from(h)).sum::<f64>()
}

/// The chance that a standard normal number is below `x`, by the logistic function (error below 0.01; Bowling et al., 2009).
fn normal_below(x: f64) -> f64 {
    1.0 / (1.0 + (-1.702 * x).exp())
}

#[cfg(test)]
mod tests {
    use common::rng::{RngExt, normal, stream};

    use super::*;

    /// A world in which the adapted policy is better where h > 0 and worse where h < 0.
    fn answers(gain: &mut Gain, count: usize, seed: u64) {
        let mut rng = stream(seed, "answers", &[]);
        for _ in 0..count {
            let h = if rng.random::<bool>() { 0.8 } else { -0.8 };
            gain.observe(&[h, 0.1], f64::from(0.3 * h + normal(&mut rng)));
        }
    }

    #[test]
    fn the_prior_acts_where_it_is_better_and_both_where_nobody_knows() {
        let mut gain = Gain::new(2);
        assert_eq!(gain.weight(&[0.8, 0.1]), 0.5);
        answers(&mut gain, 2000, 1);
        let (good, bad) = (gain.weight(&[0.8, 0.1]), gain.weight(&[-0.8, 0.1]));
        assert!(good < 0.05 && bad > 0.95, "{good} {bad}");
        // A direction that was never seen stays open.
        let (_, known) = gain.at(&[0.8, 0.1]);
        let (_, unknown) = gain.at(&[0.8, 5.0]);
        assert!(unknown > 5.0 * known, "{known} {unknown}");
    }

    #[test]
    fn the_updates_are_those_of_the_normal_equations() {
        let mut gain = Gain::new(1);
        let seen = [(0.5f32, 1.0f64), (-1.0, 0.5), (0.25, -2.0), (2.0, 1.5)];
        for (h, y) in seen {
            gain.observe(&[h], y);
        }
        // Weights fade by one over MEMORY, but the ridge does not here: the trace is at its bound before the first.
        let (mut a, mut b, mut c, mut p, mut q) = (RIDGE, 0.0, RIDGE, 0.0, 0.0);
        for (h, y) in seen {
            let h = f64::from(h);
            a += 1.0;
            b += h;
            c += h * h;
            p += y;
            q += h * y;
        }
        let det = a * c - b * b;
        let (first, second) = ((c * p - b * q) / det, (a * q - b * p) / det);
        assert!(
            (gain.estimate[0] - first).abs() < 1e-3,
            "{} {first}",
            gain.estimate[0]
        );
        assert!(
            (gain.estimate[1] - second).abs() < 1e-3,
            "{} {second}",
            gain.estimate[1]
        );
    }
}
