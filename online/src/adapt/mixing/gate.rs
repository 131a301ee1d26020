//! The conservative gate: while it is not shown that what would act without it earns at least (1 - alpha) of what the prior
//! does, the adapted policy's share of the decisions is at most alpha.
//!
//! Every answer gives, with mu the probabilities that the item was drawn by, nu those of the mixture that the rule wants and
//! pi0 the prior's,
//!
//! ```text
//! X = reward * (nu - (1 - alpha) pi0) / mu,
//! ```
//!
//! whose expectation over the draw is nu's expected reward minus (1 - alpha) times the prior's. The gate is open while
//! the lower bound of an asymptotic confidence sequence of the running mean of X is not below 0 (Waudby-Smith, Arbour,
//! Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", 2024, arXiv
//! 2103.06476; the normal mixture is Robbins' of 1970):
//!
//! ```text
//! mean_t - sd_t * sqrt( 2 (t c^2 + 1) / (t^2 c^2) * ln(1 + sqrt(t c^2 + 1) / (2 miss)) )
//! ```
//!
//! It holds for all times at once with probability 1 - miss, so that looking at it after every answer costs nothing.
//!
//! What it gives: while the gate is closed, the decisions are the prior's with a share of at least 1 - alpha, so that with
//! rewards of at least 0 the expected reward is at least (1 - alpha) of the prior's in every state, whatever the adapted
//! policy does. While it is open, the running mean of what acts is shown to be at least that. The bound is asymptotic and
//! speaks of the mean since the evidence began, so that a policy that turns bad after a long good time is caught with a delay;
//! drift detection restarts the evidence for that reason.

use serde::{Deserialize, Serialize};

use crate::adapt::Reason;
use crate::explore::Shown;

/// Answers before the gate may open, and how many of them with a reward: the bound is asymptotic, and its deviation is
/// not known from less.
const FEWEST: u64 = 100;
const FEWEST_REWARDED: u64 = 20;
/// The answers at which the bound is tightest.
const TIGHTEST: f64 = 2_000.0;

/// What the gate guards.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GateSettings {
    /// The part of the prior's return that may be given up, between 0 and 1.
    pub alpha: f32,
    /// The probability that the bound fails at any time.
    pub miss: f32,
}

impl GateSettings {
    /// A tenth may be given up, and the bound fails with a probability of one in twenty.
    pub const DEFAULT: GateSettings = GateSettings {
        alpha: 0.1,
        miss: 0.05,
    };
}

/// The evidence so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gate {
    count: u64,
    rewarded: u64,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
}

impl Gate {
    /// Takes an answer to what was `shown`; `wanted` is the prior's weight that the rule would have given.
    pub(super) fn observe(&mut self, settings: &GateSettings, shown: &Shown, wanted: f32, reward: f32) {
        let candidate = wanted * shown.prior + (1.0 - wanted) * shown.adapted;
        let part = f64::from(candidate - (1.0 - settings.alpha) * shown.prior);
        let x = f64::from(reward) * part / f64::from(shown.propensity);
        self.count += 1;
        self.rewarded += u64::from(reward != 0.0);
        let off = x - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (x - self.mean);
    }

    /// The lower bound of the mean of X.
    pub(super) fn bound(&self, settings: &GateSettings) -> f64 {
        if self.count < 2 {
            return f64::NEG_INFINITY;
        }
        let t = self.count as f64;
        let deviation = (self.squares / t).max(0.0).sqrt();
        self.mean - radius(t, deviation, f64::from(settings.miss), TIGHTEST)
    }

    pub(super) fn is_open(&self, settings: &GateSettings) -> bool {
        self.count >= FEWEST && self.rewarded >= FEWEST_REWARDED && self.bound(settings) >= 0.0
    }

