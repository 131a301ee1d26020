//! A GRU over the user's last interactions, started from the profile.
//!
//! Gates and equations are PyTorch's (`torch.nn.GRU`): with gates stacked as reset, update, new,
//! r = s(W_ir x + b_ir + W_hr h + b_hr), z = s(W_iz x + b_iz + W_hz h + b_hz),
//! n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h' = (1 - z) n + z h.

use crate::policy_artifact::{NetworkConfig, Weights};

use super::super::elementary::{sigmoid, tanh};
use super::super::linear::{self, Packed};
use super::inputs::Inputs;
use super::{Dropout, State};

#[derive(Debug, Clone)]
pub(super) struct Gru {
    input: Packed,
    hidden: Packed,
}

/// Everything the backward pass needs. Rows are (step, context), steps first; at each step the contexts that have
/// that many interactions, longest history first, so that they are always the first rows of a block.
#[derive(Debug)]
pub(super) struct Tape {
    /// Context at each place of the order by length.
    order: Vec<usize>,
    /// First row of each step, and after the last one the number of rows.
    starts: Vec<usize>,
    inputs: Inputs,
    before: Vec<f32>,
    reset: Vec<f32>,
    update: Vec<f32>,
    new: Vec<f32>,
    hidden_new: Vec<f32>,
}

impl Gru {
    pub(super) fn new(config: &NetworkConfig, weights: &Weights) -> Self {
        let (dims, hidden) = (config.dims, config.hidden);
        Gru {
            input: Packed::new(&weights.encoder[0], 3 * hidden, dims + 1),
            hidden: Packed::new(&weights.encoder[1], 3 * hidden, hidden),
        }
    }

    pub(super) fn refresh(&mut self, weights: &Weights) {
        self.input.refresh(&weights.encoder[0]);
        self.hidden.refresh(&weights.encoder[1]);
    }

    pub(super) fn forward(
        &self,
        config: &NetworkConfig,
        weights: &Weights,
        contexts: &[State],
        first: &[f32],
        dropout: Option<&mut Dropout>,
    ) -> (Vec<f32>, Tape) {
        let hidden = config.hidden;
        let mut order: Vec<usize> = (0..contexts.len()).collect();
        order.sort_by_key(|&c| std::cmp::Reverse(contexts[c].history.len()));
        let longest = order.first().map_or(0, |&c| contexts[c].history.len());

        let mut starts = vec![0];
        let mut interactions = Vec::new();
        for step in 0..longest {
            for &c in &order {
                let Some(&interaction) = contexts[c].history.get(step) else {
                    break;
                };
                interactions.push(interaction);
            }
            starts.push(interactions.len());
        }
        let rows = interactions.len();
        let inputs = Inputs::new(config, weights, interactions.into_iter(), dropout);

        let mut from_input = vec![0.0; rows * 3 * hidden];
        self.input.forward(&inputs.rows, &mut from_input);
        let mut tape = Tape {
            order,
            starts,
            inputs,
            before: vec![0.0; rows * hidden],
            reset: vec![0.0; rows * hidden],
            update: vec![0.0; rows * hidden],
            new: vec![0.0; rows * hidden],
            hidden_new: vec![0.0; rows * hidden],
        };
        let mut states = tape.in_order(first, hidden);
        let mut from_hidden = vec![0.0; tape.order.len() * 3 * hidden];
        for step in 0..longest {
            let (start, end) = (tape.starts[step], tape.starts[step + 1]);
            let active = end - start;
            tape.before[start * hidden..end * hidden].copy_from_slice(&states[..active * hidden]);
            self.hidden.forward(
                &states[..active * hidden],
                &mut from_hidden[..active * 3 * hidden],
            );
            for row in 0..active {
                let gates = Gates {
                    input: &from_input[(start + row) * 3 * hidden..][..3 * hidden],
                    hidden: &from_hidden[row * 3 * hidden..][..3 * hidden],
                    input_bias: &weights.encoder[2],
                    hidden_bias: &weights.encoder[3],
                };
                let at = (start + row) * hidden..(start + row + 1) * hidden;
                gates.step(
                    &mut states[row * hidden..][..hidden],
                    &mut tape.reset[at.clone()],
                    &mut tape.update[at.clone()],
                    &mut tape.new[at.clone()],
                    &mut tape.hidden_new[at],
                );
            }
        }

        (tape.as_given(&states, hidden), tape)
    }
}

