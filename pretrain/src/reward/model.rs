//! The reward model's answers: a calibrated probability, and how far it can be trusted.

use common::stats::logistic;
use serde::Serialize;

use super::calibration::Platt;
use super::features::{Context, FEATURES, Features, Seen};
use super::logistic::Fitted;
use super::reliability::NORMAL_95;
use crate::data::Event;

/// Coefficients with the intercept.
const SIZE: usize = FEATURES + 1;

/// What the reward model knows and how careful it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RewardConfig {
    /// Whether the model looks at what users with the same likes went on to like: the language model's word is then
    /// the prior, the log the evidence. Without, all it has from the log is popularity, as in the paper.
    pub evidence: bool,
    /// Standard deviations that are taken off the logit: 0 answers with the mean, more with a lower bound (Jin, Yang
    /// and Wang 2021, "Is pessimism provably efficient for offline RL?").
    pub pessimism: f32,
}

/// A calibrated logistic model of "the user takes up the item and likes it".
#[derive(Clone, Debug)]
pub struct RewardModel {
    features: Features,
    /// Of the calibrated logit, intercept first.
    coefficients: [f64; SIZE],
    /// Of the coefficients.
    covariance: [[f64; SIZE]; SIZE],
    /// [`RewardConfig::pessimism`].
    pessimism: f64,
}

/// A probability and what is known of its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// That the user takes up the item and likes it.
    pub probability: f64,
    /// The 95 % interval's lower bound.
    pub lower: f64,
    /// The 95 % interval's upper bound.
    pub upper: f64,
    /// The logit of `probability`, and the middle of its interval.
    pub logit: f64,
    /// Standard error of the logit.
    pub error: f64,
}

