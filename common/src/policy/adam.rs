//! Adam (Kingma and Ba, ICLR 2015, algorithm 1) over all tensors, after a bound on the gradient's norm.

use crate::policy_artifact::{NetworkConfig, Weights};

/// Decay of the first moment.
const BETA1: f32 = 0.9;
/// Decay of the second moment.
const BETA2: f32 = 0.999;

/// The optimiser and its moments, which start at zero.
#[derive(Debug, Clone)]
pub struct Adam {
    learning_rate: f32,
    epsilon: f32,
    steps: i32,
    first: Weights,
    second: Weights,
}

impl Adam {
    /// An optimiser for networks of this size. `epsilon` is added to the root of the second moment: a weight whose
    /// gradients are far below it moves in proportion to them, and not by the full learning rate.
    pub fn new(config: &NetworkConfig, learning_rate: f32, epsilon: f32) -> Self {
        Adam {
            learning_rate,
            epsilon,
            steps: 0,
            first: Weights::zeros(config),
            second: Weights::zeros(config),
        }
    }

    /// Steps so far, and the first and second moments.
    pub fn moments(&self) -> (i32, &Weights, &Weights) {
        (self.steps, &self.first, &self.second)
    }

    /// Goes on from such steps and moments.
    pub fn resume(&mut self, steps: i32, first: Weights, second: Weights) {
        self.steps = steps;
        self.first = first;
        self.second = second;
    }

    /// One step down `gradient`.
    pub fn step(&mut self, weights: &mut Weights, gradient: &Weights) {
        self.steps = self.steps.saturating_add(1);
        let (first, second) = corrections(self.steps);
        let step = Step {
            scale: 1.0,
            rate: self.learning_rate * (1.0 / first) as f32,
            unbias: (1.0 / second) as f32,
            epsilon: self.epsilon,
        };
        let tensors = weights.tensors_mut().into_iter().zip(gradient.tensors());
        let moments = self
            .first
            .tensors_mut()
            .into_iter()
            .zip(self.second.tensors_mut());
        for ((weights, gradient), (first, second)) in tensors.zip(moments) {
            step.apply(weights, first, second, gradient);
        }
    }
}

/// What the first and the second moment, which start at zero, are of a steady gradient's after so many steps.
pub fn corrections(steps: i32) -> (f64, f64) {
    let share = |beta: f32| 1.0 - f64::from(beta).powi(steps);
    (share(BETA1), share(BETA2))
}

/// The numbers of one step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Factor of the gradient.
    pub scale: f32,
    /// Learning rate over the first of the [`corrections`].
    pub rate: f32,
    /// 1 over the second.
    pub unbias: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
}

impl Step {
    /// Moves weights `w` with their moments `m` and `v` down `gradient`.
    #[inline]
    pub fn apply(&self, w: &mut [f32], m: &mut [f32], v: &mut [f32], gradient: &[f32]) {
        for (((w, m), v), &g) in w.iter_mut().zip(m).zip(v).zip(gradient) {
            let g = g * self.scale;
            *m = BETA1 * *m + (1.0 - BETA1) * g;
            *v = BETA2 * *v + (1.0 - BETA2) * g * g;
            *w -= self.rate * *m / ((*v * self.unbias).sqrt() + self.epsilon);
        }
    }
}

/// Scales `gradient` down to `bound` where its Euclidean norm over all tensors is greater; the norm before.
pub fn clip_norm(gradient: &mut Weights, bound: f32) -> f32 {
    let squares: f64 = gradient
        .tensors()
        .iter()
        .map(|tensor| sum_of_squares(tensor))
        .sum();
    let norm = squares.sqrt() as f32;
    if norm > bound {
        let factor = bound / norm;
        for tensor in gradient.tensors_mut() {
            for g in tensor.iter_mut() {
                *g *= factor;
            }
        }
    }
    norm
}

fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sums = [0.0f64; 8];
    for chunk in values.chunks(8) {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> NetworkConfig {
        NetworkConfig {
            items: 2,
            dims: 1,
            hidden: 1,
            traits: 0,
            window: 10,
            encoder: crate::policy_artifact::Encoder::Gru,
        }
    }

    #[test]
    fn follows_the_algorithm() {
        let mut adam = Adam::new(&config(), 0.1, 1e-8);
        let mut weights = Weights::zeros(&config());
        let mut gradient = Weights::zeros(&config());
        let (mut w, mut m, mut v) = (0.0f64, 0.0f64, 0.0f64);
        for (step, g) in [0.5, -0.25, 2.0].into_iter().enumerate() {
            gradient.item_bias[1] = g;
            adam.step(&mut weights, &gradient);
            let (g, t) = (f64::from(g), step as i32 + 1);
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            w -= 0.1 * (m / (1.0 - 0.9f64.powi(t))) / ((v / (1.0 - 0.999f64.powi(t))).sqrt() + 1e-8);
            assert!((f64::from(weights.item_bias[1]) - w).abs() < 1e-6);
        }
        assert_eq!(weights.item_bias[0], 0.0);
    }

    #[test]
    fn the_norm_is_bounded_over_all_tensors_together() {
        let mut gradient = Weights::zeros(&config());
        gradient.item_bias[0] = 3.0;
        gradient.critic_b2[0] = 4.0;
        assert_eq!(clip_norm(&mut gradient, 10.0), 5.0);
        assert_eq!(gradient.item_bias[0], 3.0);
        assert_eq!(clip_norm(&mut gradient, 0.5), 5.0);
        assert!((gradient.item_bias[0] - 0.3).abs() < 1e-7 && (gradient.critic_b2[0] - 0.4).abs() < 1e-7);
    }
}
