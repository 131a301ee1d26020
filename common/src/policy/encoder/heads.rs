//! Scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762) of several heads, causal, over users whose
//! tokens stand one after the other.
//!
//! A head of a user is products of small matrices, and these are those of linear layers: what a token does not see has
//! probability zero.

use super::super::distribution;
use super::super::linear::{Packed, add_input_gradient, add_weight_gradient};

/// Who sees whom.
pub(super) struct Heads<'a> {
    pub(super) hidden: usize,
    /// Heads; `hidden` is a multiple.
    pub(super) heads: usize,
    /// First token of each user, and after the last one the number of tokens.
    pub(super) starts: &'a [usize],
    /// Whether only each user's last token asks; else each does, and sees itself and those before it.
    pub(super) last: bool,
}

/// One head of one user.
struct Head {
    /// First row among the queries.
    query: usize,
    /// How many tokens ask: all, or the last.
    asking: usize,
    /// First row among the keys.
    key: usize,
    /// How many tokens are seen.
    seen: usize,
    /// First column of the head.
    column: usize,
    /// Where its probabilities `[asking, seen]` begin.
    at: usize,
}

impl Head {
    /// How many tokens each of those that ask sees.
    fn open(&self) -> impl Iterator<Item = usize> {
        self.seen - self.asking + 1..=self.seen
    }
}

/// Rows of one head's columns: queries, keys, values and the gradient at the results.
#[derive(Default)]
struct Columns {
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    upstream: Vec<f32>,
    packed: Packed,
    /// Scores, or the gradient at the probabilities.
    scores: Vec<f32>,
    /// The gradient at the scores.
    at_scores: Vec<f32>,
    result: Vec<f32>,
}

impl Heads<'_> {
    fn size(&self) -> usize {
        self.hidden / self.heads
    }

    /// Factor of the scores.
    fn scale(&self) -> f32 {
        1.0 / (self.size() as f32).sqrt()
    }

    fn list(&self) -> Vec<Head> {
        let mut list = Vec::with_capacity(self.heads * self.starts.len());
        let mut at = 0;
        for (user, ends) in self.starts.windows(2).enumerate() {
            let seen = ends[1] - ends[0];
            let (query, asking) = if self.last { (user, 1) } else { (ends[0], seen) };
            for head in 0..self.heads {
                list.push(Head {
                    query,
                    asking,
                    key: ends[0],
                    seen,
                    column: head * self.size(),
                    at,
                });
                at += asking * seen;
            }
        }
        list
    }

    /// The results, a row for each row of `queries`, and the probabilities. `keys` `[tokens, 2 hidden]` holds key and
    /// value of each token.
    pub(super) fn forward(&self, queries: &[f32], keys: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let list = self.list();
        let mut probabilities = vec![0.0; list.last().map_or(0, |head| head.at + head.asking * head.seen)];
        let mut results = vec![0.0; queries.len()];
        let mut own = Columns::default();
        for head in &list {
            own.gather(self, head, queries, keys);
            let probabilities = &mut probabilities[head.at..][..head.asking * head.seen];
            own.packed.set(&own.keys, head.seen, self.size());
            fill(&mut own.scores, probabilities.len());
            own.packed.forward(&own.queries, &mut own.scores);
            let rows = own.scores.chunks_exact(head.seen);
            for ((row, out), open) in rows
                .zip(probabilities.chunks_exact_mut(head.seen))
                .zip(head.open())
            {
                distribution::probabilities(&row[..open], &mut out[..open]);
            }
            fill(&mut own.result, head.asking * self.size());
            add_input_gradient(&mut own.result, probabilities, &own.values, self.size(), 1.0);
            self.put(
                &own.result,
                &mut results[head.query * self.hidden + head.column..],
                self.hidden,
            );
        }
        (results, probabilities)
    }

    /// From `upstream`, the gradient at the results, those at `queries` and at `keys`.
    pub(super) fn backward(
        &self,
        queries: &[f32],
        keys: &[f32],
        probabilities: &[f32],
        upstream: &[f32],
    ) -> (Vec<f32>, Vec<f32>) {
        let (size, hidden) = (self.size(), self.hidden);
        let mut at_queries = vec![0.0; queries.len()];
        let mut at_keys = vec![0.0; keys.len()];
        let mut own = Columns::default();
        for head in self.list() {
            own.gather(self, &head, queries, keys);
            let from = head.query * hidden + head.column;
            gather(
                &mut own.upstream,
                &upstream[from..],
                hidden,
                size,
                head.asking,
                1.0,
            );
            let probabilities = &probabilities[head.at..][..head.asking * head.seen];
            own.packed.set(&own.values, head.seen, size);
            fill(&mut own.scores, probabilities.len());
            own.packed.forward(&own.upstream, &mut own.scores);
            own.at_scores.clear();
            let rows = own.scores.chunks_exact(head.seen);
            for (row, probabilities) in rows.zip(probabilities.chunks_exact(head.seen)) {
                let mean: f32 = row.iter().zip(probabilities).map(|(g, p)| g * p).sum();
                let row = row.iter().zip(probabilities).map(|(g, p)| p * (g - mean));
                own.at_scores.extend(row);
            }

            fill(&mut own.result, head.asking * size);
            add_input_gradient(&mut own.result, &own.at_scores, &own.keys, size, self.scale());
            self.put(&own.result, &mut at_queries[from..], hidden);
            let from = head.key * 2 * hidden + head.column;
            for (left, right, from) in [
                (own.at_scores.as_slice(), &own.queries, from),
                (probabilities, &own.upstream, from + hidden),
            ] {
                fill(&mut own.result, head.seen * size);
                add_weight_gradient(&mut own.result, left, right, size, 1.0);
                self.put(&own.result, &mut at_keys[from..], 2 * hidden);
            }
        }
        (at_queries, at_keys)
    }

    /// Copies rows of one head to where they stand `stride` apart.
    fn put(&self, rows: &[f32], out: &mut [f32], stride: usize) {
        let size = self.size();
        for (row, out) in rows.chunks_exact(size).zip(out.chunks_mut(stride)) {
            out[..size].copy_from_slice(row);
        }
    }
}

impl Columns {
    /// Takes over what the head reads, the queries times the factor of the scores.
    fn gather(&mut self, heads: &Heads, head: &Head, queries: &[f32], keys: &[f32]) {
        let (size, hidden) = (heads.size(), heads.hidden);
        let queries = &queries[head.query * hidden + head.column..];
        gather(
            &mut self.queries,
            queries,
            hidden,
            size,
            head.asking,
            heads.scale(),
        );
        let keys = &keys[head.key * 2 * hidden + head.column..];
        gather(&mut self.keys, keys, 2 * hidden, size, head.seen, 1.0);
        gather(
            &mut self.values,
            &keys[hidden..],
            2 * hidden,
            size,
            head.seen,
            1.0,
        );
    }
}

/// `count` rows of `size` numbers that stand `stride` apart, times `scale`.
fn gather(out: &mut Vec<f32>, rows: &[f32], stride: usize, size: usize, count: usize, scale: f32) {
    out.clear();
    for row in rows.chunks(stride).take(count) {
        out.extend(row[..size].iter().map(|x| x * scale));
    }
}

/// Zeros, `count` of them.
fn fill(out: &mut Vec<f32>, count: usize) {
    out.clear();
    out.resize(count, 0.0);
}
