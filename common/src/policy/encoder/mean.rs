//! The mean of the last interactions: h = s + mean_weight m.

use crate::policy_artifact::{NetworkConfig, Weights};

use super::super::linear::{self, Packed};
use super::{State, add_to_embedding, push_input};

#[derive(Debug, Clone)]
pub(super) struct Mean {
    weight: Packed,
}

#[derive(Debug)]
pub(super) struct Tape {
    /// m, `[contexts, dims + 1]`.
    means: Vec<f32>,
    /// The items of each context.
    items: Vec<Vec<u32>>,
}

impl Mean {
    pub(super) fn new(config: &NetworkConfig, weights: &Weights) -> Self {
        Mean {
            weight: Packed::new(&weights.encoder[0], config.hidden, config.dims + 1),
        }
    }

    pub(super) fn refresh(&mut self, weights: &Weights) {
        self.weight.refresh(&weights.encoder[0]);
    }

    pub(super) fn forward(
        &self,
        config: &NetworkConfig,
        weights: &Weights,
        contexts: &[State],
        first: &[f32],
    ) -> (Vec<f32>, Tape) {
        let width = config.dims + 1;
        let mut means = vec![0.0; contexts.len() * width];
        let mut inputs = Vec::new();
        for (context, mean) in contexts.iter().zip(means.chunks_exact_mut(width)) {
            inputs.clear();
            for &interaction in context.history {
                push_input(&mut inputs, config, weights, interaction);
            }
            linear::add_rows(mean, &inputs);
            let share = share(context.history.len());
            mean.iter_mut().for_each(|x| *x *= share);
        }
        let mut states = vec![0.0; first.len()];
        self.weight.forward(&means, &mut states);
        for (state, s) in states.iter_mut().zip(first) {
            *state += s;
        }
        let items = |context: &State| context.history.iter().map(|(item, _)| *item).collect();
        let items = contexts.iter().map(items).collect();
        (states, Tape { means, items })
    }
}

impl Tape {
    /// Returns the gradient at s.
    pub(super) fn backward(
        &self,
        config: &NetworkConfig,
        weights: &Weights,
        upstream: &[f32],
        gradient: &mut Weights,
    ) -> Vec<f32> {
        let width = config.dims + 1;
        linear::add_weight_gradient(&mut gradient.encoder[0], upstream, &self.means, width, 1.0);
        let mut at_means = vec![0.0; self.means.len()];
        linear::add_input_gradient(&mut at_means, upstream, &weights.encoder[0], width, 1.0);
        for (items, at_mean) in self.items.iter().zip(at_means.chunks_exact(width)) {
            for &item in items {
                add_to_embedding(gradient, config, item, at_mean, share(items.len()));
            }
        }
        upstream.to_vec()
    }
}

/// What one of `count` interactions is of their mean.
fn share(count: usize) -> f32 {
    1.0 / count.max(1) as f32
}
