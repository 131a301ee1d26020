//! A mean over users with its standard error and interval.

use common::stats::Mean;

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
        let Mean {
            mean,
            standard_error,
            half,
        } = Mean::of(values)?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
