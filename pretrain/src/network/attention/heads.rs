//! Scaled dot-product attention of several heads over sequences that stand one after the other
//! (Vaswani et al. 2017, arXiv 1706.03762), causal, forward and backward.

use common::policy::distribution::highest;

use super::product::{LANES, Left, Right, multiply, widen, widen_transposed};
use crate::network::exp::{dot, exp, sum};

/// Which rows belong together.
pub(super) struct Heads<'a> {
    /// H, numbers of a row.
    pub(super) hidden: usize,
    /// Heads; H is a multiple.
    pub(super) heads: usize,
    /// First row of each sequence, and after the last one the number of rows.
    pub(super) starts: &'a [usize],
    /// Whether only the last row of each sequence asks; else each does and sees itself and those before it.
    pub(super) last: bool,
}

/// One head of one sequence.
struct Head {
    /// First row among the queries.
    query: usize,
    /// How many rows ask: all, or the last.
    queries: usize,
    /// First row among the keys.
    key: usize,
    keys: usize,
    /// The head's first column.
    column: usize,
    /// Where its probabilities stand, `[queries, wide]`.
    at: usize,
    wide: usize,
}

impl Head {
    /// How many keys the query sees.
    fn open(&self, query: usize) -> usize {
        self.keys - self.queries + query + 1
    }

    /// The first query that sees the key.
    fn first_to_see(&self, key: usize) -> usize {
        key.saturating_sub(self.keys - self.queries)
    }
}

/// Working memory of one head: keys and values (or their like) and, backwards, gradients of the scores.
struct Scratch {
    left: Vec<f32>,
    right: Vec<f32>,
    scores: Vec<f32>,
}

