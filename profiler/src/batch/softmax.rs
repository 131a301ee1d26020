//! The logarithm of a softmax's denominator over a whole vocabulary, in vector instructions.
//!
//! Plain multiplications and additions in a fixed order: the same bits on any CPU.

use common::{Error, Result};

/// Values worked on side by side.
const LANES: usize = 16;
/// Values summed in 32 bits before the sum goes on in 64.
const BLOCK: usize = 64 * LANES;

/// `ln(sum(exp(logits)))` to about 1e-7; NaN where a logit is NaN or positive infinity, or none is finite.
pub(crate) fn log_sum_exp(logits: &[f32]) -> f64 {
    let highest = highest(logits);
    let mass: f64 = logits.chunks(BLOCK).map(|block| mass(block, highest)).sum();
    f64::from(highest) + mass.ln()
}

/// [`log_sum_exp`] of logits that are a distribution and tell tokens apart.
///
/// # Errors
/// Where they are all the same, NaN or infinite.
pub(crate) fn normaliser(logits: &[f32]) -> Result<f64> {
    let normaliser = log_sum_exp(logits);
    match normaliser.is_finite() && logits.iter().any(|&logit| logit != logits[0]) {
        true => Ok(normaliser),
        false => Err(Error::data(
            "the model gives no probabilities: its logits are all the same, NaN or infinite",
        )
        .hint("the model file may be damaged: fetch or prepare it again")),
    }
}

fn highest(logits: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let (rows, rest) = logits.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for row in rows {
        for (lane, &logit) in lanes.iter_mut().zip(row) {
            *lane = larger(*lane, logit);
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger)
}

/// `sum(exp(logit - highest))` over at most [`BLOCK`] logits.
fn mass(block: &[f32], highest: f32) -> f64 {
    let (rows, rest) = block.as_chunks::<LANES>();
    let mut lanes = [0.0_f32; LANES];
    for row in rows {
        for (lane, &logit) in lanes.iter_mut().zip(row) {
            *lane += exp(logit - highest);
        }
    }
    let rest = rest.iter().map(|&logit| f64::from(exp(logit - highest)));
    lanes.iter().map(|&lane| f64::from(lane)).chain(rest).sum()
}

/// `exp(x)` for `x` at most 0, to two units in the last place; below -87 it stays at `exp(-87)`, which is nothing
/// beside the largest term. Cody and Waite's reduction, the polynomial of Cephes.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding and taking away this rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // A comparison that NaN fails, so that NaN stays.
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let part = x - whole * LN2_HIGH - whole * LN2_LOW;
    let mut power = 1.987_569_2e-4;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        power = power * part + coefficient;
    }
    power = power * part * part + part + 1.0;
    // The low bits of `shifted` are the whole number: into the exponent.
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    power * scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::rng::{RngExt, stream};

    #[test]
    fn the_exponential_is_right_over_its_range() {
        for step in 0..=87_000 {
            let x = -(step as f32) / 1000.0;
            let (ours, exact) = (f64::from(exp(x)), f64::from(x).exp());
            assert!(
                (ours / exact - 1.0).abs() < 3e-7,
                "exp({x}) = {ours}, not {exact}"
            );
        }
        assert!(exp(-1e9) < 1e-37 && exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn it_agrees_with_a_plain_sum() {
        let mut rng = stream(1, "logits", &[]);
        for length in [1, 15, 16, 17, 1024, 49_152, 151_937] {
            let logits: Vec<f32> = (0..length).map(|_| rng.random_range(-30.0..20.0)).collect();
            let exact = logits.iter().map(|&l| f64::from(l).exp()).sum::<f64>().ln();
            let ours = log_sum_exp(&logits);
            assert!((ours - exact).abs() < 1e-6, "{length}: {ours}, not {exact}");
        }
    }

    #[test]
    fn large_logits_do_not_overflow() {
        assert_eq!(log_sum_exp(&[1e4, 0.0]), 1e4);
        assert_eq!(log_sum_exp(&[f32::NEG_INFINITY, 3.0]), 3.0);
    }

    #[test]
    fn what_is_no_distribution_is_nan() {
        let mut logits = vec![0.0; 100];
        for bad in [f32::NAN, f32::INFINITY] {
            logits[40] = bad;
            assert!(log_sum_exp(&logits).is_nan() && normaliser(&logits).is_err());
            logits[40] = 0.0;
            assert!(log_sum_exp(&logits).is_finite());
        }
        assert!(log_sum_exp(&[f32::NEG_INFINITY; 20]).is_nan());
        assert!(normaliser(&[0.5; 20]).is_err() && normaliser(&[0.5, 0.25]).is_ok());
    }
}
