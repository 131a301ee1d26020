//! Off-policy estimators of slates: what a target policy would earn a slate, from slates that another policy logged.
//!
//! A slate has items a_1, a_2, ... with rewards r_1, r_2, ... With the ratio of the two policies' probabilities of a_l given the
//! items above it, its product w_1:l over the positions to l, and the product w over all of them:
//!
//! ```text
//! SIPS        mean of w (r_1 + r_2 + ...)       no assumption
//! IIPS        mean of sum over l of u_l r_l     an item's reward depends on it and its position alone; u_l is the ratio of the
//!                                               probabilities of showing a_l at l, whatever stands above
//!                                               Li et al. 2018 (arXiv 1804.10488), the item-position model
//! RIPS        mean of sum over l of w_1:l r_l   it depends on the items above too, and not on those below
//!                                               McInerney et al. 2020 (arXiv 2007.12986), section 3
//! cascade-DR  mean of sum over l of w_1:l (r_l - q_l) + w_1:l-1 v_l
//!                                               the same, Kiyohara et al. 2022 (arXiv 2202.01562), section 3.1
//! ```
//!
//! q_l is a model of what is earned from position l on, v_l the target's expectation of it given the items above. SNSIPS, SNIIPS and
//! SNRIPS are self-normalised, the last two position by position. All are those of Open Bandit Pipeline, `obp.ope.estimators_slate`.

use std::ops::Range;

use super::estimators::{Estimate, Estimator, Rounds, kish, mean};

/// Logged slates as the estimators see them, items slate by slate, each from its first position on.
#[derive(Clone, Copy, Debug)]
pub struct Slates<'a> {
    /// Where each slate begins, and the end of the last.
    pub starts: &'a [usize],
    /// Each item's reward.
    pub reward: &'a [f64],
    /// w of each slate.
    pub slate: &'a [f64],
    /// w_1:l of each item.
    pub cascade: &'a [f64],
    /// u_l of each item, where it is known.
    pub at_position: Option<&'a [f64]>,
    /// q_l and v_l of each item, where there is a model.
    pub model: Option<[&'a [f64]; 2]>,
}

/// An estimator of slates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlateEstimator {
    /// Standard inverse propensity scoring.
    Sips,
    /// The same, self-normalised.
    Snsips,
    /// Independent inverse propensity scoring.
    Iips,
    /// The same, self-normalised.
    Sniips,
    /// Reward-interaction inverse propensity scoring.
    Rips,
    /// The same, self-normalised.
    Snrips,
    /// Doubly robust under the cascade model.
    CascadeDr,
}

impl SlateEstimator {
    /// All of them.
    pub const ALL: [SlateEstimator; 7] = [
        SlateEstimator::Sips,
        SlateEstimator::Snsips,
        SlateEstimator::Iips,
        SlateEstimator::Sniips,
        SlateEstimator::Rips,
        SlateEstimator::Snrips,
        SlateEstimator::CascadeDr,
    ];

    /// As in tables.
    pub fn name(self) -> &'static str {
        match self {
            SlateEstimator::Sips => "sips",
            SlateEstimator::Snsips => "snsips",
            SlateEstimator::Iips => "iips",
            SlateEstimator::Sniips => "sniips",
            SlateEstimator::Rips => "rips",
            SlateEstimator::Snrips => "snrips",
            SlateEstimator::CascadeDr => "cascade-dr",
        }
    }

    /// The estimate of the reward a slate, with an influence a slate; none where `slates` lack what it needs.
    pub fn estimate(self, slates: &Slates) -> Option<Estimate> {
        let standard = |estimator: Estimator| {
            let earned: Vec<f64> = slates.each(|items| slates.reward[items].iter().sum());
            estimator.estimate(&Rounds {
                reward: &earned,
                weight: slates.slate,
                logged: &[],
                value: &[],
                cluster: &[],
            })
        };
        Some(match self {
            SlateEstimator::Sips => standard(Estimator::Ips),
            SlateEstimator::Snsips => standard(Estimator::Snips),
            SlateEstimator::Iips => slates.weighed(slates.at_position?),
            SlateEstimator::Sniips => slates.self_normalised(slates.at_position?),
            SlateEstimator::Rips => slates.weighed(slates.cascade),
            SlateEstimator::Snrips => slates.self_normalised(slates.cascade),
            SlateEstimator::CascadeDr => slates.cascade_doubly_robust(slates.model?),
        })
    }
}

