//! One weight for all states, learnt from which of the two policies earned more: Hedge (Freund and Schapire 1997) over two
//! experts whose gains are seen through importance weights, as in Exp4 (Auer et al., 2002), with the self-confident rate
//! of Auer, Cesa-Bianchi and Gentile (2002).

use common::stats::logistic;
use serde::{Deserialize, Serialize};

use crate::adapt::Reason;

/// Answers after which what was seen counts 1/e: both policies' worth changes as one of them learns.
const MEMORY: f64 = 10_000.0;

/// The evidence so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Hedge {
    /// Sum of the adapted policy's gains over the prior.
    gain: f64,
    /// Sum of their squares.
    squares: f64,
}

impl Hedge {
    pub(super) fn observe(&mut self, gain: f64) {
        let keep = 1.0 - 1.0 / MEMORY;
        self.gain = keep * self.gain + gain;
        self.squares = keep * self.squares + gain * gain;
    }

    /// The prior's weight: 1 / (1 + e^(rate * gain)), rate = sqrt(ln 2 / squares).
    pub(super) fn weight(&self) -> f64 {
        if self.squares > 0.0 {
            logistic(-(self.gain * (std::f64::consts::LN_2 / self.squares).sqrt()))
        } else {
            0.5
        }
    }

    pub(super) fn reasons(&self) -> [Reason; 1] {
        [Reason {
            name: "gain",
            value: self.gain,
            meaning: "what the adapted policy earned more than the prior over the last answers, importance-weighted".into(),
        }]
    }

    pub(super) fn is_sound(&self) -> bool {
        self.gain.is_finite() && self.squares.is_finite() && self.squares >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_policy_gets_the_weight_and_loses_it_again() {
        let mut hedge = Hedge::default();
        assert_eq!(hedge.weight(), 0.5);
        for i in 0..4000 {
            hedge.observe(if i % 2 == 0 { 0.4 } else { -0.2 });
        }
        assert!(hedge.weight() < 0.01, "{}", hedge.weight());
        for i in 0..40_000 {
            hedge.observe(if i % 2 == 0 { -0.4 } else { 0.2 });
        }
        assert!(hedge.weight() > 0.99, "{}", hedge.weight());
    }
}
