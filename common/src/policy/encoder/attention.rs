//! Causal self-attention over profile and interactions, read at the last token. Of the last block only that token is
//! computed.

use crate::policy_artifact::{NetworkConfig, Weights};

use super::super::linear;
use super::block::{self, Block};
use super::heads::Heads;
use super::layer::{Layer, Place};
use super::{State, add_to_embedding, norm, push_input};

/// Tensors in front of the blocks: the input's weight and bias, the positions, the norm's gain and bias.
const TENSORS: usize = 5;
const POSITION: usize = 2;
const NORM: usize = 3;

/// Where the layer stands that reads the interactions.
fn input_place(config: &NetworkConfig) -> Place {
    Place {
        tensor: 0,
        rows: 0..config.hidden,
        columns: config.dims + 1,
    }
}

#[derive(Debug, Clone)]
pub(super) struct Attention {
    input: Layer,
    blocks: Vec<Block>,
    heads: usize,
}

#[derive(Debug)]
pub(super) struct Tape {
    /// First token of each context, and after the last one the number of tokens.
    starts: Vec<usize>,
    items: Vec<u32>,
    inputs: Vec<f32>,
    norm: norm::Tape,
    blocks: Vec<block::Tape>,
    heads: usize,
}

impl Attention {
    pub(super) fn new(config: &NetworkConfig, weights: &Weights, layers: usize, heads: usize) -> Self {
        let hidden = config.hidden;
        let block = |at| Block::new(weights, TENSORS + at * block::TENSORS, hidden);
        Attention {
            input: Layer::new(weights, input_place(config)),
            blocks: (0..layers).map(block).collect(),
            heads,
        }
    }

    pub(super) fn refresh(&mut self, weights: &Weights) {
        self.input.refresh(weights);
        for block in &mut self.blocks {
            block.refresh(weights);
        }
    }

    pub(super) fn forward(
        &self,
        config: &NetworkConfig,
        weights: &Weights,
        contexts: &[State],
        first: &[f32],
    ) -> (Vec<f32>, Tape) {
        let hidden = config.hidden;
        let mut starts = vec![0];
        let (mut items, mut inputs) = (Vec::new(), Vec::new());
        for context in contexts {
            for &interaction in context.history {
                items.push(interaction.0);
                push_input(&mut inputs, config, weights, interaction);
            }
            starts.push(items.len() + starts.len());
        }
        let interactions = self.input.forward(weights, &inputs);
        let mut rows = Vec::with_capacity(first.len() + interactions.len());
        let mut interactions = interactions.chunks_exact(hidden);
        for (context, state) in contexts.iter().zip(first.chunks_exact(hidden)) {
            rows.extend_from_slice(state);
            let positions = weights.encoder[POSITION].chunks_exact(hidden);
            let positions = positions.take(context.history.len()).rev();
            for (position, row) in positions.zip(&mut interactions) {
                rows.extend(row.iter().zip(position).map(|(x, p)| x + p));
            }
        }
        let norm = norm::forward(&mut rows, weights, NORM);
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for (at, block) in self.blocks.iter().enumerate() {
            let heads = Heads {
                hidden,
                heads: self.heads,
                starts: &starts,
                last: at + 1 == self.blocks.len(),
            };
            let (out, tape) = block.forward(weights, &heads, rows);
            rows = out;
            blocks.push(tape);
        }
        let tape = Tape {
            starts,
            items,
            inputs,
            norm,
            blocks,
            heads: self.heads,
        };
        (rows, tape)
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
        let (hidden, width) = (config.hidden, config.dims + 1);
        let mut rows = upstream.to_vec();
        for (at, block) in self.blocks.iter().enumerate().rev() {
            let heads = Heads {
                hidden,
                heads: self.heads,
                starts: &self.starts,
                last: at + 1 == self.blocks.len(),
            };
            rows = block.backward(weights, &heads, rows, gradient);
        }
        self.norm.backward(&mut rows, weights, NORM, gradient);
        let mut at_first = Vec::with_capacity(upstream.len());
        let mut at_interactions = Vec::with_capacity(rows.len());
        for ends in self.starts.windows(2) {
            let (profile, of_interactions) = rows[ends[0] * hidden..ends[1] * hidden].split_at(hidden);
            at_first.extend_from_slice(profile);
            at_interactions.extend_from_slice(of_interactions);
            let positions = gradient.encoder[POSITION].chunks_exact_mut(hidden);
            for (position, row) in positions.zip(of_interactions.chunks_exact(hidden).rev()) {
                linear::add_rows(position, row);
            }
        }
        let mut at_inputs = vec![0.0; self.inputs.len()];
        input_place(config).backward(weights, &self.inputs, &at_interactions, &mut at_inputs, gradient);
        for (at_input, &item) in at_inputs.chunks_exact(width).zip(&self.items) {
            add_to_embedding(gradient, config, item, at_input, 1.0);
        }
        at_first
    }
}
