//! Notices when users earn less than was expected of them: what was learnt may no longer hold.
//!
//! The critic's errors (reward and value of the next state, minus the value) average to nothing while the world is as
//! it was, after a slowly moving mean is taken off. Divided by their deviation they run through a one-sided CUSUM, which is
//! the Page-Hinkley test (Page 1954; Hinkley 1971): S = max(0, S - z - slack), with an alarm where S exceeds a threshold.
//! Only a fall is an alarm: who earns more than was expected need not be protected.

use serde::{Deserialize, Serialize};

use super::Reason;

/// When to raise an alarm, and what follows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DriftSettings {
    /// S at which the alarm is raised; 0 turns detection off.
    pub threshold: f32,
    /// Answers for which exploration is open again after an alarm.
    pub reopen: u64,
}

impl DriftSettings {
    /// Quiet streams of 30,000 answers raise none in the tests, and a fall from 10 % of likes to 3 % is found within 1,500
    /// answers.
    pub const DEFAULT: DriftSettings = DriftSettings {
        threshold: 100.0,
        reopen: 2_000,
    };
}

/// The fall in deviations that S lets pass at each answer.
const SLACK: f64 = 0.05;
/// Answers after which the mean and the deviation have forgotten 1 - 1/e.
const MEMORY: f64 = 10_000.0;
/// Answers from which mean and deviation are known before S counts.
const BURN_IN: u64 = 1_000;

/// The test as it stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Drift {
    count: u64,
    mean: f64,
    variance: f64,
    fall: f64,
    alarms: u64,
    /// Answers until exploration closes again.
    open: u64,
}

impl Drift {
    /// Takes one error of the critic; whether it raises the alarm.
    pub(super) fn observe(&mut self, settings: &DriftSettings, error: f64) -> bool {
        self.open = self.open.saturating_sub(1);
        if settings.threshold == 0.0 {
            return false;
        }
        self.count += 1;
        // A plain mean at first, then an exponential one.
        let share = 1.0 / (self.count as f64).min(MEMORY);
        let off = error - self.mean;
        if self.count > BURN_IN && self.variance > 0.0 {
            self.fall = (self.fall - off / self.variance.sqrt() - SLACK).max(0.0);
        }
        self.mean += share * off;
        self.variance += share * (off * off - self.variance);
        if self.fall <= f64::from(settings.threshold) {
            return false;
        }
        *self = Drift {
            alarms: self.alarms + 1,
            open: settings.reopen,
            ..Drift::default()
        };
        true
    }

    /// Whether exploration is open again.
    pub(super) fn is_open(&self) -> bool {
        self.open > 0
    }

    pub(super) fn is_sound(&self) -> bool {
        [self.mean, self.variance, self.fall]
            .iter()
            .all(|x| x.is_finite())
            && self.variance >= 0.0
    }

    pub(super) fn reasons(&self, settings: &DriftSettings) -> [Reason; 2] {
        [
            Reason {
                name: "drift",
                value: self.fall,
                meaning: format!(
                    "by how much answers fell short of what was expected, in deviations; an alarm at {}",
                    settings.threshold
                ),
            },
            Reason {
                name: "alarms",
                value: self.alarms as f64,
                meaning: match self.open {
                    0 => "alarms so far".into(),
                    n => format!("alarms so far; exploration is open again for {n} answers"),
                },
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use common::rng::{RngExt, stream};

    use super::*;

    /// Answers until the alarm: likes at a rate of 10 % that falls to `later` after `quiet` answers.
    fn alarm(quiet: u64, later: f64, most: u64, seed: u64) -> Option<u64> {
        let mut rng = stream(seed, "drift", &[]);
        let mut drift = Drift::default();
        (0..most).find(|&at| {
            let rate = if at < quiet { 0.1 } else { later };
            let like = f64::from(u8::from(rng.random::<f64>() < rate));
            drift.observe(&DriftSettings::DEFAULT, like - 0.1)
        })
    }

    #[test]
    fn quiet_worlds_raise_no_alarm() {
        let alarms: Vec<u64> = (0..20)
            .filter(|&seed| alarm(u64::MAX, 0.1, 30_000, seed).is_some())
            .collect();
        assert!(alarms.len() <= 1, "{alarms:?}");
    }

    #[test]
    fn a_fall_raises_it_soon() {
        for seed in 0..20 {
            let at = alarm(5_000, 0.03, 10_000, seed);
            assert!(
                at.is_some_and(|at| (5_000..6_500).contains(&at)),
                "{seed}: {at:?}"
            );
        }
    }

    #[test]
    fn an_alarm_reopens_exploration_for_a_while() {
        let settings = DriftSettings {
            threshold: 20.0,
            reopen: 3,
        };
        let mut drift = Drift::default();
        let mut error = |i: u64| drift.observe(&settings, if i < 2000 { (i % 2) as f64 } else { -9.0 });
        assert_eq!((0..3000).find(|&i| error(i)), Some(2000 + 1));
        assert!(drift.is_open());
        for _ in 0..3 {
            drift.observe(&settings, 0.0);
        }
        assert!(!drift.is_open());
    }
}