impl Heads<'_> {
    fn size(&self) -> usize {
        self.hidden / self.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.size() as f32).sqrt()
    }

    fn list(&self) -> Vec<Head> {
        let mut at = 0;
        let mut list = Vec::with_capacity(self.heads * self.starts.len());
        for (sequence, ends) in self.starts.windows(2).enumerate() {
            let keys = ends[1] - ends[0];
            let wide = keys.next_multiple_of(LANES);
            let (query, queries) = if self.last { (sequence, 1) } else { (ends[0], keys) };
            for head in 0..self.heads {
                list.push(Head {
                    query,
                    queries,
                    key: ends[0],
                    keys,
                    column: head * self.size(),
                    at,
                    wide,
                });
                at += queries * wide;
            }
        }
        list
    }

    fn scratch(&self) -> Scratch {
        let longest = self.starts.windows(2).map(|ends| ends[1] - ends[0]).max();
        let longest = longest.unwrap_or(0).next_multiple_of(LANES);
        let room = longest * self.size().next_multiple_of(LANES);
        Scratch {
            left: vec![0.0; room],
            right: vec![0.0; room],
            scores: vec![0.0; longest * longest],
        }
    }

    /// The heads' results after each other, a row for each of `queries` `[Q, H]`, and the probabilities for the
    /// backward pass. `keys` `[R, 2H]` holds key and value of each row.
    pub(super) fn forward(&self, queries: &[f32], keys: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (hidden, size, scale) = (self.hidden, self.size(), self.scale());
        let deep = size.next_multiple_of(LANES);
        let list = self.list();
        let mut scratch = self.scratch();
        let mut probabilities = vec![0.0; list.iter().map(|head| head.queries * head.wide).sum()];
        let mut results = vec![0.0; queries.len()];
        for head in &list {
            let wide = head.wide;
            let key = &keys[head.key * 2 * hidden + head.column..];
            widen_transposed(key, 2 * hidden, size, head.keys, &mut scratch.left, wide);
            widen(
                &key[hidden..],
                2 * hidden,
                size,
                head.keys,
                &mut scratch.right,
                deep,
            );
            let rows = &mut probabilities[head.at..head.at + head.queries * wide];
            let left = Left {
                values: &queries[head.query * hidden + head.column..],
                row: hidden,
                column: 1,
            };
            let right = Right {
                values: &scratch.left,
                width: wide,
            };
            multiply(
                left,
                right,
                head.queries,
                |rows| (0..size, head.open(rows.end - 1)),
                |row, column, scores| rows[row * wide + column..][..LANES].copy_from_slice(scores),
            );
            for (query, row) in rows.chunks_exact_mut(wide).enumerate() {
                softmax(row, head.open(query), scale);
            }
            let left = Left {
                values: rows,
                row: wide,
                column: 1,
            };
            let right = Right {
                values: &scratch.right,
                width: deep,
            };
            let out = &mut results[head.query * hidden + head.column..];
            multiply(
                left,
                right,
                head.queries,
                |rows| (0..head.open(rows.end - 1), size),
                |row, column, values| store(out, row * hidden, column, size, values),
            );
        }
        (results, probabilities)
    }

    /// From `upstream`, the gradient by the results, those by `queries` and by `keys`.
    pub(super) fn backward(
        &self,
        queries: &[f32],
        keys: &[f32],
        probabilities: &[f32],
        upstream: &[f32],
    ) -> (Vec<f32>, Vec<f32>) {
        let (hidden, size, scale) = (self.hidden, self.size(), self.scale());
        let deep = size.next_multiple_of(LANES);
        let mut scratch = self.scratch();
        let mut by_queries = vec![0.0; queries.len()];
        let mut by_keys = vec![0.0; keys.len()];
        for head in self.list() {
            let (wide, count) = (head.wide, head.queries);
            let at_queries = head.query * hidden + head.column;
            let at_keys = head.key * 2 * hidden + head.column;
            let probabilities = &probabilities[head.at..head.at + count * wide];
            let seen = |rows: std::ops::Range<usize>| 0..head.open(rows.end - 1);
            let seeing = |rows: std::ops::Range<usize>| head.first_to_see(rows.start)..count;

            // By the scores: the probabilities' gradient is upstream times the values.
            let values = &keys[at_keys + hidden..];
            widen_transposed(values, 2 * hidden, size, head.keys, &mut scratch.left, wide);
            let left = Left {
                values: &upstream[at_queries..],
                row: hidden,
                column: 1,
            };
            let right = Right {
                values: &scratch.left,
                width: wide,
            };
            let scores = &mut scratch.scores;
            multiply(
                left,
                right,
                count,
                |rows| (0..size, head.open(rows.end - 1)),
                |row, column, sums| scores[row * wide + column..][..LANES].copy_from_slice(sums),
            );
            let rows = scores
                .chunks_exact_mut(wide)
                .zip(probabilities.chunks_exact(wide));
            for (query, (row, probabilities)) in rows.enumerate() {
                softmax_backward(row, probabilities, head.open(query), scale);
            }

            widen(
                &keys[at_keys..],
                2 * hidden,
                size,
                head.keys,
                &mut scratch.left,
                deep,
            );
            let left = Left {
                values: &scratch.scores,
                row: wide,
                column: 1,
            };
            let right = Right {
                values: &scratch.left,
                width: deep,
            };
            let out = &mut by_queries[at_queries..];
            multiply(
                left,
                right,
                count,
                |rows| (seen(rows), size),
                |row, column, sums| {
                    store(out, row * hidden, column, size, sums);
                },
            );

            widen(
                &queries[at_queries..],
                hidden,
                size,
                count,
                &mut scratch.left,
                deep,
            );
            widen(
                &upstream[at_queries..],
                hidden,
                size,
                count,
                &mut scratch.right,
                deep,
            );
            let pairs = [
                (scratch.scores.as_slice(), &scratch.left, at_keys),
                (probabilities, &scratch.right, at_keys + hidden),
            ];
            for (values, right, at) in pairs {
                let left = Left {
                    values,
                    row: 1,
                    column: wide,
                };
                let right = Right {
                    values: right,
                    width: deep,
                };
                let out = &mut by_keys[at..];
                multiply(
                    left,
                    right,
                    head.keys,
                    |rows| (seeing(rows), size),
                    |row, column, sums| {
                        store(out, row * 2 * hidden, column, size, sums);
                    },
                );
            }
        }
        (by_queries, by_keys)
    }
}

/// Stores as many of a block's columns as the head has.
#[inline(always)]
fn store(out: &mut [f32], row: usize, column: usize, size: usize, sums: &[f32; LANES]) {
    let count = LANES.min(size - column);
    out[row + column..][..count].copy_from_slice(&sums[..count]);
}

/// Scores of a row to probabilities over its first `open` columns; the others become 0.
fn softmax(row: &mut [f32], open: usize, scale: f32) {
    let (row, masked) = row.split_at_mut(open.next_multiple_of(LANES));
    masked.fill(0.0);
    row[open..].fill(f32::NEG_INFINITY);
    let most = highest(row);
    row.iter_mut().for_each(|x| *x = exp((*x - most) * scale));
    let inverse = 1.0 / sum(row) as f32;
    row.iter_mut().for_each(|x| *x *= inverse);
}

/// The gradient by a row's probabilities to that by its scores before they were scaled.
fn softmax_backward(row: &mut [f32], probabilities: &[f32], open: usize, scale: f32) {
    let (row, masked) = row.split_at_mut(open.next_multiple_of(LANES));
    masked.fill(0.0);
    let probabilities = &probabilities[..row.len()];
    let mean = dot(row, probabilities);
    for (x, p) in row.iter_mut().zip(probabilities) {
        *x = p * (*x - mean) * scale;
    }
}
