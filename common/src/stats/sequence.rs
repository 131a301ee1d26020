//! Confidence sequences: intervals that hold at all times at once, so that who looks whenever they like, and stops when they
//! like what they see, is wrong no more often than the level says.

/// The effective sample at which [`sequence_half`] is narrowest beside an interval for one look: about half as wide again.
const TIGHTEST: f64 = 5_000.0;

/// Half the width, in standard errors, of the two-sided confidence sequence with error `alpha` at an effective sample of `size`
/// (the variance of one observation, divided by that of the estimate).
///
/// It is the normal mixture of Robbins (1970), which Johari, Pekelis and Walsh ("Always valid inference", 2015) call mSPRT and
/// Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas ("Time-uniform central limit theory and asymptotic confidence sequences",
/// Annals of Statistics 2024, theorem 2.2) show to hold asymptotically with estimated variances:
///
/// ```text
/// half = sqrt((1 + rho^2 t) / (rho^2 t) * (ln(1 + rho^2 t) - 2 ln alpha)),   rho^2 = (-2 ln alpha + ln(1 - 2 ln alpha)) / 5000
/// ```
///
/// with t = `size`. Infinite where that is 0.
pub fn sequence_half(size: f64, alpha: f64) -> f64 {
    let error = -2.0 * alpha.ln();
    let scaled = (error + error.ln_1p()) / TIGHTEST * size;
    // Of no sample, or where one of the numbers is none, nothing is claimed.
    match scaled > 0.0 {
        true => ((1.0 + scaled) / scaled * (scaled.ln_1p() + error)).sqrt(),
        false => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{normal, stream};

    #[test]
    fn the_width_is_that_of_the_equation() {
        assert_eq!(sequence_half(0.0, 0.05), f64::INFINITY);
        assert_eq!(sequence_half(f64::NAN, 0.05), f64::INFINITY);
        // rho^2 t = 5.99146 + ln(6.99146) = 7.93619 at t = 5000; (8.93619 / 7.93619) * (ln 8.93619 + 5.99146) = 9.2123.
        assert!((sequence_half(5_000.0, 0.05) - 9.212_3_f64.sqrt()).abs() < 1e-3);
        let around = [500.0, 2_000.0, 12_500.0, 50_000.0].map(|size| sequence_half(size, 0.05));
        assert!(around.iter().all(|half| *half > sequence_half(5_000.0, 0.05)));
    }

    #[test]
    fn it_holds_at_every_look_where_an_interval_for_one_look_does_not() {
        let (paths, looks) = (400, 20_000);
        let missed = |half: &dyn Fn(f64) -> f64| {
            let outside = (0..paths).filter(|path| {
                let mut rng = stream(1, "walk", &[*path]);
                let mut sum = 0.0;
                (1..=looks).any(|t| {
                    sum += f64::from(normal(&mut rng));
                    let t = f64::from(t);
                    t >= 50.0 && sum.abs() > t.sqrt() * half(t)
                })
            });
            outside.count() as f64 / f64::from(paths as u32)
        };
        // Four standard errors of a share of 400 above 0.05 would be 0.094.
        let (always, once) = (missed(&|t| sequence_half(t, 0.05)), missed(&|_| 1.96));
        assert!(always < 0.05, "{always}");
        assert!(once > 0.3, "{once}");
    }
}
