//! The exponential and sums over slices, in a form that the compiler turns into vector instructions.
//!
//! The policies here score whole catalogues, so most of a training step's transcendental functions are this
//! one. It uses only additions, multiplications and bit moves, each rounded as IEEE 754 says, so that its
//! bytes do not depend on the platform's mathematics library.
//!
//! [`common::policy::elementary::exp`] differs in the last place of two coefficients: training keeps its own, and trained
//! policies their bytes.

const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 in two parts (Cephes), the first exact in few bits, so that `x - n ln 2` keeps its precision.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// Adding and taking away 1.5 * 2^23 rounds to the nearest integer.
const ROUND: f32 = 12_582_912.0;

/// e^x to within 2 units in the last place for x in [-87, 88]; 0 below -87, e^88 above 88, NaN kept.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let bounded = if x > 88.0 { 88.0 } else { x };
    let bounded = if bounded < -87.0 { -87.0 } else { bounded };
    let n = bounded * LOG2_E + ROUND - ROUND;
    let r = bounded - n * LN2_HIGH - n * LN2_LOW;
    // Cephes' minimax polynomial of degree 5 for (e^r - 1 - r) / r^2 on [-ln2/2, ln2/2].
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5.000_000_3e-1;
    let y = p * r * r + r + 1.0;
    let power = f32::from_bits((((n as i32) + 127) << 23) as u32);
    if x < -87.0 { 0.0 } else { y * power }
}

/// Values that are summed in single precision before they are added in double.
const STRETCH: usize = 1_024;
const LANES: usize = 16;

/// The sum of `values`: sixteen partial sums a stretch, stretches in double precision, all in a fixed order.
pub(crate) fn sum(values: &[f32]) -> f64 {
    let stretch = |values: &[f32]| {
        let mut lanes = [0.0_f32; LANES];
        let chunks = values.chunks_exact(LANES);
        let rest: f32 = chunks.remainder().iter().sum();
        for chunk in chunks {
            for (lane, value) in lanes.iter_mut().zip(chunk) {
                *lane += value;
            }
        }
        f64::from(lanes.iter().sum::<f32>() + rest)
    };
    values.chunks(STRETCH).map(stretch).sum()
}

/// The sum of the products of `a` and `b`, as [`sum`].
pub(crate) fn sum_of_products(a: &[f32], b: &[f32]) -> f64 {
    let stretch = |(a, b): (&[f32], &[f32])| {
        let mut lanes = [0.0_f32; LANES];
        let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
        let rest: f32 = a_chunks
            .remainder()
            .iter()
            .zip(b_chunks.remainder())
            .map(|(a, b)| a * b)
            .sum();
        for (a, b) in a_chunks.zip(b_chunks) {
            for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
                *lane += a * b;
            }
        }
        f64::from(lanes.iter().sum::<f32>() + rest)
    };
    a.chunks(STRETCH).zip(b.chunks(STRETCH)).map(stretch).sum()
}

/// The same, in single precision at the end: for short rows.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    sum_of_products(a, b) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_library() {
        for i in -87_000..88_000 {
            let x = i as f32 / 1000.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.4e-7, "exp({x}): relative error {error}");
        }
    }

    #[test]
    fn the_ends() {
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(-200.0), 0.0);
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::INFINITY).is_finite());
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn sums_over_odd_lengths() {
        let values: Vec<f32> = (0..37).map(|i| (i as f32) - 40.0).collect();
        assert_eq!(sum(&values), f64::from((0..37).sum::<i32>()) - 37.0 * 40.0);
        assert_eq!(
            sum_of_products(&values, &values),
            f64::from((4..41).map(|v| v * v).sum::<i32>())
        );
    }
}
