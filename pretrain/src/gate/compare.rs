//! The paired difference of two policies on the same held-out rows, users as clusters.

use common::{Error, Result};
use serde::Serialize;

use super::criterion::Criterion;
use crate::evaluate::estimators::{Estimate, Estimator};
use crate::evaluate::evidence::Evidence;
use crate::evaluate::interval::Interval;
use crate::evaluate::measure::Measured;
use crate::evaluate::ranking::Metric;

/// A number with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimated {
    /// The estimate.
    pub estimate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl From<Interval> for Estimated {
    fn from(interval: Interval) -> Self {
        Estimated {
            estimate: interval.estimate,
            low: interval.low,
            high: interval.high,
        }
    }
}

/// One side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Its own estimate.
    #[serde(flatten)]
    pub estimated: Estimated,
    /// The effective sample size that it rests on: of the importance weights that the estimator uses; the rows for DM, the lists
    /// for a ranking metric.
    pub effective_sample_size: f64,
    /// The mean importance weight, near 1 where propensities are true and the log shows all that the policy would do; none
    /// for a ranking metric.
    pub mean_weight: Option<f64>,
    /// Importance weights that were clipped.
    pub clipped_weights: usize,
    /// The share of its probability that is on items which the held-out log does not have at all; none for a ranking metric.
    pub never_logged: Option<f64>,
}

/// Two policies side by side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The policy that wants to pass.
    pub policy: Side,
    /// The one it is held against.
    pub reference: Side,
    /// The first minus the second.
    pub difference: Estimated,
}

/// Compares what `policy` and `reference` did over `evidence`.
pub(super) fn compare(
    evidence: &Evidence,
    policy: &Measured,
    reference: &Measured,
    criterion: Criterion,
    confidence: f64,
) -> Result<Comparison> {
    match criterion {
        Criterion::Value(estimator) => {
            evidence.logging.warn();
            values(evidence, policy, reference, estimator, confidence)
        }
        Criterion::Lists(metric) => Ok(lists(evidence, policy, reference, metric, confidence)),
    }
}

/// The influences of the two estimates on the same rows are subtracted before they are summed by user: what makes both
/// high or low together cancels.
fn values(
    evidence: &Evidence,
    policy: &Measured,
    reference: &Measured,
    estimator: Estimator,
    confidence: f64,
) -> Result<Comparison> {
    let (logged, cluster) = (evidence.logged(), &evidence.later.user);
    let estimate = |measured: &Measured, name: &str| -> Result<(Side, Estimate)> {
        let weights = match estimator {
            Estimator::Mips => evidence.weights_alike(measured)?.ok_or_else(|| {
                Error::usage(format!(
                    "there is no mips of this log: {}",
                    evidence.why_not_alike()
                ))
                .hint("pass another --estimator")
            })?,
            _ => evidence.weights(measured)?,
        };
        let estimate = estimator.estimate(&evidence.rounds(measured, &weights, &logged));
        let side = Side {
            never_logged: Some(evidence.never_logged(measured, name).estimate),
            estimated: Interval::of(estimate.value, &estimate.influence, cluster, confidence).into(),
            effective_sample_size: estimate.effective,
            mean_weight: Some(weights.values.iter().sum::<f64>() / weights.values.len() as f64),
            clipped_weights: weights.clipped,
        };
        Ok((side, estimate))
    };
    let (policy, ours) = estimate(policy, "the policy")?;
    let (reference, theirs) = estimate(reference, "the reference")?;
    let influence: Vec<f64> = ours
        .influence
        .iter()
        .zip(&theirs.influence)
        .map(|(a, b)| a - b)
        .collect();
    let difference = Interval::of(ours.value - theirs.value, &influence, cluster, confidence);
    Ok(Comparison {
        policy,
        reference,
        difference: difference.into(),
    })
}

/// Over the lists that both policies made.
fn lists(
    evidence: &Evidence,
    policy: &Measured,
    reference: &Measured,
    metric: Metric,
    confidence: f64,
) -> Comparison {
    let (mut ours, mut theirs, mut users) = (Vec::new(), Vec::new(), Vec::new());
    for (row, both) in policy.lists.iter().zip(&reference.lists).enumerate() {
        if let (Some(policy), Some(reference)) = both {
            ours.push(policy.measure(metric));
            theirs.push(reference.measure(metric));
            users.push(evidence.later.user[row]);
        }
    }
    let side = |values: &[f64]| Side {
        estimated: Interval::of_mean(values, &users, confidence).into(),
        effective_sample_size: values.len() as f64,
        mean_weight: None,
        clipped_weights: 0,
        never_logged: None,
    };
    let differences: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
    Comparison {
        policy: side(&ours),
        reference: side(&theirs),
        difference: Interval::of_mean(&differences, &users, confidence).into(),
    }
}
