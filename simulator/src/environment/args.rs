//! The options of an episode's rules.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use common::cli::not_negative;
use common::{Error, Result};

use super::easyrl4rec::{Mode, Protocol, ROUNDS, TURNS, WINDOW};
use super::rules::{Rule, Rules};

/// The rules of an episode, as options.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rules of an episode")]
pub(crate) struct RuleArgs {
    /// When an episode ends, and what its rewards are
    #[arg(long, value_enum, default_value_t)]
    rule: Rule,
    /// Most steps of an episode [default: 10 under `fixed` and --mode nx-x, else 30]
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    horizon: Option<u32>,
    /// Under `leave`: the user leaves after so many items in a row without a like [default: 5]
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    patience: Option<u32>,
    /// Under `leave`: the user leaves after so many items in a row that are each too similar to the one before, by
    /// the vectors of the user model; one pair of items in twenty is [default: 5]
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    boredom: Option<u32>,
    /// Let interest drift: within so many episodes of an environment a user's taste becomes that of another user
    /// [default: it stays]
    #[arg(long, value_name = "EPISODES", value_parser = clap::value_parser!(u32).range(1..))]
    drift: Option<u32>,
    /// Under `easyrl4rec`: how it is tested [default: free]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Under `easyrl4rec`: the user leaves with an item that is too close to one of so many last ones [default: 7]
    #[arg(long, value_name = "ITEMS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    window: Option<u32>,
    /// Under `easyrl4rec`: two items are too close when the Euclidean distance of their ratings by all users is below this
    /// [default: what makes as many pairs too close as in EasyRL4Rec, on coat 1.7 % and on movielens 27 %]
    #[arg(long, value_name = "DISTANCE", value_parser = not_negative::<f32>)]
    threshold: Option<f32>,
    /// Under `easyrl4rec`: the ratings, as text: a line a user and a number an item, in the order of users.parquet and
    /// items.parquet [default: what the user model expects]
    #[arg(long, value_name = "FILE")]
    ratings: Option<PathBuf>,
}

impl RuleArgs {
    /// The rules.
    ///
    /// # Errors
    /// An option that has no meaning under the rule.
    pub(crate) fn resolve(&self) -> Result<Rules> {
        let needs = [
            (self.patience.is_some(), "--patience", Rule::Leave),
            (self.boredom.is_some(), "--boredom", Rule::Leave),
            (self.mode.is_some(), "--mode", Rule::EasyRl4Rec),
            (self.window.is_some(), "--window", Rule::EasyRl4Rec),
            (self.threshold.is_some(), "--threshold", Rule::EasyRl4Rec),
            (self.ratings.is_some(), "--ratings", Rule::EasyRl4Rec),
        ];
        for (given, flag, rule) in needs {
            if given && rule != self.rule {
                return Err(no_meaning(flag, &format!("the rule `{}`", name(self.rule)))
                    .hint(format!("add --rule {}", name(rule))));
            }
        }
        let rules = match self.rule {
            Rule::Fixed => Rules::fixed(self.horizon.unwrap_or(10)),
            Rule::Leave => Rules::leave(
                self.horizon.unwrap_or(30),
                self.patience.unwrap_or(5),
                self.boredom.unwrap_or(5),
            ),
            Rule::EasyRl4Rec => return self.easyrl4rec(),
        };
        Ok(Rules {
            drift: self.drift,
            ..rules
        })
    }

    fn easyrl4rec(&self) -> Result<Rules> {
        if self.drift.is_some() {
            return Err(no_meaning("--drift", "the rule `easyrl4rec`").hint("its ratings stay as they are"));
        }
        let mode = self.mode.unwrap_or_default();
        let turns = match mode {
            Mode::NxX if self.window.is_some() || self.threshold.is_some() => {
                return Err(
                    no_meaning("--window or --threshold", "the mode `nx-x`").hint("its users do not leave")
                );
            }
            Mode::NxX => ROUNDS,
            Mode::Free | Mode::Nx0 => TURNS,
        };
        let protocol = Protocol {
            mode,
            window: self.window.unwrap_or(WINDOW),
            threshold: self.threshold,
        };
        Ok(Rules::easyrl4rec(self.horizon.unwrap_or(turns), protocol))
    }

    /// The file of ratings.
    pub(crate) fn ratings(&self) -> Option<&Path> {
        self.ratings.as_deref()
    }
}

fn no_meaning(flag: &str, under: &str) -> Error {
    Error::usage(format!("{flag} has no meaning under {under}"))
}

fn name(rule: Rule) -> String {
    rule.to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_string())
}
