//! The verdict of a gate, its reasons, and how it is shown.

use serde::Serialize;

use super::compare::{Comparison, Estimated, Side};
use super::criterion::Criterion;
use crate::evaluate::Source;

/// What the gate asks for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Demand {
    /// What is compared.
    pub criterion: Criterion,
    /// The lower bound of the difference must be above this.
    pub margin: f64,
    /// The smaller effective sample size of the two must be at least this.
    pub min_effective: f64,
    /// The level of the two-sided intervals.
    pub confidence: f64,
}

/// How much was looked at, and where its propensities come from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Basis {
    /// Users of the held-out log.
    pub users: usize,
    /// Its interactions.
    pub interactions: usize,
    /// How many of their propensities are estimated.
    pub estimated_propensities: usize,
    /// How.
    pub propensities: Source,
}

/// The gate's answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the policy may pass.
    pub passes: bool,
    /// Why not; empty where it passes.
    pub reasons: Vec<String>,
    /// What was asked for.
    #[serde(flatten)]
    pub demand: Demand,
    /// What was found.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// From what.
    #[serde(flatten)]
    pub basis: Basis,
}

impl Verdict {
    /// Judges `comparison`. What is undefined does not pass.
    pub fn of(demand: Demand, comparison: Comparison, basis: Basis) -> Self {
        let mut reasons = Vec::new();
        let sides = [("policy", comparison.policy), ("reference", comparison.reference)];
        for (name, side) in sides {
            let effective = side.effective_sample_size;
            if !at_least(effective, demand.min_effective) {
                reasons.push(format!(
                    "the {name}'s effective sample size {effective:.1} is below the floor of {}: the log shows too little of \
                     what it would do",
                    demand.min_effective
                ));
            }
        }
        let Estimated { low, high, .. } = comparison.difference;
        let scale = comparison.policy.estimated.estimate.abs();
        // A model that says the same of all items, or two policies that do the same.
        let is_tie = low.abs().max(high.abs()) <= TIE * scale.max(TIE);
        if is_tie && demand.margin >= 0.0 {
            reasons.push(format!(
                "it is a tie: {} comes to the same whichever of the two acts",
                demand.criterion.name()
            ));
        // A bound that is not a number proves nothing.
        } else if low.is_nan() || low <= demand.margin {
            reasons.push(format!(
                "the lower bound of the difference, {low:.5}, is not above {}",
                demand.margin
            ));
        }
        Verdict {
            passes: reasons.is_empty(),
            reasons,
            demand,
            comparison,
            basis,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let criterion = self.demand.criterion.name();
        let interval = format!("{} % interval", self.demand.confidence * 100.0);
        let mut text = format!(
            "{:<12} {:>9}  {interval:<20}  effective sample size\n",
            criterion, "value"
        );
        let line = |name: &str, found: &Estimated| {
            let bounds = format!("[{:.5}, {:.5}]", found.low, found.high);
            format!("{name:<12} {:>9.5}  {bounds:<20}", found.estimate)
        };
        let side = |name: &str, side: &Side| {
            format!(
                "{}  {:.0}\n",
                line(name, &side.estimated),
                side.effective_sample_size
            )
        };
        text += &side("policy", &self.comparison.policy);
        text += &side("reference", &self.comparison.reference);
        text += line("difference", &self.comparison.difference).trim_end();
        text += &format!(
            "\n\n{} users, {} interactions; paired by row, users as clusters\n",
            self.basis.users, self.basis.interactions
        );
        text += &self.weights();
        text += if self.passes {
            "passes\n"
        } else {
            "does not pass\n"
        };
        for reason in &self.reasons {
            text += &format!("  - {reason}\n");
        }
        text
    }

    /// Where the importance weights come from and what they look like; nothing for a ranking metric.
    fn weights(&self) -> String {
        let sides = [self.comparison.policy, self.comparison.reference];
        let [Some(policy), Some(reference)] = sides.map(|side| side.mean_weight) else {
            return String::new();
        };
        let mut text = match self.basis.estimated_propensities {
            0 => "propensities: the log's own\n".to_string(),
            estimated => format!(
                "PROPENSITIES: {estimated} {}\n",
                self.basis.propensities.describe()
            ),
        };
        text += &format!(
            "mean importance weight (1 where propensities are true): policy {policy:.3}, reference {reference:.3}\n"
        );
        if let [Some(policy), Some(reference)] = sides.map(|side| side.never_logged) {
            text += &format!(
                "probability of items that the log does not have at all: policy {policy:.3}, reference {reference:.3}\n"
            );
        }
        let [policy, reference] = sides.map(|side| side.clipped_weights);
        if policy + reference > 0 {
            text += &format!("clipped weights: policy {policy}, reference {reference}\n");
        }
        text
    }
}

/// Differences of this share of the value are rounding.
const TIE: f64 = 1e-9;

/// Whether `value` is at least `floor`; NaN is not.
fn at_least(value: f64, floor: f64) -> bool {
    value >= floor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::estimators::Estimator;

    fn verdict(low: f64, effective: f64, margin: f64) -> Verdict {
        between([low, 0.2], effective, margin)
    }

    fn between([low, high]: [f64; 2], effective: f64, margin: f64) -> Verdict {
        let side = Side {
            estimated: Estimated {
                estimate: 0.5,
                low: 0.4,
                high: 0.6,
            },
            effective_sample_size: effective,
            mean_weight: Some(1.25),
            clipped_weights: 0,
            never_logged: Some(0.125),
        };
        Verdict::of(
            Demand {
                criterion: Criterion::Value(Estimator::Snips),
                margin,
                min_effective: 100.0,
                confidence: 0.95,
            },
            Comparison {
                policy: side,
                reference: Side {
                    effective_sample_size: 1000.0,
                    ..side
                },
                difference: Estimated {
                    estimate: 0.1,
                    low,
                    high,
                },
            },
            Basis {
                users: 10,
                interactions: 100,
                estimated_propensities: 7,
                propensities: Source::Popularity,
            },
        )
    }

    #[test]
    fn the_lower_bound_must_be_above_the_margin() {
        assert!(verdict(0.01, 100.0, 0.0).passes);
        assert!(!verdict(0.0, 100.0, 0.0).passes, "above, not at");
        assert!(!verdict(0.01, 100.0, 0.02).passes);
        assert!(verdict(-0.01, 100.0, -0.02).passes, "no worse than by 0.02");
        assert!(!verdict(f64::NAN, 100.0, 0.0).passes, "undefined is not proof");
    }

    #[test]
    fn a_difference_of_rounding_alone_is_a_tie_and_no_loss() {
        for bounds in [[0.0, 0.0], [-1e-12, 1e-13]] {
            let tie = between(bounds, 100.0, 0.0);
            assert!(!tie.passes);
            assert!(tie.reasons[0].contains("it is a tie: snips"), "{:?}", tie.reasons);
            assert!(between(bounds, 100.0, -0.01).passes, "no worse than by 0.01");
        }
        assert!(verdict(-1e-3, 100.0, 0.0).reasons[0].contains("lower bound"));
    }

    #[test]
    fn too_small_an_effective_sample_size_does_not_pass_and_says_whose() {
        let verdict = verdict(0.01, 99.0, 0.0);
        assert!(!verdict.passes);
        assert_eq!(verdict.reasons.len(), 1);
        assert!(
            verdict
                .text()
                .contains("the policy's effective sample size 99.0 is below the floor of 100")
        );
    }

    #[test]
    fn estimated_propensities_are_said_aloud() {
        let verdict = verdict(0.01, 100.0, 0.0);
        assert!(
            verdict
                .text()
                .contains("PROPENSITIES: 7 estimated by the items' smoothed popularity")
        );
        assert!(verdict.text().contains("policy 1.250"));
        let json = serde_json::to_value(&verdict).unwrap();
        assert_eq!(
            (&json["criterion"], &json["passes"]),
            (&"snips".into(), &true.into())
        );
        assert_eq!(json["difference"]["low"], 0.01);
        assert_eq!(json["propensities"], "popularity");
    }
}