    pub(super) fn reasons(&self, settings: &GateSettings) -> [Reason; 2] {
        let share = 100.0 * (1.0 - settings.alpha);
        let verdict = match self.is_open(settings) {
            true => "the gate is open".into(),
            false => format!(
                "the gate holds the adapted policy's share at {:.0} %",
                100.0 * settings.alpha
            ),
        };
        [
            Reason {
                name: "gate_bound",
                value: self.bound(settings),
                meaning: format!(
                    "lower bound of what would act minus {share:.0} % of the prior, reward a recommendation; {verdict}"
                ),
            },
            Reason {
                name: "gate_mean",
                value: self.mean,
                meaning: format!("the estimate behind that bound, from {} answers", self.count),
            },
        ]
    }

    pub(super) fn is_sound(&self) -> bool {
        self.mean.is_finite() && self.squares.is_finite()
    }
}

/// How far the mean of `answers` of this `deviation` may be from its expectation on one side, at all times at once with
/// probability 1 - `miss`; tightest at `tightest` answers.
pub(in crate::adapt) fn radius(answers: f64, deviation: f64, miss: f64, tightest: f64) -> f64 {
    let tight = -2.0 * (2.0 * miss).ln();
    let c2 = (tight + (tight + 1.0).ln()) / tightest;
    let spread = answers * c2 + 1.0;
    let root = 2.0 * spread / (answers * answers * c2) * (1.0 + spread.sqrt() / (2.0 * miss)).ln();
    deviation * root.sqrt()
}

#[cfg(test)]
mod tests {
    use common::rng::{RngExt, stream};

    use super::*;

    const SETTINGS: GateSettings = GateSettings::DEFAULT;

    /// Plays `answers` with two items, liked with probabilities `likes`; the prior takes the first with probability 0.9, the adapted
    /// policy with 0.1. Gives the highest bound minus truth and how often the adapted policy had more than its share.
    fn play(likes: [f64; 2], answers: usize, seed: u64) -> (f64, usize) {
        let mut rng = stream(seed, "gate", &[]);
        let (prior, adapted) = ([0.9f32, 0.1], [0.1f32, 0.9]);
        let wanted = 0.05;
        let earns = |p: [f32; 2]| f64::from(p[0]) * likes[0] + f64::from(p[1]) * likes[1];
        let candidate: [f32; 2] = std::array::from_fn(|i| wanted * prior[i] + (1.0 - wanted) * adapted[i]);
        let truth = earns(candidate) - f64::from(1.0 - SETTINGS.alpha) * earns(prior);
        let mut gate = Gate::default();
        let (mut worst, mut open) = (f64::NEG_INFINITY, 0);
        for _ in 0..answers {
            let weight = if gate.is_open(&SETTINGS) {
                wanted
            } else {
                1.0 - SETTINGS.alpha
            };
            open += usize::from(weight == wanted);
            let probability = |i: usize| weight * prior[i] + (1.0 - weight) * adapted[i];
            let item = usize::from(rng.random::<f32>() >= probability(0));
            let shown = Shown {
                item: item as u32,
                propensity: probability(item),
                prior: prior[item],
                adapted: adapted[item],
                weight,
            };
            let reward = f32::from(rng.random::<f64>() < likes[item]);
            gate.observe(&SETTINGS, &shown, wanted, reward);
            if gate.count >= FEWEST {
                worst = worst.max(gate.bound(&SETTINGS) - truth);
            }
        }
        (worst, open)
    }

    #[test]
    fn the_bound_fails_no_more_often_than_it_says_at_any_time() {
        let runs = 200;
        let failed = (0..runs)
            .filter(|&seed| play([0.2, 0.2], 3000, seed).0 > 0.0)
            .count();
        // 10 of 200 are allowed; 18 would be three deviations more.
        assert!(failed <= 18, "{failed} of {runs}");
    }

    #[test]
    fn a_worse_policy_is_held_and_a_better_one_let_through() {
        let held = (0..20).map(|seed| play([0.3, 0.1], 3000, seed).1).max();
        assert!(held.is_some_and(|open| open < 60), "{held:?}");
        for seed in 0..20 {
            let (_, open) = play([0.1, 0.3], 3000, seed);
            assert!(open > 2000, "{seed}: open for {open}");
        }
    }

    #[test]
    fn without_a_reward_it_stays_closed() {
        assert_eq!(play([0.0, 0.0], 3000, 1).1, 0);
    }
}
