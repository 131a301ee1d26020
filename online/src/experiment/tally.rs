//! What each arm's users were shown and gave back, and how the arms compare at any time.
//!
//! **The comparison.** An arm's value is its reward per recommended item, a ratio of sums over users; a user's answers belong
//! together, so users are the independent units: with S and N a user's rewards and items, mu the ratio, the variance is that of
//! the sum of (S - mu N) / sum of N (linearisation; Deng, Knoblich and Lu, "Applying the delta method in metric analytics",
//! KDD 2018), and never less than that of as many independent items, so that an arm of which nobody has liked anything yet is
//! not taken for certain. The difference to the reference gets the confidence sequence of
//! [`common::stats::sequence_half`], whose clock is the information in the difference, the inverse of its variance: a
//! user's answers that are alike move the estimate less often than a random walk of that clock would (their covariance is
//! larger, and by Slepian's inequality the bound is crossed more rarely), so that who looks after every answer is wrong no
//! more often than the level says. It is asymptotic: below 100 users on a side nothing is claimed.
//!
//! **Periods.** When shares change or a policy takes over, what came before is of another mixture of times and policies, and
//! the comparison begins anew. The p-th period has the error 0.05 / (p (p + 1)): all of them together 0.05.

use std::collections::BTreeMap;

use common::stats::{LEVEL, sequence_half};
use serde::{Deserialize, Serialize};

use super::clusters::{Clusters, Saved};

/// Users on each side below which nothing is claimed.
pub(super) const FEWEST_USERS: usize = 100;
/// Of a user's sums: items recommended, rewards, squares of rewards.
const ITEMS: usize = 0;
const REWARDS: usize = 1;
const SQUARES: usize = 2;

/// An estimate and the interval that holds at all times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

impl Interval {
    /// That of an estimate of this variance with error `error`, where one observation has the variance `spread`; none where
    /// either is no number, or the variance is 0.
    pub(super) fn always(estimate: f64, variance: f64, spread: f64, error: f64) -> Option<Self> {
        if !estimate.is_finite() || variance.is_nan() || variance <= 0.0 {
            return None;
        }
        let half = variance.sqrt() * sequence_half(spread / variance, error);
        Some(Interval {
            estimate,
            lower: estimate - half,
            upper: estimate + half,
        })
    }
}

/// What an arm has done in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its name.
    pub arm: String,
    /// Its share of the users.
    pub share: f64,
    /// Users to whom it recommended.
    pub users: u64,
    /// Items that it recommended.
    pub recommendations: u64,
    /// The sum of what came back for them.
    pub rewards: f64,
    /// Reward per recommendation.
    pub value: Option<f64>,
    /// The value less the reference's; none of the reference, and below 100 users on either side.
    pub difference: Option<Interval>,
    /// Whether it was stepped back from.
    pub stepped_back: bool,
}

/// A period that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// What ended it.
    pub ended_by: String,
    /// The arms at its end.
    pub arms: Vec<Standing>,
}

/// The present period, and those before it.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    /// Answers to earlier requests do not count: those requests were not counted.
    from_request: u64,
    /// By arm.
    arms: BTreeMap<u16, Clusters<3>>,
    past: Vec<Past>,
}

/// The tallies on disk.
#[derive(Serialize, Deserialize)]
pub(super) struct SavedTallies {
    from_request: u64,
    arms: Vec<(u16, Vec<Saved>)>,
    past: Vec<Past>,
}

impl Tallies {
    /// So many items were recommended.
    pub(super) fn shown(&mut self, arm: u16, user: &str, items: u32) {
        let sums = self.arms.entry(arm).or_default();
        sums.add(user, [f64::from(items), 0.0, 0.0]);
    }

    /// Something came back.
    pub(super) fn answered(&mut self, arm: u16, user: &str, request: u64, reward: f32) {
        if request >= self.from_request {
            let reward = f64::from(reward);
            let sums = self.arms.entry(arm).or_default();
            sums.add(user, [0.0, reward, reward * reward]);
        }
    }

    /// A new period begins with request `from_request`.
    pub(super) fn begin(&mut self, from_request: u64, past: Past) {
        self.from_request = from_request;
        if self.arms.values().any(|arm| arm.users() > 0) {
            self.past.push(past);
        }
        self.arms.clear();
    }

    pub(super) fn past(&self) -> &[Past] {
        &self.past
    }

