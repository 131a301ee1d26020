//! Scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762) of several heads, causal, over users whose
//! tokens stand one after the other.

use super::super::elementary::exp;

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

/// One head of one asking token.
struct Ask {
    /// Where its numbers begin among the queries.
    query: usize,
    /// First token that it sees.
    first: usize,
    /// How many it sees.
    count: usize,
    /// First column of the head.
    column: usize,
    /// Where its probabilities begin.
    at: usize,
}

impl Heads<'_> {
    fn size(&self) -> usize {
        self.hidden / self.heads
    }

    /// Factor of the scores.
    fn scale(&self) -> f32 {
        1.0 / (self.size() as f32).sqrt()
    }

    fn asks(&self) -> Vec<Ask> {
        let mut asks = Vec::new();
        let (mut row, mut at) = (0, 0);
        for ends in self.starts.windows(2) {
            let tokens = ends[1] - ends[0];
            let from = if self.last { tokens - 1 } else { 0 };
            for token in from..tokens {
                for head in 0..self.heads {
                    let (column, count) = (head * self.size(), token + 1);
                    asks.push(Ask {
                        query: row * self.hidden + column,
                        first: ends[0],
                        count,
                        column,
                        at,
                    });
                    at += count;
                }
                row += 1;
            }
        }
        asks
    }

    /// The results, a row for each row of `queries`, and the probabilities. `keys` `[tokens, 2 hidden]` holds key and
    /// value of each token.
    pub(super) fn forward(&self, queries: &[f32], keys: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (size, scale) = (self.size(), self.scale());
        let asks = self.asks();
        let mut probabilities = vec![0.0; asks.last().map_or(0, |ask| ask.at + ask.count)];
        let mut results = vec![0.0; queries.len()];
        for ask in &asks {
            let query = &queries[ask.query..][..size];
            let scores = &mut probabilities[ask.at..][..ask.count];
            for (score, key) in scores.iter_mut().zip(self.seen(ask, keys, 0)) {
                *score = dot(query, key) * scale;
            }
            softmax(scores);
            let result = &mut results[ask.query..][..size];
            for (&p, value) in scores.iter().zip(self.seen(ask, keys, self.hidden)) {
                add_scaled(result, p, value);
            }
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
        let (size, scale, hidden) = (self.size(), self.scale(), self.hidden);
        let mut at_queries = vec![0.0; queries.len()];
        let mut at_keys = vec![0.0; keys.len()];
        let mut at_scores = Vec::new();
        for ask in self.asks() {
            let probabilities = &probabilities[ask.at..][..ask.count];
            let (query, up) = (&queries[ask.query..][..size], &upstream[ask.query..][..size]);
            at_scores.clear();
            at_scores.extend(self.seen(&ask, keys, hidden).map(|value| dot(up, value)));
            let mean: f32 = at_scores.iter().zip(probabilities).map(|(g, p)| g * p).sum();
            let at_query = &mut at_queries[ask.query..][..size];
            for (token, key) in self.seen(&ask, keys, 0).enumerate() {
                let p = probabilities[token];
                let at_score = p * (at_scores[token] - mean) * scale;
                add_scaled(at_query, at_score, key);
                let at = (ask.first + token) * 2 * hidden + ask.column;
                add_scaled(&mut at_keys[at..][..size], at_score, query);
                add_scaled(&mut at_keys[at + hidden..][..size], p, up);
            }
        }
        (at_queries, at_keys)
    }

    /// The head's part of what it sees: of the keys, or `offset` columns on, of the values.
    fn seen<'k>(&self, ask: &Ask, keys: &'k [f32], offset: usize) -> impl Iterator<Item = &'k [f32]> {
        let (stride, size) = (2 * self.hidden, self.size());
        let start = ask.first * stride + offset + ask.column;
        (0..ask.count).map(move |token| &keys[start + token * stride..][..size])
    }
}

/// Scores to probabilities.
fn softmax(scores: &mut [f32]) {
    let highest = scores.iter().fold(f32::NEG_INFINITY, |top, &x| top.max(x));
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = exp(*score - highest);
        sum += *score;
    }
    let inverse = 1.0 / sum;
    scores.iter_mut().for_each(|p| *p *= inverse);
}

/// The sum of products, in eight partial sums that are added in a fixed order.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let (left, left_rest) = left.as_chunks::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    for (left, right) in left.iter().zip(right) {
        for lane in 0..8 {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest = left_rest.iter().zip(right_rest).map(|(l, r)| l * r);
    sums.iter().sum::<f32>() + rest.sum::<f32>()
}

fn add_scaled(sums: &mut [f32], factor: f32, values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += factor * value;
    }
}
