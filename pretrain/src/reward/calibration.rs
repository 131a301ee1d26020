//! Platt's calibration: a line over the logit, fit on users that the model has not seen.

use super::logistic::{Fitted, Observation, fit};
use super::matrix::Matrix;

/// calibrated logit = (1 + slope) logit + shift; zero both where there is nothing to learn from.
/// Source: Platt 1999, with a normal prior of unit variance around the identity in place of his soft targets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Platt {
    pub(crate) slope: f64,
    pub(crate) shift: f64,
    /// Of (shift, slope).
    pub(crate) covariance: Matrix,
}

impl Platt {
    /// From the model's logits as the one feature of each observation.
    pub(crate) fn fit(scored: impl Iterator<Item = Observation<1>>) -> Self {
        let observations: Vec<Observation<1>> = scored
            .map(|observation| Observation {
                offset: observation.x[0],
                ..observation
            })
            .collect();
        let Fitted {
            intercept: shift,
            coefficients: [slope],
            covariance,
            ..
        } = fit(&observations, 1.0);
        Platt {
            slope,
            shift,
            covariance,
        }
    }
}

#[cfg(test)]
mod tests {
    use common::stats::logistic;

    use super::*;

    /// Scores that are twice too sure and shifted: calibration finds the line back.
    #[test]
    fn finds_the_line_between_scores_and_frequencies() {
        let truth = |score: f64| 0.5 * score - 1.0;
        let observation = |score, success, weight| Observation {
            x: [score],
            offset: 0.0,
            success,
            weight,
            group: 0,
        };
        let platt = Platt::fit((-40..=40).flat_map(|i| {
            let score = f64::from(i) / 8.0;
            let p = logistic(truth(score));
            [
                observation(score, true, 1e4 * p),
                observation(score, false, 1e4 * (1.0 - p)),
            ]
        }));
        for score in [-3.0, 0.0, 3.0] {
            let calibrated = (1.0 + platt.slope) * score + platt.shift;
            assert!((calibrated - truth(score)).abs() < 1e-3);
        }
    }

    #[test]
    fn nothing_to_learn_from_is_the_identity() {
        let platt = Platt::fit(std::iter::empty());
        assert_eq!((platt.slope, platt.shift), (0.0, 0.0));
    }
}
