//! Causal self-attention over profile and interactions, read at the last token. Of the last block only that token is
//! computed.

use crate::policy_artifact::{NetworkConfig, Weights};

use super::super::linear;
use super::block::{self, Block};
use super::heads::Heads;
use super::inputs::Inputs;
use super::layer::{Layer, Place};
use super::{Dropout, State, norm};

/// Tensors in front of the blocks: the input's weight and bias, the positions, the norm's gain and bias.
const TENSORS: usize = 5;
const POSITION: usize = 2;
const NORM: usize = 3;

/// Tokens that go through all blocks together, at most, where a context alone has no more: what a block makes of them is
/// still in the cache for the next step.
const SPAN: usize = 512;

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
    spans: Vec<Span>,
    heads: usize,
}

/// Contexts that went through all blocks together.
#[derive(Debug)]
struct Span {
    /// First token of each context, and after the last one the number of tokens.
    starts: Vec<usize>,
    inputs: Inputs,
    norm: norm::Tape,
    blocks: Vec<block::Tape>,
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
        mut dropout: Option<&mut Dropout>,
    ) -> (Vec<f32>, Tape) {
        let hidden = config.hidden;
        let (mut states, mut spans) = (Vec::with_capacity(first.len()), Vec::new());
        let (mut contexts, mut first) = (contexts, first);
        while !contexts.is_empty() {
            let count = fitting(contexts);
            let (here, others) = contexts.split_at(count);
            let (first_here, first_others) = first.split_at(count * hidden);
            let (rows, span) = self.span(config, weights, here, first_here, dropout.as_deref_mut());
            states.extend_from_slice(&rows);
            spans.push(span);
            (contexts, first) = (others, first_others);
        }
        let tape = Tape {
            spans,
            heads: self.heads,
        };
        (states, tape)
    }

    fn span(
        &self,
        config: &NetworkConfig,
        weights: &Weights,
        contexts: &[State],
        first: &[f32],
        mut dropout: Option<&mut Dropout>,
    ) -> (Vec<f32>, Span) {
        let hidden = config.hidden;
        let mut starts = vec![0];
        for (at, context) in contexts.iter().enumerate() {
            starts.push(starts[at] + 1 + context.history.len());
        }
        let interactions = contexts.iter().flat_map(|context| context.history).copied();
        let inputs = Inputs::new(config, weights, interactions, dropout.as_deref_mut());
        let interactions = self.input.forward(weights, &inputs.rows);
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
            let (out, tape) = block.forward(weights, &heads, rows, dropout.as_deref_mut());
            rows = out;
            blocks.push(tape);
        }
        let span = Span {
            starts,
            inputs,
            norm,
            blocks,
        };
        (rows, span)
    }
}

/// How many of the first `contexts` go together.
fn fitting(contexts: &[State]) -> usize {
    let mut tokens = 0;
    let fits = |context: &&State| {
        tokens += 1 + context.history.len();
        tokens <= SPAN
    };
    contexts.iter().take_while(fits).count().max(1)
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
        let mut at_first = Vec::with_capacity(upstream.len());
        let mut upstream = upstream;
        for span in &self.spans {
            let (here, others) = upstream.split_at((span.starts.len() - 1) * config.hidden);
            span.backward(config, weights, self.heads, here, gradient, &mut at_first);
            upstream = others;
        }
        at_first
    }
}

impl Span {
    /// Appends the gradient at s to `at_first`.
    fn backward(
        &self,
        config: &NetworkConfig,
        weights: &Weights,
        heads: usize,
        upstream: &[f32],
        gradient: &mut Weights,
        at_first: &mut Vec<f32>,
    ) {
        let hidden = config.hidden;
        let mut rows = upstream.to_vec();
        for (at, block) in self.blocks.iter().enumerate().rev() {
            let heads = Heads {
                hidden,
                heads,
                starts: &self.starts,
                last: at + 1 == self.blocks.len(),
            };
            rows = block.backward(weights, &heads, rows, gradient);
        }
        self.norm.backward(&mut rows, weights, NORM, gradient);
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
        let mut at_inputs = vec![0.0; self.inputs.rows.len()];
        let place = input_place(config);
        place.backward(
            weights,
            &self.inputs.rows,
            &at_interactions,
            &mut at_inputs,
            gradient,
        );
        self.inputs.backward(config, at_inputs, gradient);
    }
}
