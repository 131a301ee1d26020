//! What is done to traits before they are compared: a cosine of raw traits mostly tells what all items share.

use clap::ValueEnum;
use nalgebra::{DMatrix, SymmetricEigen};

/// A transformation of traits, fit on the rows that it is applied to: all items, or all users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Transform {
    /// The traits as they are in the profiles
    Raw,
    /// Less their mean: a trait that all share tells nothing
    Centred,
    /// Mean 0 and variance 1 each, as `pretrain` takes them
    #[default]
    Standardised,
    /// Uncorrelated too: words that say the same count once
    Whitened,
}

/// The part of the covariance that is taken from its mean diagonal: directions in which traits hardly vary are
/// noise, which whitening would blow up (Ledoit and Wolf 2004 choose such a part from the data).
const SHRINKAGE: f64 = 0.1;

impl Transform {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Transform::Raw => "raw",
            Transform::Centred => "centred",
            Transform::Standardised => "standardised",
            Transform::Whitened => "whitened",
        }
    }

    /// Transforms `values`, row-major, rows x `width`.
    pub(super) fn apply(self, values: &mut [f64], width: usize) {
        if values.is_empty() || self == Transform::Raw {
            return;
        }
        centre(values, width);
        match self {
            Transform::Raw | Transform::Centred => {}
            Transform::Standardised => scale(values, width),
            Transform::Whitened => whiten(values, width),
        }
    }
}

fn centre(values: &mut [f64], width: usize) {
    let rows = (values.len() / width) as f64;
    for column in 0..width {
        let mean = values.iter().skip(column).step_by(width).sum::<f64>() / rows;
        values
            .iter_mut()
            .skip(column)
            .step_by(width)
            .for_each(|value| *value -= mean);
    }
}

/// Columns of mean 0 to variance 1; a constant column stays 0.
fn scale(values: &mut [f64], width: usize) {
    let rows = (values.len() / width) as f64;
    for column in 0..width {
        let squares: f64 = values.iter().skip(column).step_by(width).map(|v| v * v).sum();
        let scale = if squares / rows > 1e-12 {
            (squares / rows).sqrt().recip()
        } else {
            0.0
        };
        values
            .iter_mut()
            .skip(column)
            .step_by(width)
            .for_each(|value| *value *= scale);
    }
}

/// Columns of mean 0 by the inverse square root of their covariance (ZCA: of all whitenings the one that stays
/// closest to the traits, so that whitened users can be compared with whitened items).
fn whiten(values: &mut [f64], width: usize) {
    let found = SymmetricEigen::new(DMatrix::from_row_slice(width, width, &covariance(values, width)));
    let roots = found.eigenvalues.map(|value| match value > 1e-12 {
        true => value.sqrt().recip(),
        false => 0.0,
    });
    // W = V diag(1 / roots) V^T, symmetric, so that its columns are its rows.
    let whitening = &found.eigenvectors * DMatrix::from_diagonal(&roots) * found.eigenvectors.transpose();
    for row in values.chunks_exact_mut(width) {
        let before = row.to_vec();
        for (value, weights) in row.iter_mut().zip(whitening.as_slice().chunks_exact(width)) {
            *value = weights
                .iter()
                .zip(&before)
                .map(|(weight, value)| weight * value)
                .sum();
        }
    }
}

fn covariance(values: &[f64], width: usize) -> Vec<f64> {
    let rows = (values.len() / width) as f64;
    let mut covariance = vec![0.0; width * width];
    for row in values.chunks_exact(width) {
        for (a, line) in row.iter().zip(covariance.chunks_exact_mut(width)) {
            line.iter_mut().zip(row).for_each(|(sum, b)| *sum += a * b / rows);
        }
    }
    let mean = (0..width).map(|at| covariance[at * width + at]).sum::<f64>() / width as f64;
    covariance.iter_mut().for_each(|value| *value *= 1.0 - SHRINKAGE);
    (0..width).for_each(|at| covariance[at * width + at] += SHRINKAGE * mean);
    covariance
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::rng::{normal, stream};

    /// Rows of three traits: the second says what the first does, the third is constant.
    fn traits() -> Vec<f64> {
        let mut rng = stream(3, "test", &[]);
        let mut row = || {
            let (a, b) = (f64::from(normal(&mut rng)), f64::from(normal(&mut rng)));
            [5.0 + a, 3.0 * (a + 0.5 * b), 7.0]
        };
        (0..2000).flat_map(|_| row()).collect()
    }

    fn moments(values: &[f64]) -> ([f64; 3], [f64; 9]) {
        let rows = (values.len() / 3) as f64;
        let mut mean = [0.0; 3];
        let mut product = [0.0; 9];
        for row in values.chunks_exact(3) {
            for i in 0..3 {
                mean[i] += row[i] / rows;
                for j in 0..3 {
                    product[3 * i + j] += row[i] * row[j] / rows;
                }
            }
        }
        (mean, product)
    }

    #[test]
    fn each_does_what_its_name_says() {
        let apply = |transform: Transform| {
            let mut values = traits();
            transform.apply(&mut values, 3);
            values
        };
        assert_eq!(apply(Transform::Raw), traits());
        let (mean, _) = moments(&apply(Transform::Centred));
        assert!(mean.iter().all(|m| m.abs() < 1e-9), "{mean:?}");
        let (mean, product) = moments(&apply(Transform::Standardised));
        assert!(mean.iter().all(|m| m.abs() < 1e-9), "{mean:?}");
        assert!((product[0] - 1.0).abs() < 1e-9 && (product[4] - 1.0).abs() < 1e-9);
        assert!(product[1] > 0.8 && product[8].abs() < 1e-9, "{product:?}");
        let (_, white) = moments(&apply(Transform::Whitened));
        let correlation = white[1] / (white[0] * white[4]).sqrt();
        let before = product[1];
        assert!(correlation < before - 0.3, "{correlation} {before}");
    }
}