    /// What an arm has done in this period, without its name and share.
    pub(super) fn standing(&self, arm: u16) -> Standing {
        let none = Clusters::default();
        let sums = self.arms.get(&arm).unwrap_or(&none);
        let reference = self.arms.get(&0).unwrap_or(&none);
        Standing {
            arm: String::new(),
            share: 0.0,
            users: sums.users() as u64,
            recommendations: sums.total(ITEMS) as u64,
            rewards: sums.total(REWARDS),
            value: value(sums),
            difference: match arm {
                0 => None,
                _ => difference(sums, reference, self.error()),
            },
            stepped_back: false,
        }
    }

    /// Whether the arm's interval lies below the reference's value.
    pub(super) fn is_worse(&self, arm: u16) -> bool {
        let sums = self.arms.get(&arm).zip(self.arms.get(&0));
        let difference = sums.and_then(|(arm, reference)| difference(arm, reference, self.error()));
        difference.is_some_and(|difference| difference.upper < 0.0)
    }

    /// The error of the present period.
    fn error(&self) -> f64 {
        let period = self.past.len() as f64 + 1.0;
        (1.0 - LEVEL) / (period * (period + 1.0))
    }

    pub(super) fn save(&self) -> SavedTallies {
        SavedTallies {
            from_request: self.from_request,
            arms: self.arms.iter().map(|(arm, sums)| (*arm, sums.save())).collect(),
            past: self.past.clone(),
        }
    }

    /// What history alone decides, however it was summed up: what replays are compared by.
    pub(super) fn counted(&self) -> (u64, Vec<(u16, Vec<Saved>)>) {
        let SavedTallies {
            from_request, arms, ..
        } = self.save();
        (from_request, arms)
    }
}

impl SavedTallies {
    /// None where they are damaged.
    pub(super) fn restore(self) -> Option<Tallies> {
        let arms = self.arms.iter();
        Some(Tallies {
            from_request: self.from_request,
            arms: arms
                .map(|(arm, saved)| Some((*arm, Clusters::restore(saved)?)))
                .collect::<Option<_>>()?,
            past: self.past,
        })
    }
}

/// Reward per recommendation.
fn value(sums: &Clusters<3>) -> Option<f64> {
    let items = sums.total(ITEMS);
    (items > 0.0).then(|| sums.total(REWARDS) / items)
}

