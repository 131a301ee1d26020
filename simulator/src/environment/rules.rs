//! When an episode ends.

use clap::ValueEnum;
use serde::Serialize;

/// The rule of an episode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Every episode has the same number of steps (10 unless set).
    #[default]
    Fixed,
    /// The user leaves after a run of items not liked (5 unless set); at most 30 steps unless set.
    Leave,
}

/// The rules of an episode. Under both rules an item of the user's log, or one chosen before in the episode,
/// gives reward 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rules {
    /// Which rule.
    pub rule: Rule,
    /// Most steps of an episode.
    pub horizon: u32,
    /// The run of items not liked after which the user leaves; only under [`Rule::Leave`].
    pub patience: Option<u32>,
}

/// How an episode ended, in Gymnasium's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself: the user left.
    Terminated,
    /// At the horizon.
    Truncated,
}

impl Rules {
    /// The rules of `rule` with its defaults where nothing is set.
    pub fn new(rule: Rule, horizon: Option<u32>, patience: Option<u32>) -> Self {
        match rule {
            Rule::Fixed => Rules {
                rule,
                horizon: horizon.unwrap_or(10),
                patience: None,
            },
            Rule::Leave => Rules {
                rule,
                horizon: horizon.unwrap_or(30),
                patience: Some(patience.unwrap_or(5)),
            },
        }
    }

    /// Whether the episode is over after `steps` steps, the last `dislikes` of them without a like.
    pub fn end(&self, steps: u32, dislikes: u32) -> Option<End> {
        if self.patience.is_some_and(|patience| dislikes >= patience) {
            return Some(End::Terminated);
        }
        (steps >= self.horizon).then_some(End::Truncated)
    }

    /// The expected return of items with these probabilities, shown in this order until the episode ends.
    pub fn expected_return(&self, probabilities: impl IntoIterator<Item = f32>) -> f64 {
        // The chance that the user is still there after a run of 0, 1, ... items not liked.
        let mut present = vec![0.0; self.patience.map_or(1, |patience| patience as usize)];
        present[0] = 1.0;
        let mut expected = 0.0;
        for p in probabilities.into_iter().take(self.horizon as usize) {
            let (p, still_there) = (f64::from(p), present.iter().sum::<f64>());
            expected += still_there * p;
            if self.patience.is_some() {
                present.rotate_right(1);
                present.iter_mut().for_each(|chance| *chance *= 1.0 - p);
                present[0] = still_there * p;
            }
        }
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_ends_at_the_horizon_and_leave_when_patience_is_out() {
        let fixed = Rules::new(Rule::Fixed, None, None);
        assert_eq!((fixed.end(9, 9), fixed.end(10, 0)), (None, Some(End::Truncated)));
        let leave = Rules::new(Rule::Leave, None, Some(3));
        assert_eq!((leave.end(9, 2), leave.end(9, 3)), (None, Some(End::Terminated)));
        assert_eq!(leave.end(30, 0), Some(End::Truncated));
    }

    #[test]
    fn the_expected_return_counts_the_chance_to_have_left() {
        let fixed = Rules::new(Rule::Fixed, Some(3), None);
        assert!((fixed.expected_return([0.5, 0.25, 0.125, 1.0]) - 0.875).abs() < 1e-9);
        // Patience 2: the third item is seen unless the first two were not liked, which has chance 0.5 * 0.75.
        let leave = Rules::new(Rule::Leave, Some(3), Some(2));
        let expected = 0.5 + 0.25 + 0.125 * (1.0 - 0.375);
        assert!((leave.expected_return([0.5, 0.25, 0.125]) - expected).abs() < 1e-9);
        // Patience 1: every item is seen only if all before were liked.
        let strict = Rules::new(Rule::Leave, Some(3), Some(1));
        assert!((strict.expected_return([0.5, 0.5, 0.5]) - (0.5 + 0.25 + 0.125)).abs() < 1e-9);
    }
}
