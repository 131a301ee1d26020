//! A block of self-attention: y = LN_1(z + out(attention(z))), z' = LN_2(y + w2 relu(w1 y + b1) + b2).

use crate::policy_artifact::Weights;

use super::super::dropout::{Dropout, Mask};
use super::heads::Heads;
use super::layer::{Layer, Place};
use super::norm;

/// Tensors of a block.
pub(super) const TENSORS: usize = 12;

/// The norms' gains among them.
const NORM_1: usize = 4;
const NORM_2: usize = 10;

#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The first of the tensors among the encoder's.
    first: usize,
    query: Layer,
    key_value: Layer,
    out: Layer,
    inner: Layer,
    outer: Layer,
}

/// Where the linear layers stand.
struct Places {
    query: Place,
    key_value: Place,
    out: Place,
    inner: Place,
    outer: Place,
}

impl Places {
    fn new(first: usize, hidden: usize) -> Self {
        let place = |tensor, rows, columns| Place {
            tensor: first + tensor,
            rows,
            columns,
        };
        Places {
            query: place(0, 0..hidden, hidden),
            key_value: place(0, hidden..3 * hidden, hidden),
            out: place(2, 0..hidden, hidden),
            inner: place(6, 0..4 * hidden, hidden),
            outer: place(8, 0..hidden, 4 * hidden),
        }
    }
}

#[derive(Debug)]
pub(super) struct Tape {
    first: usize,
    /// z, all tokens.
    input: Vec<f32>,
    /// z of the tokens that ask.
    asking: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    probabilities: Vec<f32>,
    attended: Vec<f32>,
    /// What was left out of the attention's output.
    mask_1: Mask,
    norm_1: norm::Tape,
    /// y.
    between: Vec<f32>,
    /// relu(w1 y + b1).
    inner: Vec<f32>,
    /// What was left out of the feed-forward layers' output.
    mask_2: Mask,
    norm_2: norm::Tape,
}

impl Block {
    /// The block whose tensors begin with the encoder's tensor `first`.
    pub(super) fn new(weights: &Weights, first: usize, hidden: usize) -> Self {
        let places = Places::new(first, hidden);
        Block {
            first,
            query: Layer::new(weights, places.query),
            key_value: Layer::new(weights, places.key_value),
            out: Layer::new(weights, places.out),
            inner: Layer::new(weights, places.inner),
            outer: Layer::new(weights, places.outer),
        }
    }

    pub(super) fn refresh(&mut self, weights: &Weights) {
        let Block {
            query,
            key_value,
            out,
            inner,
            outer,
            ..
        } = self;
        for layer in [query, key_value, out, inner, outer] {
            layer.refresh(weights);
        }
    }

    /// A row for each token that asks.
    pub(super) fn forward(
        &self,
        weights: &Weights,
        heads: &Heads,
        input: Vec<f32>,
        mut dropout: Option<&mut Dropout>,
    ) -> (Vec<f32>, Tape) {
        let asking = asking(heads, &input);
        let queries = self.query.forward(weights, &asking);
        let keys = self.key_value.forward(weights, &input);
        let (attended, probabilities) = heads.forward(&queries, &keys);
        let mut between = self.out.forward(weights, &attended);
        let mask_1 = Mask::draw(dropout.as_deref_mut(), &mut between);
        add(&mut between, &asking);
        let norm_1 = norm::forward(&mut between, weights, self.first + NORM_1);
        let mut inner = self.inner.forward(weights, &between);
        inner.iter_mut().for_each(|x| *x = x.max(0.0));
        let mut out = self.outer.forward(weights, &inner);
        let mask_2 = Mask::draw(dropout, &mut out);
        add(&mut out, &between);
        let norm_2 = norm::forward(&mut out, weights, self.first + NORM_2);
        let tape = Tape {
            first: self.first,
            input,
            asking,
            queries,
            keys,
            probabilities,
            attended,
            mask_1,
            norm_1,
            between,
            inner,
            mask_2,
            norm_2,
        };
        (out, tape)
    }
}

impl Tape {
    /// From `upstream`, the gradient at the result, that at the input; adds those of the weights.
    pub(super) fn backward(
        &self,
        weights: &Weights,
        heads: &Heads,
        mut upstream: Vec<f32>,
        gradient: &mut Weights,
    ) -> Vec<f32> {
        let places = Places::new(self.first, heads.hidden);
        self.norm_2
            .backward(&mut upstream, weights, self.first + NORM_2, gradient);
        let mut at_inner = vec![0.0; self.inner.len()];
        let at_outer = self.mask_2.applied(&upstream);
        places
            .outer
            .backward(weights, &self.inner, &at_outer, &mut at_inner, gradient);
        for (up, &x) in at_inner.iter_mut().zip(&self.inner) {
            *up = if x > 0.0 { *up } else { 0.0 };
        }
        places
            .inner
            .backward(weights, &self.between, &at_inner, &mut upstream, gradient);

        self.norm_1
            .backward(&mut upstream, weights, self.first + NORM_1, gradient);
        let mut at_attended = vec![0.0; upstream.len()];
        let at_out = self.mask_1.applied(&upstream);
        places
            .out
            .backward(weights, &self.attended, &at_out, &mut at_attended, gradient);
        let (at_queries, at_keys) =
            heads.backward(&self.queries, &self.keys, &self.probabilities, &at_attended);
        places
            .query
            .backward(weights, &self.asking, &at_queries, &mut upstream, gradient);
        let mut at_input = vec![0.0; self.input.len()];
        places
            .key_value
            .backward(weights, &self.input, &at_keys, &mut at_input, gradient);
        add_to_asking(heads, &mut at_input, &upstream);
        at_input
    }
}

/// The rows of `input` that ask.
fn asking(heads: &Heads, input: &[f32]) -> Vec<f32> {
    if !heads.last {
        return input.to_vec();
    }
    let last = |end: &usize| &input[(end - 1) * heads.hidden..end * heads.hidden];
    heads.starts[1..].iter().flat_map(last).copied().collect()
}

/// Adds `rows` to those rows of `sums` that ask.
fn add_to_asking(heads: &Heads, sums: &mut [f32], rows: &[f32]) {
    if !heads.last {
        return add(sums, rows);
    }
    for (end, row) in heads.starts[1..].iter().zip(rows.chunks_exact(heads.hidden)) {
        add(&mut sums[(end - 1) * heads.hidden..end * heads.hidden], row);
    }
}

fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}