impl Tape {
    /// Rows of the contexts in their order by length.
    fn in_order(&self, rows: &[f32], hidden: usize) -> Vec<f32> {
        let row = |&c: &usize| &rows[c * hidden..][..hidden];
        self.order.iter().flat_map(row).copied().collect()
    }

    /// Rows in the order by length back to the contexts'.
    fn as_given(&self, rows: &[f32], hidden: usize) -> Vec<f32> {
        let mut out = vec![0.0; rows.len()];
        for (row, &c) in rows.chunks_exact(hidden).zip(&self.order) {
            out[c * hidden..][..hidden].copy_from_slice(row);
        }
        out
    }

    /// Returns the gradient at s.
    pub(super) fn backward(
        &self,
        config: &NetworkConfig,
        weights: &Weights,
        upstream: &[f32],
        gradient: &mut Weights,
    ) -> Vec<f32> {
        let (dims, hidden) = (config.dims, config.hidden);
        let mut states = self.in_order(upstream, hidden);
        let rows = self.inputs.items.len();
        let mut at_input = vec![0.0; rows * 3 * hidden];
        let mut at_hidden = vec![0.0; rows * 3 * hidden];
        for step in (0..self.starts.len() - 1).rev() {
            let (start, end) = (self.starts[step], self.starts[step + 1]);
            for row in start..end {
                let state = &mut states[(row - start) * hidden..][..hidden];
                let to_input = &mut at_input[row * 3 * hidden..][..3 * hidden];
                let to_hidden = &mut at_hidden[row * 3 * hidden..][..3 * hidden];
                let base = row * hidden;
                for i in 0..hidden {
                    let (r, z, n) = (self.reset[base + i], self.update[base + i], self.new[base + i]);
                    let up = state[i];
                    let new = up * (1.0 - z) * (1.0 - n * n);
                    let reset = new * self.hidden_new[base + i] * r * (1.0 - r);
                    let update = up * (self.before[base + i] - n) * z * (1.0 - z);
                    to_input[i] = reset;
                    to_input[hidden + i] = update;
                    to_input[2 * hidden + i] = new;
                    to_hidden[i] = reset;
                    to_hidden[hidden + i] = update;
                    to_hidden[2 * hidden + i] = new * r;
                    state[i] = up * z;
                }
            }
            let to_hidden = &at_hidden[start * 3 * hidden..end * 3 * hidden];
            let active = &mut states[..(end - start) * hidden];
            linear::add_input_gradient(active, to_hidden, &weights.encoder[1], hidden, 1.0);
        }

        linear::add_weight_gradient(&mut gradient.encoder[1], &at_hidden, &self.before, hidden, 1.0);
        linear::add_weight_gradient(
            &mut gradient.encoder[0],
            &at_input,
            &self.inputs.rows,
            dims + 1,
            1.0,
        );
        linear::add_rows(&mut gradient.encoder[3], &at_hidden);
        linear::add_rows(&mut gradient.encoder[2], &at_input);
        let mut inputs = vec![0.0; rows * (dims + 1)];
        linear::add_input_gradient(&mut inputs, &at_input, &weights.encoder[0], dims + 1, 1.0);
        self.inputs.backward(config, inputs, gradient);
        self.as_given(&states, hidden)
    }
}

/// The products that enter one GRU step of one context.
struct Gates<'a> {
    input: &'a [f32],
    hidden: &'a [f32],
    input_bias: &'a [f32],
    hidden_bias: &'a [f32],
}

impl Gates<'_> {
    /// Moves `state` one step on and notes the gates.
    fn step(
        &self,
        state: &mut [f32],
        reset: &mut [f32],
        update: &mut [f32],
        new: &mut [f32],
        hidden_new: &mut [f32],
    ) {
        let size = state.len();
        let input = |gate: usize, i: usize| self.input[gate * size + i] + self.input_bias[gate * size + i];
        let hidden = |gate: usize, i: usize| self.hidden[gate * size + i] + self.hidden_bias[gate * size + i];
        for i in 0..size {
            let r = sigmoid(input(0, i) + hidden(0, i));
            let z = sigmoid(input(1, i) + hidden(1, i));
            let from_hidden = hidden(2, i);
            let n = tanh(input(2, i) + r * from_hidden);
            reset[i] = r;
            update[i] = z;
            new[i] = n;
            hidden_new[i] = from_hidden;
            state[i] = (1.0 - z) * n + z * state[i];
        }
    }
}
