//! The command line of `simulator import custom`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use common::bad_rows::MaxBadArguments;
use common::cli::{Shared, finite, inside};
use common::{Error, Result};

use super::Config;
use crate::dataset::{CUSTOM, Unrated};
use crate::import::args::Cut;
use crate::import::split::Split;

/// Shown after the help.
pub(crate) const EXAMPLES: &str = "\
Examples:
  simulator import custom --interactions clicks.parquet --items items.parquet \\
    --like-threshold 1 --out data/shop
  simulator import custom --interactions ratings/ --users users.parquet --like-threshold 4 \\
    --split random --log-share 0.5 --seed 1 --out data/books --name books
  simulator import custom --interactions log.parquet --truth shown-at-random.parquet \\
    --unrated unknown --like-threshold 4 --out data/answers
  simulator import custom --interactions clicks.parquet --like-threshold 1 \\
    --log-fraction 0.01 --seed 1 --out data/little";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SplitBy {
    /// Of each user's interactions the earliest are the log
    Time,
    /// Of each user's interactions some, drawn by --seed, are the log
    Random,
    /// --interactions is the log and --truth is held out
    Given,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UnratedPair {
    /// The user did not take the item up: a no
    Negative,
    /// Nothing is known: the truth holds the answers to items that were shown at random
    Unknown,
}

#[derive(Debug, Args)]
pub(crate) struct Custom {
    /// The interactions, or the log where --truth is given; of a folder all Parquet files at all levels, without names that begin with `.` or `_`
    #[arg(long, value_name = "FILE|DIR")]
    interactions: PathBuf,
    /// The catalogue [default: the items of the interactions, with their ids as titles]
    #[arg(long, value_name = "FILE|DIR")]
    items: Option<PathBuf>,
    /// The users [default: those of the interactions, without attributes]
    #[arg(long, value_name = "FILE|DIR")]
    users: Option<PathBuf>,
    /// Held-out interactions
    #[arg(long, value_name = "FILE|DIR")]
    truth: Option<PathBuf>,
    /// Feedback of at least this is a like; may be left out where the file says it itself, as Headstart's own do
    #[arg(long, value_name = "FEEDBACK", value_parser = finite::<f32>)]
    like_threshold: Option<f32>,
    /// How log and truth are told apart [default: given with --truth, else time]
    #[arg(long, value_enum)]
    split: Option<SplitBy>,
    /// Share of each user's interactions that becomes the log; the others are held out [default: 0.8]
    #[arg(long, value_name = "SHARE", value_parser = inside::<f64>)]
    log_share: Option<f64>,
    #[command(flatten)]
    cut: Cut,
    /// What it says that a user and an item are neither in the log nor in the truth
    #[arg(long, value_enum, default_value = "negative")]
    unrated: UnratedPair,
    /// The dataset's name in manifests and reports
    #[arg(long, value_name = "NAME", default_value = CUSTOM)]
    name: String,
    /// Folder to write log/ and truth/ into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    bad: MaxBadArguments,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

impl Custom {
    fn split(&self) -> Result<Split> {
        let chosen = match (self.split, &self.truth) {
            (None | Some(SplitBy::Given), Some(_)) => SplitBy::Given,
            (Some(SplitBy::Given), None) => {
                return Err(Error::usage("--split given needs held-out interactions").hint("pass --truth"));
            }
            (Some(_), Some(_)) => {
                return Err(Error::usage("with --truth there is nothing to split").hint("leave out --split"));
            }
            (None, None) => SplitBy::Time,
            (Some(chosen), None) => chosen,
        };
        if chosen == SplitBy::Given && self.log_share.is_some() {
            return Err(Error::usage("--log-share has no meaning with --truth").hint("leave it out"));
        }
        let log_share = self.log_share.unwrap_or(0.8);
        Ok(match chosen {
            SplitBy::Time => Split::Time { log_share },
            SplitBy::Random => Split::Random {
                log_share,
                seed: self.shared.seed,
            },
            SplitBy::Given => Split::Given,
        })
    }

    /// The resolved configuration.
    ///
    /// # Errors
    /// Wrong usage, where flags contradict each other.
    pub(crate) fn config(&self) -> Result<Config> {
        Ok(Config {
            name: self.name.clone(),
            interactions: self.interactions.clone(),
            items: self.items.clone(),
            users: self.users.clone(),
            truth: self.truth.clone(),
            split: self.split()?,
            cut: self.cut.resolve(&self.shared),
            unrated: match self.unrated {
                UnratedPair::Negative => Unrated::Negative,
                UnratedPair::Unknown => Unrated::Unknown,
            },
            like_threshold: self.like_threshold,
            out: self.out.clone(),
            max_bad: self.bad.max_bad,
            overwrite: self.shared.overwrite,
        })
    }
}
