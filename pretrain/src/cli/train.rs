//! `pretrain train`.

use std::path::PathBuf;

use clap::Args;
use common::bad_rows::MaxBadArguments;
use common::cli::{Shared, count, fraction};
use common::shards::{ShardArguments, Task};
use common::{Error, Result};

use crate::data::{InputPaths, Reading, TraitSource};
use crate::train::{self, TrainConfig};

use super::hyper::{HyperArguments, MethodName};

#[derive(Args)]
pub(super) struct TrainArguments {
    /// How to train
    #[arg(long, value_enum)]
    method: MethodName,
    /// The log: a folder with interactions.parquet and items.parquet, or a Parquet file of interactions (columns
    /// user_id, item_id, timestamp, feedback). What the folder's consumed.parquet, where there is one, says that users had
    /// is never learnt from and never offered
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
    /// What the language model would choose, from `profiler prefer`: ialp's reward model is fit on it where the log is
    /// too short, and does not look at it otherwise
    #[arg(long, value_name = "FILE")]
    preferences: Option<PathBuf>,
    /// What came back to recommendations, as `online` writes it: events.parquet, or folders of such; those of a service in
    /// its STATE/events. Read by the methods in closed form, beside the log: an answered recommendation counts for or
    /// against its item as far as it was liked more or less often than others, and may be offered again
    #[arg(long, value_name = "PATH", num_args = 1..)]
    events: Vec<PathBuf>,
    /// Which traits to train with
    #[arg(long, value_enum, default_value_t)]
    traits: TraitSource,
    /// Feedback of at least this is a like [default: what the log says]
    #[arg(long, value_name = "X")]
    like_threshold: Option<f32>,
    /// Learn from the first X of the log's interactions in time alone; users and items stay known. 0: from none. States are
    /// then those at the end of that part, and a user's profile counts only where it was read from such a state. What users
    /// had in the rest is forgotten: `simulator import --log-fraction` cuts a log so that it stays known
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = fraction::<f64>)]
    log_fraction: f64,
    /// Most interactions in a state [default: as many as the longest of --states, at least 10]
    #[arg(long, value_name = "N", value_parser = count)]
    window: Option<usize>,
    #[command(flatten)]
    bad: MaxBadArguments,
    /// Policies to train, with the seeds --seed, --seed + 1, ...
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The folder that gets the folders seed-S
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Updates between two checkpoints of each policy; a run that was stopped goes on from its last one, to the same bytes
    /// [default: a tenth of --steps]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_every: Option<u64>,
    #[command(flatten)]
    hyper: HyperArguments,
    #[command(flatten)]
    shards: ShardArguments,
    #[command(flatten)]
    shared: Shared,
}

impl TrainArguments {
    pub(super) fn run(self, task: Task) -> Result<()> {
        self.shared.init_terminal();
        let sharding = self.shards.clone().resolve(task)?;
        train::run(&self.resolve()?, &sharding)
    }

    pub(super) fn resolve(mut self) -> Result<TrainConfig> {
        if self.method.is_plain() {
            if self.profiles.is_some() {
                return Err(Error::usage("this method reads no --profiles").hint("leave --profiles out"));
            }
            self.traits = TraitSource::None;
        }
        if self.traits != TraitSource::None && self.profiles.is_none() {
            return Err(Error::usage("no profiles are given").hint(
                "pass --profiles with the file that `profiler traits` writes, or --traits none to train without",
            ));
        }
        if self.preferences.is_some() && !self.method.is_ialp() {
            return Err(
                Error::usage("this method has no reward model that --preferences could be for")
                    .hint("leave --preferences out, or train with --method ialp"),
            );
        }
        let method = self.hyper.method(self.method)?;
        if !self.events.is_empty() && method.closed_form().is_none() {
            return Err(Error::usage("this method reads no --events").hint(
                "it is read by the methods in closed form: appeal, popularity, item-knn, ease, als. Events are a valid log: \
                 others learn from them by --log",
            ));
        }
        let encoder = self.hyper.encoder()?;
        Ok(TrainConfig {
            inputs: InputPaths {
                log: self.log,
                items: self.items,
                states: self.states,
                profiles: self.profiles.filter(|_| self.traits != TraitSource::None),
                preferences: self.preferences,
                events: self.events,
                like_threshold: self.like_threshold,
            },
            reading: Reading {
                log_fraction: self.log_fraction,
                window: self.window,
                max_bad: self.bad.max_bad,
                workers: self.shared.workers(),
            },
            traits: self.traits,
            method,
            dims: self.hyper.dims,
            hidden: self.hyper.hidden,
            encoder,
            negatives: self.hyper.negatives,
            seed: self.shared.seed,
            seeds: self.seeds,
            workers: self.shared.workers(),
            out: self.out,
            checkpoint_every: self.checkpoint_every,
            overwrite: self.shared.overwrite,
        })
    }
}
