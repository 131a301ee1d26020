//! When an episode ends, and whether interest drifts.

use clap::ValueEnum;
use serde::Serialize;

use super::easyrl4rec::Protocol;

/// The rule of an episode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Every episode has the same number of steps (10 unless set).
    #[default]
    Fixed,
    /// The user leaves after a run of items not liked (5 unless set), or of items each too similar to the one
    /// before (5 unless set); at most 30 steps unless set.
    Leave,
    /// Ratings as rewards, users who leave when shown what is too close to one of the last items, and three ways to test, as in
    /// the library EasyRL4Rec
    #[value(name = "easyrl4rec")]
    #[serde(rename = "easyrl4rec")]
    EasyRl4Rec,
}

/// The rules of an episode. Under all but [`Rule::EasyRl4Rec`] an item of the user's log, or one chosen before in the episode,
/// gives reward 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rules {
    /// Which rule.
    pub rule: Rule,
    /// Most steps of an episode.
    pub horizon: u32,
    /// The run of items not liked after which the user leaves; only under [`Rule::Leave`].
    pub patience: Option<u32>,
    /// The run of items too similar to the one before ([`super::similarity`]) after which the user leaves; only
    /// under [`Rule::Leave`].
    pub boredom: Option<u32>,
    /// Episodes of one environment in which a user's interest moves to that of another user; `None`: it stays.
    /// See [`super::interest`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<u32>,
    /// The settings of [`Rule::EasyRl4Rec`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub easyrl4rec: Option<Protocol>,
}

/// How an episode ended, in Gymnasium's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself: the user left.
    Terminated,
    /// At the horizon.
    Truncated,
}

/// The runs that a user's leaving depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// Last items in a row without a like.
    pub dislikes: u32,
    /// Last items in a row that were too similar to the one before.
    pub similar: u32,
}

impl Runs {
    /// The runs after one more item.
    pub fn after(self, liked: bool, similar: bool) -> Self {
        Runs {
            dislikes: if liked { 0 } else { self.dislikes + 1 },
            similar: if similar { self.similar + 1 } else { 0 },
        }
    }
}

impl Rules {
    /// Episodes of `horizon` steps.
    pub fn fixed(horizon: u32) -> Self {
        Rules {
            rule: Rule::Fixed,
            horizon,
            patience: None,
            boredom: None,
            drift: None,
            easyrl4rec: None,
        }
    }

    /// Episodes that end when patience is out, or with a run of `boredom` too similar items.
    pub fn leave(horizon: u32, patience: u32, boredom: u32) -> Self {
        Rules {
            rule: Rule::Leave,
            patience: Some(patience),
            boredom: Some(boredom),
            ..Rules::fixed(horizon)
        }
    }

    /// Episodes of at most `horizon` steps under `protocol`.
    pub fn easyrl4rec(horizon: u32, protocol: Protocol) -> Self {
        Rules {
            rule: Rule::EasyRl4Rec,
            easyrl4rec: Some(protocol),
            ..Rules::fixed(horizon)
        }
    }

    /// Whether the episode is over after `steps` steps.
    pub fn end(&self, steps: u32, runs: Runs) -> Option<End> {
        let left = self.patience.is_some_and(|patience| runs.dislikes >= patience)
            || self.boredom.is_some_and(|boredom| runs.similar >= boredom);
        if left {
            return Some(End::Terminated);
        }
        (steps >= self.horizon).then_some(End::Truncated)
    }

    /// The expected return of items with these probabilities, shown in this order until the episode ends. Runs of
    /// similar items do not depend on what is liked: whoever makes the order ends it where one would.
    pub fn expected_return(&self, probabilities: impl IntoIterator<Item = f32>) -> f64 {
        // The probability that the user is still there after a run of 0, 1, ... items not liked.
        let mut present = vec![0.0; self.patience.map_or(1, |patience| patience as usize)];
        present[0] = 1.0;
        let mut expected = 0.0;
        for p in probabilities.into_iter().take(self.horizon as usize) {
            let (p, still_there) = (f64::from(p), present.iter().sum::<f64>());
            expected += still_there * p;
            if self.patience.is_some() {
                present.rotate_right(1);
                present.iter_mut().for_each(|probability| *probability *= 1.0 - p);
                present[0] = still_there * p;
            }
        }
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(dislikes: u32, similar: u32) -> Runs {
        Runs { dislikes, similar }
    }

    #[test]
    fn fixed_ends_at_the_horizon_and_leave_when_patience_is_out() {
        let fixed = Rules::fixed(10);
        assert_eq!(
            (fixed.end(9, runs(9, 9)), fixed.end(10, runs(0, 0))),
            (None, Some(End::Truncated))
        );
        let leave = Rules::leave(30, 3, 4);
        assert_eq!(
            (leave.end(9, runs(2, 3)), leave.end(9, runs(3, 0))),
            (None, Some(End::Terminated))
        );
        assert_eq!(leave.end(9, runs(0, 4)), Some(End::Terminated));
        assert_eq!(leave.end(30, runs(0, 0)), Some(End::Truncated));
    }

    #[test]
    fn runs_begin_again() {
        let after = runs(2, 2).after(true, true);
        assert_eq!((after, after.after(false, false)), (runs(0, 3), runs(1, 0)));
    }

    #[test]
    fn the_expected_return_counts_the_chance_to_have_left() {
        let fixed = Rules::fixed(3);
        assert!((fixed.expected_return([0.5, 0.25, 0.125, 1.0]) - 0.875).abs() < 1e-9);
        // Patience 2: the third item is seen unless the first two were not liked, which has probability 0.5 * 0.75.
        let leave = Rules::leave(3, 2, 9);
        let expected = 0.5 + 0.25 + 0.125 * (1.0 - 0.375);
        assert!((leave.expected_return([0.5, 0.25, 0.125]) - expected).abs() < 1e-9);
        // Patience 1: every item is seen only if all before were liked.
        let strict = Rules::leave(3, 1, 9);
        assert!((strict.expected_return([0.5, 0.5, 0.5]) - (0.5 + 0.25 + 0.125)).abs() < 1e-9);
    }
}
