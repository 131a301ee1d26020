//! The protocol of EasyRL4Rec, so that our numbers stand beside those of its users.
//!
//! Yu et al., EasyRL4Rec: An Easy-to-use Library for Reinforcement Learning Based Recommender Systems, SIGIR 2024 (arXiv
//! 2402.15164). What its code does (github.com/chongminggao/EasyRL4Rec, commit 8cecd00) is what counts here:
//!
//! - the reward of an item is the user's rating of it, in a matrix of all users and items without gaps ([`super::ratings`]);
//! - the user leaves with an item that is too close to one of the last items (`_determine_whether_to_leave` of `CoatEnv` and
//!   `MovieLensEnv`): the item still counts;
//! - three ways to test, of which the collectors of `CollectorSet` are the source.

use clap::ValueEnum;
use serde::Serialize;

use super::ratings::Ratings;
use super::rules::End;
use super::vector::Outcome;

/// How many of the last items an item is compared with, unless set: `num_leave_compute` of `get_env_args`, for Coat and
/// MovieLens alike.
pub const WINDOW: u32 = 7;
/// Most steps of an episode, unless set: `max_turn` of `get_env_args`.
pub const TURNS: u32 = 30;
/// Steps of an episode under [`Mode::NxX`], unless set: `force_length` of `get_env_args`.
pub const ROUNDS: u32 = 10;

/// The ways to test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
pub enum Mode {
    /// FreeB: items may be repeated, and the user may leave
    #[default]
    #[value(name = "free")]
    #[serde(rename = "free")]
    Free,
    /// NX_0: no item twice in an episode, and the user may leave
    #[value(name = "nx-0")]
    #[serde(rename = "nx-0")]
    Nx0,
    /// NX_X: no item twice in an episode, and the user stays for all X steps (--horizon)
    #[value(name = "nx-x")]
    #[serde(rename = "nx-x")]
    NxX,
}

impl Mode {
    /// Its name in the names of environments.
    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::Free => "free",
            Mode::Nx0 => "nx-0",
            Mode::NxX => "nx-x",
        }
    }
}

/// The protocol's own settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Protocol {
    /// How it is tested.
    pub mode: Mode,
    /// How many of the last items an item is compared with.
    pub window: u32,
    /// Two items are too close when their distance is below; `None`: see [`Ratings::new`].
    pub threshold: Option<f32>,
}

impl Protocol {
    /// What `action` gives to `user` after the items `before`, but for the horizon.
    ///
    /// The library masks what its policies may choose, so that without repeats ([`Mode::Nx0`], [`Mode::NxX`]) none comes up.
    /// An agent at the other end of step frames sees in them what was shown, and is not masked: a repeat gives 0.
    pub(super) fn outcome(&self, ratings: &Ratings, user: u32, before: &[u32], action: u32) -> Outcome {
        let repeat = self.mode != Mode::Free && before.contains(&action);
        let reward = if repeat { 0.0 } else { ratings.of(user, action) };
        let leaves = self.mode != Mode::NxX
            && self
                .compared(before)
                .iter()
                .any(|&shown| ratings.too_close(shown, action));
        Outcome {
            reward,
            expected: reward,
            repeat,
            end: leaves.then_some(End::Terminated),
        }
    }

