//! Off-policy estimators: what a target policy would earn a round, from rounds that another policy logged.
//!
//! A round is a state x, the logged action a, its reward r and its propensity under the logging policy mu. With
//! w = pi(a|x) / mu(a|x), a reward model q and v = sum over actions of pi(b|x) q(x, b):
//!
//! ```text
//! IPS     mean of w r                            Horvitz and Thompson 1952
//! SNIPS   sum of w r / sum of w                  Swaminathan and Joachims 2015, eq. 8
//! DM      mean of v                              Dudik et al. 2014 (arXiv 1503.02834), eq. 3.1
//! DR      mean of v + w (r - q(x, a))            Dudik et al. 2011, 2014, eq. 3.3
//! SWITCH  mean of v + [w <= tau] w (r - q(x, a)) Wang, Agarwal and Dudik 2017 (arXiv 1612.01205), section 3, with DR
//!                                                below the switch: Switch-DR, as Open Bandit Pipeline has it
//! ```
//!
//! These are values of one step in the states that the logging policy led to; what the target would make of users
//! over time they do not tell.

use super::interval::Interval;

/// Logged rounds as the estimators see them; all slices have one length, or are empty where an estimator does not read them.
#[derive(Clone, Copy, Debug)]
pub struct Rounds<'a> {
    /// The reward of the logged action.
    pub reward: &'a [f64],
    /// w, the target's propensity of the logged action over the logging policy's.
    pub weight: &'a [f64],
    /// q(x, a), the modelled reward of the logged action.
    pub logged: &'a [f64],
    /// v, the target's expectation of the modelled reward.
    pub value: &'a [f64],
    /// What may depend on each other: the user of each round.
    pub cluster: &'a [u32],
}

/// An estimator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Estimator {
    /// Inverse propensity scoring.
    Ips,
    /// Self-normalised inverse propensity scoring.
    Snips,
    /// The direct method.
    Dm,
    /// Doubly robust.
    Dr,
    /// Doubly robust, and the direct method where the weight is above the threshold.
    Switch {
        /// tau.
        tau: f64,
    },
    /// Marginalised inverse propensity scoring: IPS with weights of the actions' categories, which [`Rounds::weight`] holds
    /// (see [`super::mips`]).
    Mips,
}

/// An estimate, before its interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Reward a round; NaN where no round has weight (SNIPS) or there is none.
    pub value: f64,
    /// What each round moves the value by, times the number of rounds (see [`Interval::of`]).
    pub influence: Vec<f64>,
    /// The effective sample size (sum of w)^2 / (sum of w^2) of the weights that it uses (Kish 1965); the number of
    /// rounds for DM, which uses none.
    pub effective: f64,
}

impl Estimator {
    /// All that use weights of actions, or none.
    pub fn all(tau: f64) -> [Estimator; 5] {
        [
            Estimator::Ips,
            Estimator::Snips,
            Estimator::Dm,
            Estimator::Dr,
            Estimator::Switch { tau },
        ]
    }

    /// As in tables.
    pub fn name(self) -> &'static str {
        match self {
            Estimator::Ips => "ips",
            Estimator::Snips => "snips",
            Estimator::Dm => "dm",
            Estimator::Dr => "dr",
            Estimator::Switch { .. } => "switch",
            Estimator::Mips => "mips",
        }
    }

    /// The estimate from `rounds`.
    pub fn estimate(self, rounds: &Rounds) -> Estimate {
        let Rounds {
            reward,
            weight,
            logged,
            value,
            ..
        } = *rounds;
        let all = 0..reward.len();
        match self {
            Estimator::Ips | Estimator::Mips => {
                mean(all.map(|i| weight[i] * reward[i]).collect(), kish(weight))
            }
            Estimator::Snips => self_normalised(reward, weight),
            Estimator::Dm => mean(value.to_vec(), value.len() as f64),
            Estimator::Dr => mean(
                all.map(|i| value[i] + weight[i] * (reward[i] - logged[i]))
                    .collect(),
                kish(weight),
            ),
            Estimator::Switch { tau } => {
                let kept: Vec<f64> = weight.iter().map(|&w| if w <= tau { w } else { 0.0 }).collect();
                Estimator::Dr.estimate(&Rounds {
                    weight: &kept,
                    ..*rounds
                })
            }
        }
    }

    /// The estimate from `rounds` with its interval, users as clusters.
    pub fn interval(self, rounds: &Rounds, confidence: f64) -> (Interval, f64) {
        let estimate = self.estimate(rounds);
        let interval = Interval::of(estimate.value, &estimate.influence, rounds.cluster, confidence);
        (interval, estimate.effective)
    }
}

