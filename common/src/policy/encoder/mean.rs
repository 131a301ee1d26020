//! The mean of the last interactions: h = s + mean_weight m.

use crate::policy_artifact::{NetworkConfig, Weights};

use super::super::linear::{self, Packed};
use super::inputs::Inputs;
use super::{Dropout, State};

#[derive(Debug, Clone)]
pub(super) struct Mean {
    weight: Packed,
}

#[derive(Debug)]
pub(super) struct Tape {
    /// m, `[contexts, dims + 1]`.
    means: Vec<f32>,
    /// Interactions of each context.
    counts: Vec<usize>,
    inputs: Inputs,
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
        dropout: Option<&mut Dropout>,
    ) -> (Vec<f32>, Tape) {
        let width = config.dims + 1;
        let mut means = vec![0.0; contexts.len() * width];
        let counts: Vec<usize> = contexts.iter().map(|context| context.history.len()).collect();
        let interactions = contexts.iter().flat_map(|context| context.history).copied();
        let inputs = Inputs::new(config, weights, interactions, dropout);
        let mut rows = inputs.rows.as_slice();
        for (&count, mean) in counts.iter().zip(means.chunks_exact_mut(width)) {
            let (own, others) = rows.split_at(count * width);
            linear::add_rows(mean, own);
            mean.iter_mut().for_each(|x| *x *= share(count));
            rows = others;
        }
        let mut states = vec![0.0; first.len()];
        self.weight.forward(&means, &mut states);
        for (state, s) in states.iter_mut().zip(first) {
            *state += s;
        }
        let tape = Tape {
            means,
            counts,
            inputs,
        };
        (states, tape)
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
        let mut at_inputs = Vec::with_capacity(self.inputs.rows.len());
        for (&count, at_mean) in self.counts.iter().zip(at_means.chunks_exact_mut(width)) {
            at_mean.iter_mut().for_each(|x| *x *= share(count));
            (0..count).for_each(|_| at_inputs.extend_from_slice(at_mean));
        }
        self.inputs.backward(config, at_inputs, gradient);
        upstream.to_vec()
    }
}

/// What one of `count` interactions is of their mean.
fn share(count: usize) -> f32 {
    1.0 / count.max(1) as f32
}