impl Slates<'_> {
    /// What `of` gives of the items of each slate.
    fn each(&self, of: impl Fn(Range<usize>) -> f64) -> Vec<f64> {
        self.starts.windows(2).map(|pair| of(pair[0]..pair[1])).collect()
    }

    fn weighed(&self, weight: &[f64]) -> Estimate {
        let of_item = |at: usize| weight[at] * self.reward[at];
        mean(
            self.each(|items| items.map(of_item).sum()),
            self.effective(weight),
        )
    }

    /// Position by position a ratio of two means, times the share of slates that have the position. The influence is that of the
    /// delta method.
    fn self_normalised(&self, weight: &[f64]) -> Estimate {
        let mut positions: Vec<Position> = Vec::new();
        self.each_item(|_, place, at| {
            if positions.len() == place {
                positions.push(Position::default());
            }
            let position = &mut positions[place];
            position.slates += 1.0;
            position.weight += weight[at];
            position.earned += weight[at] * self.reward[at];
        });
        let slates = (self.starts.len() - 1) as f64;
        let value: f64 = positions.iter().map(|p| p.slates / slates * p.value()).sum();
        let mut influence = vec![-value; self.starts.len() - 1];
        self.each_item(|slate, place, at| {
            let position = &positions[place];
            let scale = position.slates / position.weight;
            let value = position.value();
            influence[slate] += value + scale * weight[at] * (self.reward[at] - value);
        });
        Estimate {
            value,
            influence,
            effective: self.effective(weight),
        }
    }

    fn cascade_doubly_robust(&self, [logged, value]: [&[f64]; 2]) -> Estimate {
        let of_slate = |items: Range<usize>| {
            let mut above = 1.0;
            let mut sum = 0.0;
            for at in items {
                sum += self.cascade[at] * (self.reward[at] - logged[at]) + above * value[at];
                above = self.cascade[at];
            }
            sum
        };
        mean(self.each(of_slate), self.effective(self.cascade))
    }

    /// In slates: at each position the effective sample size of the weights there is a share of the slates that have it; the mean
    /// share over all items, of the slates.
    fn effective(&self, weight: &[f64]) -> f64 {
        let mut at_position: Vec<Vec<f64>> = Vec::new();
        self.each_item(|_, place, at| {
            if at_position.len() == place {
                at_position.push(Vec::new());
            }
            at_position[place].push(weight[at]);
        });
        let effective: f64 = at_position.iter().map(|weights| kish(weights)).sum();
        effective * (self.starts.len() - 1) as f64 / weight.len() as f64
    }

    /// Hands every item to `take`: its slate, its position and where it stands.
    fn each_item(&self, mut take: impl FnMut(usize, usize, usize)) {
        for (slate, pair) in self.starts.windows(2).enumerate() {
            (pair[0]..pair[1]).for_each(|at| take(slate, at - pair[0], at));
        }
    }
}

/// Sums over the slates that have a position.
#[derive(Default)]
struct Position {
    slates: f64,
    weight: f64,
    earned: f64,
}

