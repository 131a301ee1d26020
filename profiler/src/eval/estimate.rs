//! A mean over users with its standard error and interval.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The confidence level of all intervals.
const LEVEL: f64 = 0.95;

/// A mean over users, who are taken as independent draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The arithmetic mean.
    pub mean: f64,
    /// The standard error of the mean, sd / sqrt(users); infinite for one user.
    pub standard_error: f64,
    /// The two-sided 95 % interval, mean -+ t times the standard error, t of Student's distribution of users - 1
    /// degrees of freedom.
    pub interval: (f64, f64),
    /// Over how many users.
    pub users: usize,
}

impl Estimate {
    /// Of one value a user, in a fixed order; None of no value.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let (standard_error, half) = if values.len() == 1 {
            (f64::INFINITY, f64::INFINITY)
        } else {
            let standard_error = (squares / (n - 1.0) / n).sqrt();
            (standard_error, quantile(n - 1.0) * standard_error)
        };
        Some(Estimate {
            mean,
            standard_error,
            interval: (mean - half, mean + half),
            users: values.len(),
        })
    }

    /// Of the difference of two values of each user who has both.
    pub(super) fn of_difference(values: &[Option<f64>], others: &[Option<f64>]) -> Option<Self> {
        let both = values.iter().zip(others);
        let differences: Vec<f64> = both.filter_map(|(a, b)| Some((*a)? - (*b)?)).collect();
        Self::of(&differences)
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
    fn the_interval_is_that_of_the_textbook() {
        // Mean 0.5, sd 0.1 (n - 1), n 5, and t(4) = 2.776445.
        let values = [0.5 - 0.1, 0.5 + 0.1, 0.5 - 0.1, 0.5 + 0.1, 0.5];
        let found = Estimate::of(&values).unwrap();
        let standard_error = 0.1 / 5_f64.sqrt();
        assert!((found.mean - 0.5).abs() < 1e-12);
        assert!((found.standard_error - standard_error).abs() < 1e-12);
        assert!((found.interval.1 - 0.5 - 2.776_445 * standard_error).abs() < 1e-6);
        assert!((found.interval.0 + found.interval.1 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn one_user_claims_nothing_and_none_is_none() {
        let one = Estimate::of(&[0.7]).unwrap();
        assert_eq!(one.interval, (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!(Estimate::of(&[]), None);
    }

    #[test]
    fn a_difference_is_over_the_users_who_have_both() {
        let values = [Some(0.9), None, Some(0.5), Some(0.7)];
        let others = [Some(0.4), Some(0.1), Some(0.2), None];
        let found = Estimate::of_difference(&values, &others).unwrap();
        assert_eq!(found.users, 2);
        assert!((found.mean - 0.4).abs() < 1e-12);
        assert!(found.standard_error < Estimate::of(&[0.9, 0.5]).unwrap().standard_error);
    }
}
