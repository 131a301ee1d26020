//! How good predicted probabilities are on pairs that were not used to fit them.

use common::schema::reliability::{Bin, RELIABILITY};
use common::stats;
use serde::Serialize;

use super::features::FEATURES;
use super::logistic::Fitted;
use super::model::RewardModel;
use super::pairs::Group;
use super::reliability::{Judged, bins};
use crate::algorithms::Curve;

/// What was fit, and how well it does on users that neither fit nor calibration saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RewardFit {
    /// Of the cosine between the item's traits and those of the state's liked items, before calibration.
    pub liked_traits: f64,
    /// Of the cosine between the item's traits and the user's.
    pub user_traits: f64,
    /// Of the logarithm of the item's popularity.
    pub popularity: f64,
    /// Of the log's evidence; 0 without it.
    pub evidence: f64,
    /// Mean weight of the language model against the evidence, over held-out likes; 1 without evidence.
    pub prior_weight: f64,
    /// The likes that the language model's word is worth against the evidence; none without evidence.
    pub prior_likes: Option<f64>,
    /// Users in the last fold.
    pub users: usize,
    /// Area under the ROC curve.
    pub auc: f64,
    /// The same of popularity alone.
    pub popularity_auc: f64,
    /// Expected calibration error.
    pub calibration_error: f64,
    /// Mean probability.
    pub predicted: f64,
    /// Frequency of likes.
    pub observed: f64,
    /// Mean standard error of the logit.
    pub error: f64,
    /// The reliability diagram.
    #[serde(skip)]
    pub bins: Vec<Bin>,
}

impl RewardFit {
    /// Measures `model` on `held`, one group a user.
    pub(crate) fn new(model: &RewardModel, fitted: &Fitted<FEATURES>, held: &[&Group]) -> Self {
        let mut judged = Vec::new();
        let (mut popularity, mut error) = (Vec::new(), 0.0);
        let mut prior_weights = Vec::new();
        for (at, group) in held.iter().enumerate() {
            for pair in &group.pairs {
                let found = model.predict(&group.context, pair.item);
                judged.push(Judged {
                    probability: found.probability,
                    liked: pair.liked,
                    weight: pair.weight,
                    group: at,
                });
                if pair.liked {
                    prior_weights.push(model.prior_weight(&group.context, pair.item));
                }
                error += pair.weight * found.error;
                popularity.push((model.popularity(pair.item), pair.liked, pair.weight));
            }
        }
        let scored: Vec<Scored> = judged
            .iter()
            .map(|j| (j.probability, j.liked, j.weight))
            .collect();
        let weight: f64 = scored.iter().map(|(_, _, weight)| weight).sum();
        let mean =
            |of: &dyn Fn(&Scored) -> f64| scored.iter().map(|one| one.2 * of(one)).sum::<f64>() / weight;
        let [liked_traits, user_traits, popularity_coefficient, evidence] = fitted.coefficients;
        RewardFit {
            liked_traits,
            user_traits,
            popularity: popularity_coefficient,
            evidence,
            prior_weight: prior_weights.iter().sum::<f64>() / prior_weights.len() as f64,
            prior_likes: model.prior_likes(),
            users: held.len(),
            auc: auc(&scored),
            popularity_auc: auc(&popularity),
            calibration_error: calibration_error(&scored),
            predicted: mean(&|one| one.0),
            observed: mean(&|one| f64::from(u8::from(one.1))),
            error: error / weight,
            bins: bins(&judged),
        }
    }

    /// Puts it into a training curve, with the bins of the reliability diagram.
    pub(crate) fn record(&self, curve: &mut Curve) {
        curve.record("held-out users", 0, &self.values());
        for (bin, at) in self.bins.iter().zip(0..) {
            curve.keep(RELIABILITY, at, &bin.values());
        }
    }

    fn values(&self) -> Vec<(&'static str, f64)> {
        let mut values = vec![
            ("reward model: AUC", self.auc),
            ("AUC of popularity alone", self.popularity_auc),
            ("calibration error", self.calibration_error),
            ("mean prediction", self.predicted),
            ("frequency of likes", self.observed),
            ("standard error of the logit", self.error),
            ("coefficient of liked items' traits", self.liked_traits),
            ("of the user's traits", self.user_traits),
            ("of log popularity", self.popularity),
        ];
        if let Some(prior_likes) = self.prior_likes {
            values.extend([
                ("of the log's evidence", self.evidence),
                ("weight of the language model", self.prior_weight),
                ("likes that its word is worth", prior_likes),
            ]);
        }
        values
    }
}

/// A prediction, what happened, and how many pairs it stands for.
pub(crate) type Scored = (f64, bool, f64);

/// The area under the ROC curve, ties counting half; NaN without both kinds.
fn auc(scored: &[Scored]) -> f64 {
    stats::auc(scored.iter().copied())
}

/// The expected calibration error of probabilities: over ten bins of about equal weight, the mean distance
/// between mean probability and frequency.
pub(crate) fn calibration_error(scored: &[Scored]) -> f64 {
    const BINS: usize = 10;
    let total: f64 = scored.iter().map(|o| o.2).sum();
    let mut bins = [(0.0, 0.0); BINS];
    let mut before = 0.0;
    for tied in stats::tied(scored.iter().copied()) {
        let bin = &mut bins[((before / total * BINS as f64) as usize).min(BINS - 1)];
        let weight = tied.positive + tied.negative;
        bin.0 += weight * tied.score;
        bin.1 += tied.positive;
        before += weight;
    }
    bins.iter()
        .map(|(predicted, observed)| (predicted - observed).abs())
        .sum::<f64>()
        / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calibration_error_by_hand() {
        let at = |p: f64, success: bool, weight: f64| (p, success, weight);
        let good = [
            at(0.25, true, 25.0),
            at(0.25, false, 75.0),
            at(0.5, true, 50.0),
            at(0.5, false, 50.0),
        ];
        assert!(calibration_error(&good) < 1e-12);
        let sure = [at(0.95, true, 25.0), at(0.95, false, 75.0)];
        assert!((calibration_error(&sure) - 0.7).abs() < 1e-12);
    }
}
