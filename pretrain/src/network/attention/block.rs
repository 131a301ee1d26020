//! A block: attention, then two linear layers, each with its residual and layer norm.

use candle_core::Result;

use super::heads::Heads;
use super::layer::Weights;
use super::norm::Norm;
use super::parts::BlockParts;
use crate::network::matrix::{Rows, add};

/// Factors of dropout for the rows that ask: of the attention's output and of the feed-forward layers'.
pub(super) struct Masks<'a> {
    pub(super) attention: &'a [f32],
    pub(super) forward: &'a [f32],
}

/// What the backward pass needs of the forward pass.
pub(super) struct Block {
    input: Rows,
    /// The rows of the input that ask, where not all do.
    asking: Option<Rows>,
    queries: Rows,
    keys: Rows,
    probabilities: Vec<f32>,
    attended: Rows,
    norm_1: Norm,
    between: Rows,
    inner: Rows,
    norm_2: Norm,
}

/// One block over `input` `[R, H]`: a row for each that asks, `[Q, H]`.
pub(super) fn forward(
    parts: &BlockParts,
    weights: Weights,
    heads: &Heads,
    input: Vec<f32>,
    masks: Option<&Masks>,
) -> Result<(Vec<f32>, Block)> {
    let hidden = heads.hidden;
    let asking = heads.last.then(|| {
        let rows = last_rows(heads).flat_map(|at| &input[at]).copied().collect();
        Rows::new(rows, hidden)
    });
    let input = Rows::new(input, hidden);
    let askers = asking.as_ref().unwrap_or(&input);
    let queries = Rows::new(weights.linear(&parts.query, askers)?, hidden);
    let keys = Rows::new(weights.linear(&parts.key_value, &input)?, 2 * hidden);
    let (attended, probabilities) = heads.forward(queries.values()?, keys.values()?);
    let attended = Rows::new(attended, hidden);
    let mut sum = weights.linear(&parts.out, &attended)?;
    drop_out(&mut sum, masks.map(|masks| masks.attention));
    add(&mut sum, askers.values()?);
    let (between, norm_1) = weights.norm(&parts.norm_1, sum);
    let between = Rows::new(between, hidden);

    let mut inner = weights.linear(&parts.inner, &between)?;
    inner.iter_mut().for_each(|x| *x = x.max(0.0));
    let inner = Rows::new(inner, 4 * hidden);
    let mut sum = weights.linear(&parts.outer, &inner)?;
    drop_out(&mut sum, masks.map(|masks| masks.forward));
    add(&mut sum, between.values()?);
    let (out, norm_2) = weights.norm(&parts.norm_2, sum);
    let block = Block {
        input,
        asking,
        queries,
        keys,
        probabilities,
        attended,
        norm_1,
        between,
        inner,
        norm_2,
    };
    Ok((out, block))
}

impl Block {
    /// From `upstream`, the gradient by the result, that by the input; adds those by the weights to `gradient`.
    pub(super) fn backward(
        &self,
        parts: &BlockParts,
        weights: Weights,
        heads: &Heads,
        mut upstream: Vec<f32>,
        masks: Option<&Masks>,
        gradient: &mut [f32],
    ) -> Result<Vec<f32>> {
        let hidden = heads.hidden;
        weights.norm_backward(&parts.norm_2, &self.norm_2, &mut upstream, gradient);
        let mut by_outer = upstream.clone();
        drop_out(&mut by_outer, masks.map(|masks| masks.forward));
        let by_outer = Rows::new(by_outer, hidden);
        let mut by_inner = weights.linear_backward(&parts.outer, &self.inner, &by_outer, gradient)?;
        for (g, &x) in by_inner.iter_mut().zip(self.inner.values()?) {
            *g = if x > 0.0 { *g } else { 0.0 };
        }
        let by_inner = Rows::new(by_inner, 4 * hidden);
        let by_between = weights.linear_backward(&parts.inner, &self.between, &by_inner, gradient)?;
        add(&mut upstream, &by_between);

        weights.norm_backward(&parts.norm_1, &self.norm_1, &mut upstream, gradient);
        let mut by_out = upstream.clone();
        drop_out(&mut by_out, masks.map(|masks| masks.attention));
        let by_out = Rows::new(by_out, hidden);
        let by_attended = weights.linear_backward(&parts.out, &self.attended, &by_out, gradient)?;
        let (by_queries, by_keys) = heads.backward(
            self.queries.values()?,
            self.keys.values()?,
            &self.probabilities,
            &by_attended,
        );
        let (by_queries, by_keys) = (Rows::new(by_queries, hidden), Rows::new(by_keys, 2 * hidden));
        let askers = self.asking.as_ref().unwrap_or(&self.input);
        let by_askers = weights.linear_backward(&parts.query, askers, &by_queries, gradient)?;
        add(&mut upstream, &by_askers);
        let mut by_input = weights.linear_backward(&parts.key_value, &self.input, &by_keys, gradient)?;
        if heads.last {
            for (at, row) in last_rows(heads).zip(upstream.chunks_exact(hidden)) {
                add(&mut by_input[at], row);
            }
        } else {
            add(&mut by_input, &upstream);
        }
        Ok(by_input)
    }
}

/// Where each sequence's last row stands.
fn last_rows(heads: &Heads) -> impl Iterator<Item = std::ops::Range<usize>> {
    let hidden = heads.hidden;
    heads.starts[1..]
        .iter()
        .map(move |end| (end - 1) * hidden..end * hidden)
}

fn drop_out(values: &mut [f32], mask: Option<&[f32]>) {
    if let Some(mask) = mask {
        values.iter_mut().zip(mask).for_each(|(x, factor)| *x *= factor);
    }
}
