//! What a forecast answers, and how it is shown.

use serde::Serialize;

use super::{ForecastConfig, Measured, Start};
use crate::evaluate::interval::Interval;
use crate::gate::Estimated;

/// Whether traits would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// They do better than the start without them, and than themselves shuffled: both bounds are above 0.
    Yes,
    /// They do no better than the start without them: the upper bound is not above a fiftieth of what that reaches.
    No,
    /// The log is too short to tell, or what helps is not what the traits say.
    Open,
}

impl Answer {
    /// In a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Answer::Yes => "yes: the traits help on this log",
            Answer::No => "no: on this log the traits add nothing that matters",
            Answer::Open => "it cannot be told from this log",
        }
    }
}

/// The forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether traits would help.
    pub answer: Answer,
    /// NDCG@k of held-out likes with the traits.
    pub traits: Estimated,
    /// With the same traits handed to the wrong items.
    pub shuffled: Estimated,
    /// Without any: categories and the log alone.
    pub without: Estimated,
    /// Of the most popular items.
    pub popularity: Estimated,
    /// With the traits minus without.
    pub gain: Estimated,
    /// The same as a share of what is reached without.
    pub relative_gain: Estimated,
    /// With the traits minus shuffled.
    pub over_shuffled: Estimated,
    /// How much of a list is read.
    pub k: usize,
    /// Users that were asked about.
    pub users: usize,
    /// Their likes.
    pub likes: usize,
    /// How many of these were held out and measured: those of items that a list could have had.
    pub measured: usize,
    /// The level of the intervals.
    pub confidence: f64,
}

/// An upper bound of the gain below this share of what is reached without traits is none that matters.
const MATTERS: f64 = 0.02;

impl Verdict {
    pub(super) fn of(config: &ForecastConfig, measured: &Measured, users: usize, likes: usize) -> Self {
        let interval =
            |values: &[f64]| Estimated::from(Interval::of_mean(values, &measured.user, config.confidence));
        let of = |start: Start| &measured.values[start as usize];
        let difference = |of: &[f64], from: &[f64]| {
            let differences: Vec<f64> = of.iter().zip(from).map(|(a, b)| a - b).collect();
            interval(&differences)
        };
        let without = interval(of(Start::Bare));
        let gain = difference(of(Start::Traits), of(Start::Bare));
        let over_shuffled = difference(of(Start::Traits), of(Start::Shuffled));
        let share = |value: f64| value / without.estimate;
        let answer = match (gain, over_shuffled) {
            (gain, over) if gain.low > 0.0 && over.low > 0.0 => Answer::Yes,
            (gain, _) if gain.high <= MATTERS * without.estimate => Answer::No,
            _ => Answer::Open,
        };
        Verdict {
            answer,
            traits: interval(of(Start::Traits)),
            shuffled: interval(of(Start::Shuffled)),
            without,
            popularity: interval(of(Start::Popularity)),
            gain,
            relative_gain: Estimated {
                estimate: share(gain.estimate),
                low: share(gain.low),
                high: share(gain.high),
            },
            over_shuffled,
            k: config.k,
            users,
            likes,
            measured: measured.user.len(),
            confidence: config.confidence,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let line = |name: &str, found: &Estimated| {
            format!(
                "{name:<34} {:>9.5}  [{:.5}, {:.5}]\n",
                found.estimate, found.low, found.high
            )
        };
        let mut text = format!(
            "NDCG@{} of held-out likes, with {} % intervals; {} users, {} likes, {} of them measured\n\n",
            self.k,
            self.confidence * 100.0,
            self.users,
            self.likes,
            self.measured
        );
        text += &line("the most popular items", &self.popularity);
        text += &line("the log and categories, no traits", &self.without);
        text += &line("with traits", &self.traits);
        text += &line("with the traits shuffled", &self.shuffled);
        text += &line("traits - no traits", &self.gain);
        text += &line("traits - shuffled traits", &self.over_shuffled);
        text += &format!(
            "\nforecast: {:+.0} % [{:+.0} %, {:+.0} %] over a start without the language model\n{}\n",
            100.0 * self.relative_gain.estimate,
            100.0 * self.relative_gain.low,
            100.0 * self.relative_gain.high,
            self.answer.sentence()
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::InputPaths;
    use crate::evaluate::Format;

    fn verdict(traits: f64, shuffled: f64, bare: f64, noise: f64) -> Verdict {
        let users = 400;
        let config = ForecastConfig {
            inputs: InputPaths {
                log: "log".into(),
                items: None,
                states: None,
                profiles: None,
                preferences: None,
                events: Vec::new(),
                like_threshold: None,
            },
            folds: 5,
            k: 10,
            users: 0,
            confidence: 0.95,
            seed: 0,
            format: Format::Text,
            workers: 1,
        };
        // Noise of its own for each start, the same sum for all.
        let around = |mean: f64, turn: u32| {
            let wave = |user: u32| {
                if (user >> turn).is_multiple_of(2) {
                    noise
                } else {
                    -noise
                }
            };
            (0..users).map(|user| mean + wave(user)).collect::<Vec<f64>>()
        };
        let measured = Measured {
            values: [
                around(traits, 0),
                around(shuffled, 1),
                around(bare, 2),
                around(0.1, 3),
            ],
            user: (0..users).collect(),
        };
        Verdict::of(&config, &measured, 400, 400)
    }

    #[test]
    fn yes_needs_both_comparisons_and_no_needs_certainty() {
        assert_eq!(verdict(0.3, 0.2, 0.2, 0.1).answer, Answer::Yes);
        // More parameters help as much as what they say.
        assert_eq!(verdict(0.3, 0.3, 0.2, 0.1).answer, Answer::Open);
        assert_eq!(verdict(0.2, 0.1, 0.2, 0.001).answer, Answer::No);
        assert_eq!(verdict(0.2, 0.2, 0.25, 0.1).answer, Answer::No);
        // Too much noise to tell.
        assert_eq!(verdict(0.21, 0.2, 0.2, 0.3).answer, Answer::Open);
    }

    #[test]
    fn the_gain_is_told_as_a_share() {
        let verdict = verdict(0.3, 0.2, 0.2, 0.1);
        assert!((verdict.relative_gain.estimate - 0.5).abs() < 1e-9);
        let text = verdict.text();
        assert!(
            text.contains("forecast: +50 %") && text.contains("yes: "),
            "{text}"
        );
    }
}