impl RewardModel {
    /// Calibration is a line over the logit, so that the calibrated model is logistic again: with z = x . theta the
    /// logit is (1 + slope) z + shift. Its covariance is that of theta and, over (shift, slope), that of the line;
    /// they were fit on different users, so the two add up.
    pub(crate) fn new(
        features: Features,
        fitted: &Fitted<FEATURES>,
        platt: &Platt,
        config: &RewardConfig,
    ) -> Self {
        let scale = 1.0 + platt.slope;
        let theta: [f64; SIZE] = std::array::from_fn(|i| {
            if i == 0 {
                fitted.intercept
            } else {
                fitted.coefficients[i - 1]
            }
        });
        let first = |i: usize| f64::from(u8::from(i == 0));
        let line = &platt.covariance;
        let covariance = std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                scale * scale * fitted.covariance[i][j]
                    + first(i) * first(j) * line[0][0]
                    + (first(i) * theta[j] + theta[i] * first(j)) * line[0][1]
                    + theta[i] * theta[j] * line[1][1]
            })
        });
        RewardModel {
            features,
            coefficients: std::array::from_fn(|i| scale * theta[i] + first(i) * platt.shift),
            covariance,
            pessimism: f64::from(config.pessimism),
        }
    }

    /// The state's side of the features; see [`RewardModel::probability`].
    pub fn context(&self, history: &[Event], user_traits: &[f32]) -> Context {
        self.features.context(history, user_traits)
    }

    /// The reward that a policy is trained on: the calibrated probability that a user in this state takes up `item`
    /// and likes it, or where [`RewardConfig::pessimism`] asks for it, that many standard errors of the logit below.
    pub fn probability(&self, context: &Context, item: u32) -> f32 {
        let seen = self.features.of(context, item);
        let below = if self.pessimism == 0.0 {
            0.0
        } else {
            self.pessimism * self.error(&seen)
        };
        logistic(self.logit(&seen.x) - below) as f32
    }

    /// The calibrated probability with its uncertainty, whatever the pessimism.
    pub fn predict(&self, context: &Context, item: u32) -> Prediction {
        let seen = self.features.of(context, item);
        let (logit, error) = (self.logit(&seen.x), self.error(&seen));
        Prediction {
            probability: logistic(logit),
            lower: logistic(logit - NORMAL_95 * error),
            upper: logistic(logit + NORMAL_95 * error),
            logit,
            error,
        }
    }

    /// The language model's weight in the evidence for `item`: 1 where the log says nothing.
    pub(crate) fn prior_weight(&self, context: &Context, item: u32) -> f64 {
        self.features.of(context, item).prior_weight()
    }

    /// The likes that the language model's word is worth against the evidence; none without evidence.
    pub(crate) fn prior_likes(&self) -> Option<f64> {
        self.features.prior_likes()
    }

    /// The logarithm of an item's popularity.
    pub(crate) fn popularity(&self, item: u32) -> f64 {
        self.features.popularity(item)
    }

    fn logit(&self, x: &[f64; FEATURES]) -> f64 {
        let terms = x.iter().zip(&self.coefficients[1..]);
        self.coefficients[0] + terms.map(|(x, c)| x * c).sum::<f64>()
    }

    /// Standard error of the logit: from the coefficients, which a finite log leaves uncertain, and from the features,
    /// which are estimates themselves (popularity and evidence, counts in the end).
    fn error(&self, seen: &Seen) -> f64 {
        let x: [f64; SIZE] = std::array::from_fn(|i| if i == 0 { 1.0 } else { seen.x[i - 1] });
        let mut variance = 0.0;
        for (x_i, row) in x.iter().zip(&self.covariance) {
            variance += x_i * x.iter().zip(row).map(|(x_j, c)| x_j * c).sum::<f64>();
        }
        for (c, of_feature) in self.coefficients[1..].iter().zip(seen.variance()) {
            variance += c * c * of_feature;
        }
        variance.max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use common::rng::{RngExt, stream};

    use super::super::logistic::{Observation, fit};
    use super::*;
    use crate::data::Traits;

    const ITEMS: u32 = 40;
    const SHARE: f64 = 8.0;

    /// A user's pairs where the logit is 0.8 popularity - 2; failures are sampled.
    fn pairs(features: &Features, log: u64, user: usize) -> Vec<Observation<FEATURES>> {
        let context = features.context(&[], &[]);
        let mut rng = stream(log, "test/model", &[user as u64]);
        let mut drawn = Vec::new();
        // A user meets a few neighbouring items often.
        let around = rng.random_range(0..ITEMS - 5);
        for _ in 0..80 {
            let x = features.of(&context, around + rng.random_range(0..5)).x;
            let success = rng.random::<f64>() < logistic(0.8 * x[2] - 2.0);
            if success || rng.random::<f64>() < 1.0 / SHARE {
                drawn.push(Observation {
                    x,
                    offset: 0.0,
                    success,
                    weight: if success { 1.0 } else { SHARE },
                    group: user,
                });
            }
        }
        drawn
    }

    #[test]
    fn the_interval_of_a_prediction_covers_the_truth_after_calibration() {
        const LOGS: u64 = 200;
        let traits = Traits::default();
        // So many likes that popularity itself is known.
        let likes: Vec<f32> = (0..ITEMS).map(|item| 1e7 * (1.0 + item as f32)).collect();
        let features = Features::new(&traits, &likes);
        let context = features.context(&[], &[]);
        let mut covered = [0; 3];
        for log in 0..LOGS {
            let of = |users: std::ops::Range<usize>| users.flat_map(|user| pairs(&features, log, user));
            let fitted = fit(&of(0..90).collect::<Vec<_>>(), 1e-6);
            let platt = Platt::fit(of(90..120).map(|o| Observation {
                x: [fitted.logit(&o.x)],
                offset: 0.0,
                success: o.success,
                weight: o.weight,
                group: o.group,
            }));
            let model = RewardModel::new(features.clone(), &fitted, &platt, &RewardConfig::default());
            for (count, item) in covered.iter_mut().zip([0, 10, 39]) {
                let found = model.predict(&context, item);
                let truth = logistic(0.8 * features.popularity(item) - 2.0);
                *count += u64::from(found.lower < truth && truth < found.upper);
            }
        }
        assert!(
            covered.iter().all(|&count| (182..=198).contains(&count)),
            "{covered:?} of {LOGS}"
        );
    }
}
