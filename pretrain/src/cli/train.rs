//! `pretrain train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use common::cli::Shared;
use common::{Error, Result};

use crate::algorithms::bc::BcConfig;
use crate::algorithms::ialp::IalpConfig;
use crate::data::{InputPaths, Reading, TraitSource};
use crate::train::{self, Method, TrainConfig};

#[derive(Clone, Copy, ValueEnum)]
enum MethodName {
    /// Behaviour cloning: choose what users chose and liked next
    Bc,
    /// Actor-critic on the reward model: sample actions on logged states, answered from traits and calibrated on the
    /// log's own tail
    Ialp,
}

#[derive(Args)]
pub(super) struct TrainArguments {
    /// How to train
    #[arg(long, value_enum)]
    method: MethodName,
    /// The log: a folder with interactions.parquet and items.parquet, or a Parquet file of interactions (columns
    /// user_id, item_id, timestamp, feedback)
    #[arg(long, value_name = "PATH")]
    log: PathBuf,
    /// The catalogue (column item_id), where it is not in the log's folder [default: the log's items]
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// User states, from `profiler states` [default: the last 10 interactions of each user]
    #[arg(long, value_name = "FILE")]
    states: Option<PathBuf>,
    /// Trait profiles of users and items, from `profiler traits`; needed unless --traits none
    #[arg(long, value_name = "FILE")]
    profiles: Option<PathBuf>,
    /// Which traits to train with
    #[arg(long, value_enum, default_value_t)]
    traits: TraitSource,
    /// Feedback of at least this is a like [default: what the log says]
    #[arg(long, value_name = "X")]
    like_threshold: Option<f32>,
    /// Learn from the first X of the log's interactions in time alone; users and items stay known. 0: from none. States are
    /// then those at the end of that part, and a user's profile counts only where it was read from such a state
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = fraction)]
    log_fraction: f64,
    /// Most interactions in a state [default: as many as the longest of --states, at least 10]
    #[arg(long, value_name = "N", value_parser = super::positive)]
    window: Option<usize>,
    /// Leave out rows of the log with a null, an empty id, NaN or an infinity, and say how many [default: refuse the first]
    #[arg(long)]
    skip_bad_rows: bool,
    /// Policies to train, with the seeds --seed, --seed + 1, ...
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The folder that gets the folders seed-S
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    hyper: HyperArguments,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Args)]
#[command(next_help_heading = "Hyper-parameters")]
struct HyperArguments {
    /// Updates [default: 2000 for bc, 1000 for ialp]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Interactions (bc) or episodes (ialp) an update [default: 256 for bc, 64 for ialp]
    #[arg(long, value_name = "N", value_parser = super::positive)]
    batch: Option<usize>,
    /// Adam's step size at first; it falls linearly to 0 [default: 0.005 for bc, 0.006 for ialp]
    #[arg(long, value_name = "X")]
    lr: Option<f32>,
    /// Discount per step [default: 0.9]
    #[arg(long, value_name = "X")]
    gamma: Option<f32>,
    /// Dimensions of an item embedding
    #[arg(long, value_name = "D", default_value = "64", value_parser = super::positive)]
    dims: usize,
    /// Hidden units of the encoder
    #[arg(long, value_name = "H", default_value = "64", value_parser = super::positive)]
    hidden: usize,
    /// bc: the last part of each user's log that is held out to choose the best weights [default: 0.1]
    #[arg(long, value_name = "X")]
    validation: Option<f32>,
    /// ialp: weight of the entropy bonus at first, as a share of the distance between the best items' and random items'
    /// modelled reward; it falls linearly to a tenth [default: 0.15]
    #[arg(long, value_name = "X")]
    entropy: Option<f32>,
    /// ialp: steps of an episode [default: 10]
    #[arg(long, value_name = "N", value_parser = super::positive)]
    horizon: Option<usize>,
    /// ialp: rewards in a return before the critic stands in for the rest [default: 1]
    #[arg(long, value_name = "N", value_parser = super::positive)]
    n_step: Option<usize>,
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if (0.0..=1.0).contains(&x) => Ok(x),
        Ok(_) => Err("it must be from 0 to 1".into()),
        Err(e) => Err(e.to_string()),
    }
}

impl TrainArguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        train::run(&self.resolve()?)
    }

    fn resolve(self) -> Result<TrainConfig> {
        if self.traits != TraitSource::None && self.profiles.is_none() {
            return Err(Error::usage("no profiles are given").hint(
                "pass --profiles with the file that `profiler traits` writes, or --traits none to train without",
            ));
        }
        let method = self.hyper.method(self.method)?;
        Ok(TrainConfig {
            inputs: InputPaths {
                log: self.log,
                items: self.items,
                states: self.states,
                profiles: self.profiles.filter(|_| self.traits != TraitSource::None),
                like_threshold: self.like_threshold,
            },
            reading: Reading {
                log_fraction: self.log_fraction,
                window: self.window,
                skip_bad_rows: self.skip_bad_rows,
            },
            traits: self.traits,
            method,
            dims: self.hyper.dims,
            hidden: self.hyper.hidden,
            seed: self.shared.seed,
            seeds: self.seeds,
            workers: self.shared.workers(),
            out: self.out,
            overwrite: self.shared.overwrite,
        })
    }
}

impl HyperArguments {
    fn method(&self, name: MethodName) -> Result<Method> {
        let belongs = |flag: &str, given: bool, to: &str| match given {
            true => Err(Error::usage(format!("{flag} is a hyper-parameter of {to}"))
                .hint(format!("leave {flag} out"))),
            false => Ok(()),
        };
        let in_range = |flag: &str, value: Option<f32>, range: std::ops::RangeInclusive<f32>| match value {
            Some(value) if !range.contains(&value) => {
                let (from, to) = (range.start(), range.end());
                Err(Error::usage(format!(
                    "{flag} {value} is not between {from} and {to}"
                )))
            }
            _ => Ok(()),
        };
        in_range("--lr", self.lr, f32::MIN_POSITIVE..=1.0)?;
        in_range("--gamma", self.gamma, 0.0..=1.0)?;
        in_range("--validation", self.validation, 0.0..=0.9)?;
        in_range("--entropy", self.entropy, 0.0..=100.0)?;
        match name {
            MethodName::Bc => {
                belongs("--entropy", self.entropy.is_some(), "ialp")?;
                belongs("--horizon", self.horizon.is_some(), "ialp")?;
                belongs("--n-step", self.n_step.is_some(), "ialp")?;
                let default = BcConfig::default();
                Ok(Method::Bc(BcConfig {
                    steps: self.steps.unwrap_or(default.steps),
                    batch: self.batch.unwrap_or(default.batch),
                    learning_rate: self.lr.unwrap_or(default.learning_rate),
                    gamma: self.gamma.unwrap_or(default.gamma),
                    validation: self.validation.unwrap_or(default.validation),
                    ..default
                }))
            }
            MethodName::Ialp => {
                belongs("--validation", self.validation.is_some(), "bc")?;
                let default = IalpConfig::default();
                Ok(Method::Ialp(IalpConfig {
                    steps: self.steps.unwrap_or(default.steps),
                    batch: self.batch.unwrap_or(default.batch),
                    learning_rate: self.lr.unwrap_or(default.learning_rate),
                    gamma: self.gamma.unwrap_or(default.gamma),
                    entropy: self.entropy.unwrap_or(default.entropy),
                    horizon: self.horizon.unwrap_or(default.horizon),
                    n_step: self.n_step.unwrap_or(default.n_step),
                    ..default
                }))
            }
        }
    }
}