impl Position {
    /// The self-normalised reward there; NaN where no item has weight.
    fn value(&self) -> f64 {
        self.earned / self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slate of two items and one of one.
    const SLATES: Slates = Slates {
        starts: &[0, 2, 3],
        reward: &[1.0, 1.0, 0.5],
        slate: &[1.0, 3.0],
        cascade: &[2.0, 1.0, 3.0],
        at_position: Some(&[0.5, 4.0, 1.0]),
        model: Some([&[0.5, 0.25, 0.5], &[0.75, 0.5, 0.25]]),
    };

    #[test]
    fn each_estimator_by_hand() {
        let value = |estimator: SlateEstimator| estimator.estimate(&SLATES).unwrap().value;
        assert_eq!(value(SlateEstimator::Sips), (2.0 + 1.5) / 2.0);
        assert_eq!(value(SlateEstimator::Snsips), (2.0 + 1.5) / 4.0);
        assert_eq!(value(SlateEstimator::Iips), (0.5 + 4.0 + 0.5) / 2.0);
        // Both slates have the first position, one the second.
        assert_eq!(value(SlateEstimator::Sniips), (0.5 + 0.5) / 1.5 + 0.5);
        assert_eq!(value(SlateEstimator::Rips), (2.0 + 1.0 + 1.5) / 2.0);
        assert_eq!(value(SlateEstimator::Snrips), (2.0 + 1.5) / 5.0 + 0.5);
        let first = 2.0 * 0.5 + 0.75 + (0.75 + 2.0 * 0.5);
        assert_eq!(value(SlateEstimator::CascadeDr), (first + 0.25) / 2.0);
    }

    #[test]
    fn what_an_estimator_needs_must_be_there() {
        let bare = Slates {
            at_position: None,
            model: None,
            ..SLATES
        };
        let there = SlateEstimator::ALL.map(|estimator| estimator.estimate(&bare).is_some());
        assert_eq!(there, [true, true, false, false, true, true, false]);
    }

    #[test]
    fn slates_of_one_item_are_rounds() {
        let (reward, weight) = ([1.0, 0.0, 1.0, 1.0], [2.0, 1.0, 0.5, 0.0]);
        let slates = Slates {
            starts: &[0, 1, 2, 3, 4],
            reward: &reward,
            slate: &weight,
            cascade: &weight,
            at_position: Some(&weight),
            model: None,
        };
        let rounds = Rounds {
            reward: &reward,
            weight: &weight,
            logged: &[],
            value: &[],
            cluster: &[],
        };
        let [ips, snips] = [Estimator::Ips, Estimator::Snips].map(|of| of.estimate(&rounds));
        for (estimator, expected) in [
            (SlateEstimator::Sips, &ips),
            (SlateEstimator::Iips, &ips),
            (SlateEstimator::Rips, &ips),
            (SlateEstimator::Snsips, &snips),
            (SlateEstimator::Sniips, &snips),
            (SlateEstimator::Snrips, &snips),
        ] {
            let found = estimator.estimate(&slates).unwrap();
            assert!((found.value - expected.value).abs() < 1e-12, "{estimator:?}");
            assert!((found.effective - expected.effective).abs() < 1e-12);
            for (ours, theirs) in found.influence.iter().zip(&expected.influence) {
                assert!((ours - theirs).abs() < 1e-12, "{estimator:?}: {ours} {theirs}");
            }
        }
    }

    /// The influence is the derivative: leaving one slate out moves the estimate by influence / n.
    #[test]
    fn influence_is_what_leaving_a_slate_out_changes() {
        let lengths: Vec<usize> = (0..400).map(|slate| 1 + slate % 3).collect();
        let rows: usize = lengths.iter().sum();
        let reward: Vec<f64> = (0..rows).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
        let weight: Vec<f64> = (0..rows).map(|i| 0.2 + (i % 7) as f64).collect();
        let of = |left_out: Option<usize>| {
            let (mut starts, mut r, mut w, mut at) = (vec![0], vec![], vec![], 0);
            for (slate, length) in lengths.iter().enumerate() {
                if Some(slate) != left_out {
                    r.extend(&reward[at..at + length]);
                    w.extend(&weight[at..at + length]);
                    starts.push(r.len());
                }
                at += length;
            }
            let slates = Slates {
                starts: &starts,
                reward: &r,
                slate: &[],
                cascade: &w,
                at_position: None,
                model: None,
            };
            SlateEstimator::Snrips.estimate(&slates).unwrap()
        };
        let whole = of(None);
        assert!(whole.influence.iter().sum::<f64>().abs() < 1e-9);
        for left_out in [0, 7, 200] {
            let moved = of(Some(left_out)).value - whole.value;
            let told = -whole.influence[left_out] / 400.0;
            assert!((moved - told).abs() < 0.05 * told.abs() + 1e-6, "{moved} {told}");
        }
    }
}
