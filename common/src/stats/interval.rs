//! Means of independent values with intervals by Student's t.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The level of two-sided intervals where nobody asks for another.
pub const LEVEL: f64 = 0.95;

/// A mean of values that are taken as independent draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The arithmetic mean, in the values' unit.
    pub mean: f64,
    /// Its standard error, sd / sqrt(n); infinite for one value, where the spread is unknown.
    pub standard_error: f64,
    /// Half the width of the two-sided 95 % interval: t times the standard error, t of Student's distribution with n - 1 degrees
    /// of freedom; infinite for one value.
    pub half: f64,
}

impl Mean {
    /// Of `values` in a given order (the sum, and with it the last bit, depends on the order); `None` of no value.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let (standard_error, half) = match values.len() {
            0 => return None,
            1 => (f64::INFINITY, f64::INFINITY),
            _ => {
                let standard_error = (squares / (n - 1.0) / n).sqrt();
                (standard_error, t_quantile(n - 1.0, LEVEL) * standard_error)
            }
        };
        Some(Mean {
            mean,
            standard_error,
            half,
        })
    }
}

/// The quantile of Student's t with `freedom` degrees of freedom that leaves (1 - `confidence`) / 2 above it.
pub fn t_quantile(freedom: f64, confidence: f64) -> f64 {
    // The constructor refuses a freedom of 0 alone; infinity gives an interval that claims nothing.
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| t.inverse_cdf((1.0 + confidence) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_printed_tables() {
        for (freedom, expected) in [
            (1.0, 12.706_205),
            (2.0, 4.302_653),
            (4.0, 2.776_445),
            (9.0, 2.262_157),
            (99.0, 1.984_217),
        ] {
            let found = t_quantile(freedom, LEVEL);
            assert!((found - expected).abs() < 1e-5, "{freedom}: {found}");
        }
        assert_eq!(t_quantile(0.0, LEVEL), f64::INFINITY);
    }

    #[test]
    fn the_interval_of_five_values_is_that_of_the_textbook() {
        // Mean 3, sd sqrt(2.5), and t(4) = 2.776445.
        let found = Mean::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!((found.mean, found.standard_error), (3.0, 0.5_f64.sqrt()));
        assert!((found.half - 2.776_445 * 0.5_f64.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn one_value_claims_nothing_and_none_is_none() {
        let one = Mean::of(&[0.7]).unwrap();
        assert_eq!(
            (one.mean, one.standard_error, one.half),
            (0.7, f64::INFINITY, f64::INFINITY)
        );
        assert_eq!(Mean::of(&[]), None);
        assert_eq!(Mean::of(&[2.0, 2.0]).unwrap().half, 0.0);
    }
}