    /// The items that the next one is compared with: `sequence_action[t - N : t]` after t items, as Python reads it. In the
    /// first steps t - N is negative and counts from the end, so that with N = 7 the fifth item is compared with the last
    /// three, the seventh with the last alone, and the eighth with all seven. We keep this, since it is what was published.
    fn compared<'a>(&self, before: &'a [u32]) -> &'a [u32] {
        let (t, window) = (before.len(), self.window as usize);
        let start = if t >= window {
            t - window
        } else {
            (2 * t).saturating_sub(window)
        };
        &before[start..]
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::small;
    use super::super::vector::VectorEnvironment;
    use super::super::{Environment, rules::Rules};
    use super::*;

    /// Four users rate six items; of items 0, 1 and 2 each is at distance 1 from the next, all others are further apart.
    fn rated(mode: Mode, window: u32, threshold: f32) -> (Environment, Rules) {
        let mut environment = small();
        let text = "1 2 3 5 1 1\n1 1 1 1 5 1\n1 1 1 1 1 5\n1 1 1 5 5 5\n";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ratings.ascii");
        std::fs::write(&file, text).unwrap();
        let threshold = Some(threshold);
        let protocol = Protocol {
            mode,
            window,
            threshold,
        };
        let rules = Rules::easyrl4rec(5, protocol);
        environment.complete(&rules, Some(&file)).unwrap();
        (environment, rules)
    }

    /// What each of `actions` gives to the first user who comes, and how the episode ends.
    fn play(mode: Mode, window: u32, threshold: f32, actions: &[u32]) -> (Vec<f32>, Option<End>, Vec<bool>) {
        let (environment, rules) = rated(mode, window, threshold);
        let mut vector = VectorEnvironment::new(&environment, rules, 0, 0..1);
        // Until user 0 comes, whose ratings are 1 2 3 5 1 1.
        while vector.user(0) != 0 {
            while vector.step_one(0, 3).end.is_none() {}
            vector.step_one(0, 0);
        }
        let outcomes: Vec<Outcome> = actions.iter().map(|&item| vector.step_one(0, item)).collect();
        let last = outcomes.len() - 1;
        assert!(outcomes[..last].iter().all(|outcome| outcome.end.is_none()));
        (
            outcomes.iter().map(|outcome| outcome.reward).collect(),
            outcomes[last].end,
            outcomes.iter().map(|outcome| outcome.repeat).collect(),
        )
    }

    #[test]
    fn the_reward_is_the_rating_and_that_of_the_item_the_user_leaves_with_counts() {
        // 3 and 0 are far apart; 1 is at distance 1 from 0: below 1.5, not below 1.
        let (rewards, end, _) = play(Mode::Free, 1, 1.5, &[3, 0, 1]);
        assert_eq!((rewards, end), (vec![5.0, 1.0, 2.0], Some(End::Terminated)));
        let (_, end, _) = play(Mode::Free, 1, 1.0, &[3, 0, 1]);
        assert_eq!(end, None, "at the threshold is not below it");
    }

    #[test]
    fn items_of_the_log_and_earlier_ones_can_be_had_again_where_the_user_is_free() {
        // User 0 has item 0 in the log. Item 3 comes back after two others: outside the window of 1.
        let (rewards, end, repeats) = play(Mode::Free, 1, 0.5, &[3, 0, 5, 3]);
        assert_eq!((rewards, end), (vec![5.0, 1.0, 1.0, 5.0], None));
        assert_eq!(repeats, [false; 4]);
        let (rewards, end, _) = play(Mode::Free, 1, 0.5, &[3, 3]);
        assert_eq!(
            (rewards, end),
            (vec![5.0, 5.0], Some(End::Terminated)),
            "no item is far from itself"
        );
    }

    #[test]
    fn without_repeats_a_repeat_gives_nothing() {
        let (rewards, end, repeats) = play(Mode::Nx0, 1, 0.5, &[3, 0, 5, 3]);
        assert_eq!((rewards, end), (vec![5.0, 1.0, 1.0, 0.0], None));
        assert_eq!(repeats, [false, false, false, true]);
        let (_, end, _) = play(Mode::Nx0, 2, 1.5, &[0, 3, 1]);
        assert_eq!(end, Some(End::Terminated), "the user may leave");
    }

    #[test]
    fn in_rounds_of_a_fixed_number_nobody_leaves() {
        let (rewards, end, repeats) = play(Mode::NxX, 7, 100.0, &[3, 1, 2, 3, 0]);
        assert_eq!(rewards, [5.0, 2.0, 3.0, 0.0, 1.0]);
        assert_eq!(repeats, [false, false, false, true, false]);
        assert_eq!(end, Some(End::Truncated));
    }

    #[test]
    fn the_window_is_pythons_slice() {
        // What `list(range(t))[t - 7:t]` gives in Python for t from 0 to 9.
        let expected: [&[u32]; 10] = [
            &[],
            &[0],
            &[0, 1],
            &[0, 1, 2],
            &[1, 2, 3],
            &[3, 4],
            &[5],
            &[0, 1, 2, 3, 4, 5, 6],
            &[1, 2, 3, 4, 5, 6, 7],
            &[2, 3, 4, 5, 6, 7, 8],
        ];
        let protocol = Protocol {
            mode: Mode::Free,
            window: 7,
            threshold: None,
        };
        for (t, expected) in expected.into_iter().enumerate() {
            let before: Vec<u32> = (0..t as u32).collect();
            assert_eq!(protocol.compared(&before), expected, "after {t} items");
        }
    }
}
