//! Exponential, logistic function and hyperbolic tangent in plain arithmetic.
//!
//! The system's `expf` and `tanhf` are neither vectorised nor the same on every machine. These are: they use only
//! additions, multiplications, divisions and bit shifts, so that a policy adapted on one computer has the same bytes
//! as one adapted on another.

/// Below this the result is 0 and above its negative it is the largest finite power, so that no infinity arises.
const LOWEST: f32 = -87.0;

/// e^x with a relative error below 2e-7 (Cephes `expf`: range reduction by ln 2, then a polynomial of degree 6).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let clamped = x.clamp(LOWEST, -LOWEST);
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer without a call.
    const ROUND: f32 = 12_582_912.0;
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    // ln 2 in two parts: the first has few bits, so that k * 0.693_359_4 is exact.
    let r = (clamped - k * 0.693_359_4) + k * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_6e-1;
    p = p * r + 5e-1;
    let fraction = p * r * r + r + 1.0;
    // The low bits of `shifted` hold k; |k| <= 126, so that the biased exponent stays inside 1..=253.
    let power = f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    if x < LOWEST { 0.0 } else { fraction * power }
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent: 1 - 2 / (1 + e^2x), absolute error below 2e-7.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_double_precision() {
        let mut worst_exp = 0.0f64;
        let mut worst_tanh = 0.0f64;
        for i in -80_000..80_000 {
            let x = i as f32 * 1e-3;
            let truth = f64::from(x).exp();
            worst_exp = worst_exp.max(((f64::from(exp(x)) - truth) / truth).abs());
            worst_tanh = worst_tanh.max((f64::from(tanh(x)) - f64::from(x).tanh()).abs());
        }
        assert!(worst_exp < 2e-7, "{worst_exp}");
        assert!(worst_tanh < 2.5e-7, "{worst_tanh}");
    }

    #[test]
    fn stays_finite_at_the_ends() {
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(-1000.0), 0.0);
        assert!(exp(1000.0).is_finite());
        assert_eq!(exp(0.0), 1.0);
        assert!(sigmoid(-1000.0) < 1e-37);
        assert_eq!(sigmoid(1000.0), 1.0);
        assert_eq!(tanh(1000.0), 1.0);
        assert_eq!(tanh(-1000.0), -1.0);
    }
}
