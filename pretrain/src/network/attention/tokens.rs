//! From profile and interactions to the tokens that the blocks read.

use candle_core::Result;

use super::layer::Weights;
use super::norm::Norm;
use super::parts::{Sizes, TokenParts};
use crate::network::matrix::{Rows, add};

/// Users whose tokens stand one after the other: of each the profile, then the interactions, oldest first.
pub(super) struct Span {
    /// The first of the users.
    pub(super) first: usize,
    /// First token of each user, and after the last one the number of tokens.
    pub(super) starts: Vec<usize>,
}

impl Span {
    pub(super) fn users(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn tokens(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Of each interaction, in order: its user, its token, and how many newer ones the user has.
    fn interactions(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.starts.windows(2).enumerate().flat_map(|(user, ends)| {
            let (profile, end) = (ends[0], ends[1]);
            (profile + 1..end).map(move |token| (user, token, end - 1 - token))
        })
    }

    /// Of each user: the token of the profile.
    fn profiles(&self) -> impl Iterator<Item = (usize, usize)> {
        self.starts[..self.users()].iter().copied().enumerate()
    }
}

/// The inputs `[T * B, I]`, time-major, the padding in front, and the users' first states `[B, H]`; or the gradients
/// by both.
pub(super) struct Given<V> {
    pub(super) inputs: V,
    pub(super) hidden: V,
    /// B
    pub(super) batch: usize,
    /// T
    pub(super) steps: usize,
}

impl<V> Given<V> {
    /// The row of the inputs that holds the user's interaction with `newer` newer ones.
    fn row(&self, user: usize, newer: usize) -> usize {
        (self.steps - 1 - newer) * self.batch + user
    }
}

/// The gradient by the tokens of a span.
pub(super) struct Upstream<'a> {
    pub(super) span: &'a Span,
    /// `[tokens, H]`
    pub(super) rows: Vec<f32>,
}

/// What the backward pass needs of the forward pass.
pub(super) struct Tokens {
    inputs: Rows,
    norm: Norm,
}

/// The tokens of a span's users after their layer norm, `[tokens, H]`.
pub(super) fn forward(
    sizes: &Sizes,
    parts: &TokenParts,
    weights: Weights,
    given: &Given<&[f32]>,
    span: &Span,
) -> Result<(Vec<f32>, Tokens)> {
    let (width, hidden) = (sizes.input, sizes.hidden);
    let mut inputs = Vec::with_capacity(span.tokens() * width);
    for (user, _, newer) in span.interactions() {
        let row = given.row(span.first + user, newer);
        inputs.extend_from_slice(&given.inputs[row * width..(row + 1) * width]);
    }
    let inputs = Rows::new(inputs, width);
    let mut tokens = vec![0.0; span.tokens() * hidden];
    for (user, token) in span.profiles() {
        let state = &given.hidden[(span.first + user) * hidden..][..hidden];
        tokens[token * hidden..][..hidden].copy_from_slice(state);
    }
    if span.tokens() > span.users() {
        let from_inputs = weights.linear(&parts.input, &inputs)?;
        let positions = &weights.values[parts.position.clone()];
        let rows = from_inputs.chunks_exact(hidden);
        for (row, (_, token, newer)) in rows.zip(span.interactions()) {
            let out = &mut tokens[token * hidden..][..hidden];
            out.copy_from_slice(row);
            add(out, &positions[newer * hidden..][..hidden]);
        }
    }
    let (tokens, norm) = weights.norm(&parts.norm, tokens);
    Ok((tokens, Tokens { inputs, norm }))
}

impl Tokens {
    /// From `upstream`, the gradient by the tokens, those by what was given, in `by_given`; adds those by the weights
    /// to `gradient`.
    pub(super) fn backward(
        &self,
        sizes: &Sizes,
        parts: &TokenParts,
        weights: Weights,
        upstream: Upstream,
        by_given: &mut Given<Vec<f32>>,
        gradient: &mut [f32],
    ) -> Result<()> {
        let (width, hidden) = (sizes.input, sizes.hidden);
        let Upstream {
            span,
            rows: mut upstream,
        } = upstream;
        weights.norm_backward(&parts.norm, &self.norm, &mut upstream, gradient);
        for (user, token) in span.profiles() {
            let by_state = &mut by_given.hidden[(span.first + user) * hidden..][..hidden];
            by_state.copy_from_slice(&upstream[token * hidden..][..hidden]);
        }
        if span.tokens() == span.users() {
            return Ok(());
        }
        let mut by_interactions = Vec::with_capacity(upstream.len());
        let by_positions = &mut gradient[parts.position.clone()];
        for (_, token, newer) in span.interactions() {
            let row = &upstream[token * hidden..][..hidden];
            by_interactions.extend_from_slice(row);
            add(&mut by_positions[newer * hidden..][..hidden], row);
        }
        let by_interactions = Rows::new(by_interactions, hidden);
        let by_inputs = weights.linear_backward(&parts.input, &self.inputs, &by_interactions, gradient)?;
        for (from, (user, _, newer)) in by_inputs.chunks_exact(width).zip(span.interactions()) {
            let row = by_given.row(span.first + user, newer);
            by_given.inputs[row * width..(row + 1) * width].copy_from_slice(from);
        }
        Ok(())
    }
}
