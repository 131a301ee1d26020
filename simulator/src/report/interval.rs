//! Mean and Student-t interval of a few independent measurements.

use common::stats::Mean;

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
        let Mean { mean, half, .. } = Mean::of(values)?;
        Some(Estimate {
            mean,
            interval: (values.len() > 1).then_some([mean - half, mean + half]),
            n: values.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
