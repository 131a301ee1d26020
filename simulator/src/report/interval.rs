//! Mean and Student-t interval of a few independent measurements.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The confidence level of every interval of the report.
pub(super) const LEVEL: f64 = 0.95;

/// A mean over seeds with its two-sided 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    /// The arithmetic mean.
    pub(super) mean: f64,
    /// Lower and upper bound, `mean -+ t sd / sqrt(n)` with t of n - 1 degrees of freedom; `None` below two values,
    /// where the spread is unknown.
    pub(super) interval: Option<[f64; 2]>,
    /// How many values.
    pub(super) n: usize,
}

impl Estimate {
    /// Of `values` in a given order (the sum, and with it the last bit, depends on the order); `None` of no value.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let interval = (values.len() > 1).then(|| {
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            let half = quantile(n - 1.0) * (squares / (n - 1.0) / n).sqrt();
            [mean - half, mean + half]
        });
        Some(Estimate {
            mean,
            interval,
            n: values.len(),
        })
    }
}

/// The quantile of Student's t that leaves (1 - LEVEL) / 2 above it.
fn quantile(freedom: f64) -> f64 {
    // The constructor refuses a freedom of 0 alone; infinity gives an interval that claims nothing.
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| t.inverse_cdf((1.0 + LEVEL) / 2.0))
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
            assert!(
                (quantile(freedom) - expected).abs() < 1e-5,
                "{freedom}: {}",
                quantile(freedom)
            );
        }
    }

    #[test]
    fn the_interval_of_five_values() {
        // mean 3, sd sqrt(2.5), half width 2.776445 * sqrt(2.5 / 5)
        let found = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let [low, high] = found.interval.unwrap();
        assert_eq!((found.mean, found.n), (3.0, 5));
        assert!(
            (low - 1.036_757).abs() < 1e-5 && (high - 4.963_243).abs() < 1e-5,
            "{low} {high}"
        );
    }

    #[test]
    fn one_value_has_no_interval_and_none_has_no_mean() {
        assert_eq!(Estimate::of(&[2.0]).unwrap().interval, None);
        assert_eq!(Estimate::of(&[]), None);
        assert_eq!(Estimate::of(&[2.0, 2.0]).unwrap().interval, Some([2.0, 2.0]));
    }
}
