//! Layer norm (Ba, Kiros and Hinton 2016, arXiv 1607.06450): gain (x - mean) / sqrt(variance + epsilon) + bias.

use crate::policy_artifact::{NORM_EPSILON, Weights};

/// Partial sums that run side by side, added in a fixed order.
const LANES: usize = 16;

#[derive(Debug)]
pub(super) struct Tape {
    /// (x - mean) / deviation, row by row.
    standardised: Vec<f32>,
    /// 1 / deviation of each row.
    inverse: Vec<f32>,
}

/// Norms `rows` in place; gain and bias are the encoder's tensors `tensor` and the next.
pub(super) fn forward(rows: &mut [f32], weights: &Weights, tensor: usize) -> Tape {
    let (gain, bias) = (&weights.encoder[tensor], &weights.encoder[tensor + 1]);
    let width = gain.len();
    let mut standardised = rows.to_vec();
    let mut inverse = Vec::with_capacity(rows.len() / width);
    for (row, out) in standardised
        .chunks_exact_mut(width)
        .zip(rows.chunks_exact_mut(width))
    {
        let mean = sum(width, |i| row[i]) / width as f32;
        row.iter_mut().for_each(|x| *x -= mean);
        let variance = sum(width, |i| row[i] * row[i]) / width as f32;
        let scale = 1.0 / (variance + NORM_EPSILON).sqrt();
        for i in 0..width {
            row[i] *= scale;
            out[i] = row[i] * gain[i] + bias[i];
        }
        inverse.push(scale);
    }
    Tape {
        standardised,
        inverse,
    }
}

impl Tape {
    /// Turns `upstream`, the gradient at the result, into that at what was normed, and adds those of gain and bias.
    pub(super) fn backward(
        &self,
        upstream: &mut [f32],
        weights: &Weights,
        tensor: usize,
        gradient: &mut Weights,
    ) {
        let gain = weights.encoder[tensor].as_slice();
        let width = gain.len();
        let (at_gain, at_bias) = gradient.encoder.split_at_mut(tensor + 1);
        let (at_gain, at_bias) = (&mut at_gain[tensor][..width], &mut at_bias[0][..width]);
        let rows = upstream
            .chunks_exact_mut(width)
            .zip(self.standardised.chunks_exact(width));
        for ((up, x), inverse) in rows.zip(&self.inverse) {
            for i in 0..width {
                at_gain[i] += up[i] * x[i];
                at_bias[i] += up[i];
                up[i] *= gain[i];
            }
            let mean = sum(width, |i| up[i]) / width as f32;
            let slope = sum(width, |i| up[i] * x[i]) / width as f32;
            for (up, x) in up.iter_mut().zip(x) {
                *up = inverse * (*up - mean - slope * x);
            }
        }
    }
}

/// The sum of `term` over 0..count.
fn sum(count: usize, term: impl Fn(usize) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let whole = count - count % LANES;
    for block in (0..whole).step_by(LANES) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += term(block + lane);
        }
    }
    sums.iter().sum::<f32>() + (whole..count).map(term).sum::<f32>()
}
