//! Platt's calibration: a line over the logit, fit on users that the model has not seen.

use super::logistic::{Observation, fit};

/// calibrated logit = (1 + slope) logit + shift; zero both where there is nothing to learn from.
/// Source: Platt 1999, with a normal prior of unit variance around the identity in place of his soft targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub(crate) struct Platt {
    pub(crate) slope: f64,
    pub(crate) shift: f64,
}

impl Platt {
    /// From (logit, success, weight).
    pub(crate) fn fit(scored: &[(f64, bool, f64)]) -> Self {
        let observations: Vec<Observation<1>> = scored
            .iter()
            .map(|&(logit, success, weight)| Observation {
                x: [logit],
                offset: logit,
                success,
                weight,
            })
            .collect();
        let (shift, [slope]) = fit(&observations, 1.0);
        Platt { slope, shift }
    }

    /// The calibrated logit.
    pub(crate) fn apply(&self, logit: f64) -> f64 {
        (1.0 + self.slope) * logit + self.shift
    }
}

#[cfg(test)]
mod tests {
    use super::super::logistic::logistic;
    use super::*;

    /// Scores that are twice too sure and shifted: calibration finds the line back.
    #[test]
    fn finds_the_line_between_scores_and_frequencies() {
        let truth = |score: f64| 0.5 * score - 1.0;
        let scored: Vec<(f64, bool, f64)> = (-40..=40)
            .flat_map(|i| {
                let score = f64::from(i) / 8.0;
                let p = logistic(truth(score));
                [(score, true, 1e4 * p), (score, false, 1e4 * (1.0 - p))]
            })
            .collect();
        let platt = Platt::fit(&scored);
        for score in [-3.0, 0.0, 3.0] {
            assert!((platt.apply(score) - truth(score)).abs() < 1e-3);
        }
    }

    #[test]
    fn nothing_to_learn_from_is_the_identity() {
        assert_eq!(Platt::fit(&[]), Platt::default());
    }
}
