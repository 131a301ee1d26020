//! Statistics that several tools report, and the functions of numbers that they are made from.

mod auc;
mod exposure;
mod interval;
mod sequence;

pub use auc::{Tied, auc, auc_of_tied, tied};
pub use exposure::{coverage, gini};
pub use interval::{LEVEL, Mean, t_quantile};
pub use sequence::sequence_half;

use std::iter::Sum;
use std::ops::{AddAssign, Mul};

/// The probability whose log-odds are `z`: 1 / (1 + e^-z).
#[inline]
pub fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// ln(1 + e^z) in nats, without overflow: the log loss of a prediction with log-odds -z for what happened.
#[inline]
pub fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// The inner product of two vectors of one length, in eight sums side by side so that it runs in SIMD lanes.
#[inline]
pub fn dot<T: Copy + Default + AddAssign + Mul<Output = T> + Sum>(a: &[T], b: &[T]) -> T {
    let (a_eights, a_rest) = a.as_chunks::<8>();
    let (b_eights, b_rest) = b.as_chunks::<8>();
    let mut sums = [T::default(); 8];
    for (a, b) in a_eights.iter().zip(b_eights) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let mut total: T = sums.into_iter().sum();
    total += a_rest.iter().zip(b_rest).map(|(x, y)| *x * *y).sum();
    total
}

/// The cosine of the angle between two vectors of one length, summed in double precision; 0 where one has no direction.
pub fn cosine<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> f64 {
    let dot = |a: &[T], b: &[T]| {
        a.iter()
            .zip(b)
            .map(|(x, y)| (*x).into() * (*y).into())
            .sum::<f64>()
    };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_those_of_their_definitions() {
        for z in [-3.0_f64, -0.5, 0.0, 0.5, 3.0] {
            assert!((logistic(z) - z.exp() / (1.0 + z.exp())).abs() < 1e-15);
            assert!((softplus(z) - (1.0 + z.exp()).ln()).abs() < 1e-15);
        }
        assert_eq!((softplus(1e3), softplus(-1e3), logistic(-1e3)), (1e3, 0.0, 0.0));
    }

    #[test]
    fn products_of_vectors_by_hand() {
        let counted: Vec<f32> = (1..=11_i16).map(f32::from).collect();
        assert_eq!(dot(&counted, &counted), 506.0);
        assert_eq!(dot::<f64>(&[], &[]), 0.0);
        assert!((cosine(&[1.0_f32, 1.0], &[2.0, 0.0]) - 0.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(cosine(&[0.0, 0.0], &[2.0, 0.0]), 0.0);
    }
}
