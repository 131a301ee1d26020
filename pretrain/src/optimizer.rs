//! Adam, with its moments in plain sight.

use common::policy_artifact::{NetworkConfig, Weights};
use common::{Error, Result};

/// Settings of [`Adam`].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct AdamConfig {
    /// Decay of the first moment.
    pub beta_1: f32,
    /// Decay of the second moment.
    pub beta_2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// The gradient's Euclidean norm over all tensors is scaled down to this where it is larger.
    pub clip_norm: f32,
}

impl Default for AdamConfig {
    /// The usual decays, the gradient's norm clipped at 1.
    fn default() -> Self {
        AdamConfig {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            clip_norm: 1.0,
        }
    }
}

/// A linear schedule: 1 at the first of `steps`, 1 / steps at the last; `step` counts from 1.
pub fn decay(step: u64, steps: u64) -> f32 {
    (1.0 - (step - 1) as f64 / steps as f64) as f32
}

/// Adam (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1) over all tensors of a network.
pub struct Adam {
    config: AdamConfig,
    /// First moments, shaped as the weights.
    pub first: Weights,
    /// Second moments, shaped as the weights.
    pub second: Weights,
    /// Steps done.
    pub steps: u64,
}

impl Adam {
    /// Moments zero.
    pub fn new(config: AdamConfig, network: &NetworkConfig) -> Self {
        Adam {
            config,
            first: Weights::zeros(network),
            second: Weights::zeros(network),
            steps: 0,
        }
    }

    /// Moves `weights` against `gradient` with step size `learning_rate`.
    ///
    /// # Errors
    /// When the gradient, or a weight after the step, is not finite; the weights are left as they were.
    pub fn step(
        &mut self,
        network: &NetworkConfig,
        weights: &mut Weights,
        gradient: &Weights,
        learning_rate: f32,
    ) -> Result<()> {
        let diverged = |what: &str, name: &str| {
            Error::usage(format!(
                "training diverged: the {what} `{name}` is no longer finite"
            ))
            .at(format!("step {}", self.steps))
            .hint("lower --lr")
        };
        if let Some(name) = gradient.not_finite(network) {
            return Err(diverged("gradient of", &name));
        }
        let squares = gradient
            .tensors()
            .into_iter()
            .flatten()
            .map(|&g| f64::from(g) * f64::from(g));
        let norm = squares.sum::<f64>().sqrt() as f32;
        let scale = if norm > self.config.clip_norm {
            self.config.clip_norm / norm
        } else {
            1.0
        };
        let AdamConfig {
            beta_1,
            beta_2,
            epsilon,
            ..
        } = self.config;
        let steps = self.steps + 1;
        let power = |beta: f32| 1.0 - f64::from(beta).powi(i32::try_from(steps).unwrap_or(i32::MAX));
        let rate = (f64::from(learning_rate) / power(beta_1)) as f32;
        let unbias = (1.0 / power(beta_2)) as f32;
        let mut moved = weights.clone();
        let (mut first, mut second) = (self.first.clone(), self.second.clone());
        let tensors = moved
            .tensors_mut()
            .into_iter()
            .zip(first.tensors_mut())
            .zip(second.tensors_mut());
        for (((w, m), v), g) in tensors.zip(gradient.tensors()) {
            for (((w, m), v), &g) in w.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()).zip(g) {
                let g = g * scale;
                *m = beta_1 * *m + (1.0 - beta_1) * g;
                *v = beta_2 * *v + (1.0 - beta_2) * g * g;
                *w -= rate * *m / ((*v * unbias).sqrt() + epsilon);
            }
        }
        if let Some(name) = moved.not_finite(network) {
            return Err(diverged("tensor", &name));
        }
        (*weights, self.first, self.second, self.steps) = (moved, first, second, steps);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: NetworkConfig = NetworkConfig {
        items: 2,
        dims: 1,
        hidden: 1,
        traits: 0,
        window: 1,
        encoder: common::policy_artifact::Encoder::Gru,
    };

    fn adam() -> Adam {
        Adam::new(
            AdamConfig {
                clip_norm: f32::INFINITY,
                ..AdamConfig::default()
            },
            &NETWORK,
        )
    }

    /// Two steps with gradients 0.5 and -0.2, by algorithm 1 of the paper.
    #[test]
    fn two_steps_by_hand() {
        let mut adam = adam();
        let mut weights = Weights::zeros(&NETWORK);
        let mut gradient = Weights::zeros(&NETWORK);
        gradient.item_bias[1] = 0.5;
        adam.step(&NETWORK, &mut weights, &gradient, 0.1).unwrap();
        assert!(
            (weights.item_bias[1] + 0.1).abs() < 1e-6,
            "the first step has the size of the learning rate"
        );
        gradient.item_bias[1] = -0.2;
        adam.step(&NETWORK, &mut weights, &gradient, 0.1).unwrap();
        let m = 0.9 * 0.05 + 0.1 * -0.2_f64;
        let v = 0.999 * 0.00025 + 0.001 * 0.04_f64;
        let step = 0.1 * (m / 0.19) / ((v / (1.0 - 0.999 * 0.999)).sqrt() + 1e-8);
        assert!((f64::from(weights.item_bias[1]) - (-0.1 - step)).abs() < 1e-6);
        assert!((f64::from(adam.first.item_bias[1]) - m).abs() < 1e-7);
        assert!((f64::from(adam.second.item_bias[1]) - v).abs() < 1e-7);
        assert_eq!((weights.item_bias[0], adam.steps), (0.0, 2));
    }

    #[test]
    fn a_long_gradient_is_scaled_to_the_clip_norm() {
        let mut adam = Adam::new(AdamConfig::default(), &NETWORK);
        let mut gradient = Weights::zeros(&NETWORK);
        gradient.item_bias = vec![30.0, 40.0];
        adam.step(&NETWORK, &mut Weights::zeros(&NETWORK), &gradient, 0.1)
            .unwrap();
        let m = &adam.first.item_bias;
        assert!((m[0] - 0.06).abs() < 1e-6 && (m[1] - 0.08).abs() < 1e-6, "{m:?}");
    }

    #[test]
    fn a_step_to_nan_or_infinity_is_refused_and_nothing_moves() {
        let mut adam = adam();
        let mut weights = Weights::init(&NETWORK, 0);
        weights.query_bias[0] = -f32::MAX;
        let before = weights.clone();
        let mut gradient = Weights::zeros(&NETWORK);
        gradient.query_bias[0] = f32::NAN;
        let error = adam
            .step(&NETWORK, &mut weights, &gradient, 0.1)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("gradient of `query_bias`") && error.contains("--lr"),
            "{error}"
        );
        gradient.query_bias[0] = 1.0;
        let error = adam
            .step(&NETWORK, &mut weights, &gradient, f32::MAX)
            .unwrap_err()
            .to_string();
        assert!(error.contains("the tensor `"), "{error}");
        assert!(weights == before && adam.steps == 0);
    }

    #[test]
    fn the_schedule_falls_from_one_to_almost_nothing() {
        assert_eq!([decay(1, 4), decay(2, 4), decay(4, 4)], [1.0, 0.75, 0.25]);
    }
}
