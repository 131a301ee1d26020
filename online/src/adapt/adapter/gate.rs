//! Two arms, compared all the time: the frozen policy makes a small share of the decisions, the adapted one the others.
//! Where the adapted arm is shown to earn less than (1 - alpha) of the control, the shares are swapped.
//!
//! Each arm has the mean of its likes and an asymptotic confidence sequence around it (the formula and its sources stand in
//! [`super::super::mixing`]'s gate), which holds for all times at once with probability 1 - [`MISS`] / 2. With both,
//!
//! ```text
//! upper = adapted + radius - (1 - alpha) (control - radius)
//! lower = adapted - radius - (1 - alpha) (control + radius)
//! ```
//!
//! bound the difference with probability 1 - [`MISS`]. The adapter steps back when `upper` falls below 0 and returns
//! when, by what the small share that it keeps has shown since, `lower` reaches 0. Each swap starts the evidence anew: within
//! a period the shares are constant, so that the two means are of the same times. Arms are drawn by a random stream of
//! their own and do not depend on the state, so that no importance weights are needed. A period also ends without a swap
//! when the smaller arm has [`LONGEST`] answers, so that what lies far back does not hide a change.
//!
//! What it costs: the share of the decisions that the control makes, where the adapted policy is better. What it guards:
//! with a share of 0.01 and likes of 20 %, a fall by half is found within some 20,000 answers, a fall by a fifth in some
//! 200,000.

use serde::{Deserialize, Serialize};

use super::super::mixing::radius;
use crate::adapt::Reason;

/// The probability that a bound fails at any time of a period.
const MISS: f64 = 0.05;
/// Answers of each arm, and likes of both, before it decides: the bounds are asymptotic.
const FEWEST: u64 = 100;
const FEWEST_LIKES: u64 = 20;
/// Answers of the smaller arm after which a period ends.
const LONGEST: u64 = 10_000;
/// The answers of an arm at which its bound is tightest.
const TIGHTEST: f64 = 500.0;

/// The answers of one arm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Arm {
    answers: u64,
    likes: u64,
}

impl Arm {
    fn mean(&self) -> f64 {
        self.likes as f64 / self.answers.max(1) as f64
    }

    fn radius(&self) -> f64 {
        if self.answers == 0 {
            return 1.0;
        }
        // One like more and one less than were seen, so that no deviation is 0.
        let p = (self.likes + 1) as f64 / (self.answers + 2) as f64;
        radius(self.answers as f64, (p * (1.0 - p)).sqrt(), MISS / 2.0, TIGHTEST)
    }
}

/// The evidence of the present period, and who has most of the decisions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gate {
    control: Arm,
    adapted: Arm,
    stepped_back: bool,
}

impl Gate {
    /// The share of the decisions that the frozen policy makes; `control` is the wish.
    pub(super) fn share(&self, control: f32) -> f32 {
        if self.stepped_back { 1.0 - control } else { control }
    }

    /// Takes an answer to what an arm has shown.
    pub(super) fn observe(&mut self, alpha: f32, is_control: bool, liked: bool) {
        let arm = if is_control {
            &mut self.control
        } else {
            &mut self.adapted
        };
        arm.answers += 1;
        arm.likes += u64::from(liked);
        let smaller = self.control.answers.min(self.adapted.answers);
        if smaller < FEWEST || self.control.likes + self.adapted.likes < FEWEST_LIKES {
            return;
        }
        let (lower, upper) = self.bounds(alpha);
        let swaps = if self.stepped_back {
            lower >= 0.0
        } else {
            upper < 0.0
        };
        if swaps || smaller >= LONGEST {
            *self = Gate {
                stepped_back: self.stepped_back != swaps,
                ..Gate::default()
            };
        }
    }

    /// Of the adapted arm's mean minus (1 - alpha) times the control's.
    fn bounds(&self, alpha: f32) -> (f64, f64) {
        let keep = 1.0 - f64::from(alpha);
        let difference = self.adapted.mean() - keep * self.control.mean();
        let radius = self.adapted.radius() + keep * self.control.radius();
        (difference - radius, difference + radius)
    }

    pub(super) fn reasons(&self, alpha: f32) -> [Reason; 4] {
        let (lower, upper) = self.bounds(alpha);
        let keep = 100.0 * (1.0 - alpha);
        let bound = |name, value, side| Reason {
            name,
            value,
            meaning: format!(
                "{side} bound of the adapted policy's likes per recommendation minus {keep:.0} % of the frozen policy's, from \
                 {} and {} answers",
                self.adapted.answers, self.control.answers
            ),
        };
        [
            Reason {
                name: "stepped_back",
                value: f64::from(u8::from(self.stepped_back)),
                meaning: match self.stepped_back {
                    true => "1: the adapted policy was shown to earn less and makes only the small share of decisions".into(),
                    false => "0: the adapted policy makes all decisions but the control's".into(),
                },
            },
            bound("gate_upper", upper, "upper"),
            bound("gate_lower", lower, "lower"),
            Reason {
                name: "gate_control",
                value: self.control.mean(),
                meaning: "likes per recommendation of the frozen policy in this period".into(),
            },
        ]
    }

    pub(super) fn is_sound(&self) -> bool {
        [self.control, self.adapted]
            .iter()
            .all(|arm| arm.likes <= arm.answers)
    }
}

#[cfg(test)]
mod tests {
    use common::rng::{RngExt, stream};

    use super::*;

    /// Plays `answers` with arms liked with the probabilities [control, adapted]; how many decisions the control made, and
    /// whether the adapted arm ever stepped back.
    fn play(gate: &mut Gate, likes: [f64; 2], control: f32, answers: u64, seed: u64) -> (u64, bool) {
        let mut rng = stream(seed, "gate", &[]);
        let (mut made, mut stepped_back) = (0, false);
        for _ in 0..answers {
            let is_control = rng.random::<f32>() < gate.share(control);
            let liked = rng.random::<f64>() < likes[usize::from(!is_control)];
            gate.observe(0.1, is_control, liked);
            made += u64::from(is_control);
            stepped_back |= gate.stepped_back;
        }
        (made, stepped_back)
    }

    #[test]
    fn a_harmful_policy_steps_back_and_a_good_one_costs_the_control_alone() {
        for seed in 0..10 {
            let mut gate = Gate::default();
            play(&mut gate, [0.2, 0.05], 0.01, 25_000, seed);
            assert!(gate.stepped_back, "{seed}");
            let (made, _) = play(&mut gate, [0.2, 0.05], 0.01, 25_000, seed + 100);
            assert!(made > 24_500, "{seed}: {made}");

            let (made, stepped_back) = play(&mut Gate::default(), [0.2, 0.22], 0.01, 25_000, seed);
            assert!(!stepped_back && made < 350, "{seed}: {made}");
        }
    }

    #[test]
    fn who_became_good_returns() {
        for seed in 0..10 {
            let mut gate = Gate::default();
            play(&mut gate, [0.2, 0.05], 0.05, 4_000, seed);
            assert!(gate.stepped_back, "{seed}");
            play(&mut gate, [0.2, 0.35], 0.05, 20_000, seed + 100);
            assert!(!gate.stepped_back, "{seed}");
        }
    }

    #[test]
    fn who_earns_just_enough_steps_back_no_more_often_than_it_says() {
        let runs = 200;
        let wrong = (0..runs)
            .filter(|&seed| play(&mut Gate::default(), [0.2, 0.18], 0.1, 10_000, seed).1)
            .count();
        // 10 of 200 are allowed; 18 would be three deviations more.
        assert!(wrong <= 18, "{wrong} of {runs}");
    }
}