pub(super) fn mean(values: Vec<f64>, effective: f64) -> Estimate {
    let value = values.iter().sum::<f64>() / values.len() as f64;
    Estimate {
        value,
        influence: values.iter().map(|v| v - value).collect(),
        effective,
    }
}

/// The ratio of two means; its influence is that of the delta method, `w (r - value) / mean of w`.
fn self_normalised(reward: &[f64], weight: &[f64]) -> Estimate {
    let total: f64 = weight.iter().sum();
    let earned: f64 = weight.iter().zip(reward).map(|(w, r)| w * r).sum();
    let (value, scale) = (earned / total, weight.len() as f64 / total);
    let influence = weight.iter().zip(reward);
    Estimate {
        value,
        influence: influence.map(|(w, r)| scale * w * (r - value)).collect(),
        effective: kish(weight),
    }
}

pub(super) fn kish(weight: &[f64]) -> f64 {
    let (sum, squares) = weight
        .iter()
        .fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDS: Rounds = Rounds {
        reward: &[1.0, 0.0, 1.0, 1.0],
        weight: &[2.0, 1.0, 0.5, 0.0],
        logged: &[0.5, 0.25, 0.75, 0.5],
        value: &[0.5, 0.5, 0.25, 0.25],
        cluster: &[0, 1, 2, 3],
    };

    #[test]
    fn each_estimator_by_hand() {
        let value = |estimator: Estimator| estimator.estimate(&ROUNDS).value;
        assert_eq!(value(Estimator::Ips), 2.5 / 4.0);
        assert_eq!(value(Estimator::Snips), 2.5 / 3.5);
        assert_eq!(value(Estimator::Dm), 1.5 / 4.0);
        assert_eq!(value(Estimator::Dr), (1.5 + 1.0 - 0.25 + 0.125) / 4.0);
        assert_eq!(value(Estimator::Switch { tau: 1.0 }), (1.5 - 0.25 + 0.125) / 4.0);
        assert_eq!(value(Estimator::Switch { tau: 2.0 }), value(Estimator::Dr));
        assert_eq!(value(Estimator::Switch { tau: 0.0 }), value(Estimator::Dm));
    }

    #[test]
    fn the_effective_sample_size_counts_the_weights_that_are_used() {
        let effective = |estimator: Estimator| estimator.estimate(&ROUNDS).effective;
        assert_eq!(effective(Estimator::Ips), 3.5 * 3.5 / 5.25);
        assert_eq!(effective(Estimator::Switch { tau: 1.0 }), 1.5 * 1.5 / 1.25);
        assert_eq!(effective(Estimator::Dm), 4.0);
    }

    #[test]
    fn a_log_in_which_the_target_does_nothing_that_was_logged_has_no_value_by_snips() {
        let rounds = Rounds {
            weight: &[0.0; 4],
            ..ROUNDS
        };
        let estimate = Estimator::Snips.estimate(&rounds);
        assert!(estimate.value.is_nan() && estimate.effective == 0.0);
        assert_eq!(Estimator::Ips.estimate(&rounds).value, 0.0);
    }

    /// The influence is the derivative: moving one round by a little moves the estimate by influence / n a unit.
    #[test]
    fn influence_of_snips_is_what_leaving_a_round_out_changes() {
        let n = 400;
        let reward: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
        let weight: Vec<f64> = (0..n).map(|i| 0.2 + f64::from(i % 7)).collect();
        let estimate = self_normalised(&reward, &weight);
        for left_out in [0, 5, 123] {
            let without = |values: &[f64]| [&values[..left_out], &values[left_out + 1..]].concat();
            let moved = self_normalised(&without(&reward), &without(&weight)).value - estimate.value;
            let told = -estimate.influence[left_out] / f64::from(n);
            assert!((moved - told).abs() < 0.03 * told.abs(), "{moved} {told}");
        }
        assert!(estimate.influence.iter().sum::<f64>().abs() < 1e-9);
    }
}