/// The arm's value less the reference's, with an interval that holds at all times.
fn difference(arm: &Clusters<3>, reference: &Clusters<3>, error: f64) -> Option<Interval> {
    if arm.users().min(reference.users()) < FEWEST_USERS {
        return None;
    }
    let items = arm.total(ITEMS) + reference.total(ITEMS);
    let mean = (arm.total(REWARDS) + reference.total(REWARDS)) / items;
    // Of one item, in both arms together.
    let spread = (arm.total(SQUARES) + reference.total(SQUARES)) / items - mean * mean;
    let (ours, theirs) = (value(arm)?, value(reference)?);
    let variance_of = |sums: &Clusters<3>, value: f64| {
        let items = sums.total(ITEMS);
        let by_users = sums.variance([-value / items, 1.0 / items, 0.0]);
        by_users.max(spread / items)
    };
    let variance = variance_of(arm, ours) + variance_of(reference, theirs);
    Interval::always(ours - theirs, variance, spread, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::rng::{ChaCha8Rng, RngExt, normal, stream};

    /// An experiment whose users like items at rates of their own around that of their arm.
    struct World {
        rates: [f64; 2],
        /// The share of arm 1.
        share: f64,
        /// How far users differ, in log-odds.
        spread: f32,
    }

    impl World {
        /// Lets `answers` answers come, and hands the tallies to `look` after each; ends where that is done.
        fn run(&self, seed: u64, answers: u32, mut look: impl FnMut(&Tallies) -> bool) -> bool {
            let mut rng = stream(seed, "experiment", &[]);
            let mut tallies = Tallies::default();
            let mut users: Vec<(u16, f64)> = Vec::new();
            for request in 0..answers {
                // Now a new user, now one of those who were here.
                let user = match rng.random::<f64>() < 0.2 || users.is_empty() {
                    true => {
                        users.push(self.user(&mut rng));
                        users.len() - 1
                    }
                    false => rng.random_range(0..users.len()),
                };
                let ((arm, rate), id) = (users[user], user.to_string());
                tallies.shown(arm, &id, 1);
                // What came back for nothing is not sent by every caller.
                if rng.random::<f64>() < rate {
                    tallies.answered(arm, &id, u64::from(request), 1.0);
                }
                if look(&tallies) {
                    return true;
                }
            }
            false
        }

        fn user(&self, rng: &mut ChaCha8Rng) -> (u16, f64) {
            let arm = u16::from(rng.random::<f64>() < self.share);
            let rate = self.rates[usize::from(arm)];
            let effect = f64::from(self.spread * normal(rng));
            (arm, common::stats::logistic((rate / (1.0 - rate)).ln() + effect))
        }
    }

    /// The share of runs, out of `runs`, that `look` ends.
    fn ended(world: &World, runs: u64, answers: u32, look: impl Fn(&Tallies) -> bool) -> f64 {
        (0..runs).filter(|seed| world.run(*seed, answers, &look)).count() as f64 / runs as f64
    }

    #[test]
    fn who_looks_after_every_answer_is_wrong_no_more_often_than_the_level_says() {
        let mut once = Vec::new();
        for (rate, share, spread) in [(0.3, 0.5, 0.0), (0.3, 0.2, 1.0), (0.03, 0.1, 0.5)] {
            let world = World {
                rates: [rate; 2],
                share,
                spread,
            };
            // The first period's error is 0.025; of 200 runs four standard errors more are 0.069.
            let wrong = ended(&world, 200, 8_000, |tallies| {
                let difference = tallies.standing(1).difference;
                difference.is_some_and(|found| found.lower > 0.0 || found.upper < 0.0)
            });
            assert!(wrong <= 0.03, "rate {rate}, share {share}: {wrong}");
            // The same numbers without the sequence: an interval for one look, taken at every look.
            let naive = ended(&world, 200, 8_000, |tallies| {
                let difference = tallies.standing(1).difference;
                difference.is_some_and(|found| {
                    let (items, all) = (tallies.arms[&1].total(ITEMS), tallies.arms[&0].total(ITEMS));
                    let error = (rate * (1.0 - rate) * (1.0 / items + 1.0 / all)).sqrt();
                    found.estimate.abs() > 1.96 * error
                })
            });
            once.push(naive);
        }
        // The last has 100 users in arm 1 late, and few looks.
        assert!(once[0] > 0.08 && once[1] > 0.2 && once[2] > 0.05, "{once:?}");
    }

    #[test]
    fn a_worse_arm_is_found_and_an_equal_one_is_not() {
        let world = |rates| World {
            rates,
            share: 0.3,
            spread: 0.5,
        };
        let worse = ended(&world([0.4, 0.2]), 60, 8_000, |tallies| tallies.is_worse(1));
        assert!(worse > 0.95, "{worse}");
        let equal = ended(&world([0.4, 0.4]), 60, 8_000, |tallies| tallies.is_worse(1));
        assert!(equal <= 0.04, "{equal}");
        let better = ended(&world([0.2, 0.4]), 60, 8_000, |tallies| tallies.is_worse(1));
        assert_eq!(better, 0.0);
    }

    #[test]
    fn an_arm_of_which_nobody_liked_anything_yet_is_not_certain() {
        let mut tallies = Tallies::default();
        for user in 0..150 {
            let id = user.to_string();
            tallies.shown(1, &id, 1);
            for request in 0..20 {
                tallies.shown(0, &format!("r{user}"), 1);
                if (user + request) % 40 == 0 {
                    tallies.answered(0, &format!("r{user}"), 0, 1.0);
                }
            }
        }
        let standing = tallies.standing(1);
        assert_eq!((standing.value, standing.rewards), (Some(0.0), 0.0));
        assert!(standing.difference.unwrap().upper > 0.0);
        assert!(!tallies.is_worse(1));
        assert_eq!(tallies.standing(0).difference, None);
    }

    #[test]
    fn a_new_period_counts_from_its_first_request_and_claims_less() {
        let mut tallies = Tallies::default();
        tallies.shown(0, "u", 2);
        tallies.answered(0, "u", 3, 1.0);
        assert_eq!(tallies.standing(0).value, Some(0.5));
        let past = || Past {
            ended_by: "shares".into(),
            arms: Vec::new(),
        };
        assert!((tallies.error() - 0.025).abs() < 1e-12);
        tallies.begin(10, past());
        assert!((tallies.error() - 0.05 / 6.0).abs() < 1e-12);
        tallies.answered(0, "u", 9, 1.0);
        assert_eq!(tallies.standing(0).recommendations, 0);
        tallies.shown(0, "u", 1);
        tallies.answered(0, "u", 10, 1.0);
        assert_eq!((tallies.standing(0).value, tallies.past().len()), (Some(1.0), 1));
        let again = tallies.save().restore().unwrap();
        assert_eq!(again.counted(), tallies.counted());
        tallies.begin(11, past());
        tallies.begin(12, past());
        assert_eq!(tallies.past().len(), 2, "periods without a user leave nothing");
    }
}
