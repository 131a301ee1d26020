//! Layer norm (Ba, Kiros and Hinton 2016, arXiv 1607.06450), forward and backward.

use common::policy_artifact::NORM_EPSILON;

use crate::network::exp::{dot, sum};

/// What the backward pass needs of the forward pass.
pub(super) struct Norm {
    /// Each row less its mean, by its deviation.
    standardised: Vec<f32>,
    /// 1 / deviation of each row.
    inverse: Vec<f32>,
}

/// Each row of `rows` to `gain * (x - mean) / sqrt(variance + epsilon) + bias`; a row is as long as `gain`.
pub(super) fn forward(mut rows: Vec<f32>, gain: &[f32], bias: &[f32]) -> (Vec<f32>, Norm) {
    let width = gain.len();
    let mut standardised = rows.clone();
    let mut inverse = Vec::with_capacity(rows.len() / width);
    for (row, out) in standardised
        .chunks_exact_mut(width)
        .zip(rows.chunks_exact_mut(width))
    {
        let mean = sum(row) as f32 / width as f32;
        row.iter_mut().for_each(|x| *x -= mean);
        let scale = 1.0 / (dot(row, row) / width as f32 + NORM_EPSILON).sqrt();
        for (((x, out), g), b) in row.iter_mut().zip(out).zip(gain).zip(bias) {
            *x *= scale;
            *out = *x * g + b;
        }
        inverse.push(scale);
    }
    (
        rows,
        Norm {
            standardised,
            inverse,
        },
    )
}

impl Norm {
    /// Turns `upstream`, the gradient by the result, into that by what was normed, and adds those by gain and bias.
    pub(super) fn backward(
        &self,
        upstream: &mut [f32],
        gain: &[f32],
        by_gain: &mut [f32],
        by_bias: &mut [f32],
    ) {
        let width = gain.len();
        let rows = upstream.chunks_exact_mut(width);
        for ((up, x), inverse) in rows.zip(self.standardised.chunks_exact(width)).zip(&self.inverse) {
            for i in 0..width {
                by_gain[i] += up[i] * x[i];
                by_bias[i] += up[i];
                up[i] *= gain[i];
            }
            let mean = sum(up) as f32 / width as f32;
            let slope = dot(up, x) / width as f32;
            for (up, x) in up.iter_mut().zip(x) {
                *up = inverse * (*up - mean - slope * x);
            }
        }
    }
}
