//! `pretrain forecast`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::{Shared, count};

use crate::data::InputPaths;
use crate::evaluate::{Format, Settings};
use crate::forecast::{self, ForecastConfig};

#[derive(Args)]
pub(super) struct ForecastArguments {
    /// The log: a folder with interactions.parquet and items.parquet, or a Parquet file of interactions
    #[arg(long, value_name = "PATH")]
    log: PathBuf,
    /// The catalogue, where it is not in the log's folder [default: the log's items]
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// Profiles from `profiler traits`: those of items are tried, of users there may be none
    #[arg(long, value_name = "FILE")]
    profiles: PathBuf,
    /// Feedback of at least this is a like [default: what the log says]
    #[arg(long, value_name = "X")]
    like_threshold: Option<f32>,
    /// Into how many folds the interactions are dealt, each held out once: more of them come nearer to the whole log and take longer
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(2..=100))]
    folds: u64,
    /// How much of a list is read
    #[arg(long, value_name = "K", default_value = "10", value_parser = count)]
    k: usize,
    /// Ask about so many users of the log alone, drawn by --seed; 0: all. Fewer users are a shorter log: the answer is about that
    #[arg(long = "sample", value_name = "N", default_value_t = 0)]
    users: usize,
    /// The form of the verdict on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    shared: Shared,
}

impl ForecastArguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        forecast::run(&ForecastConfig {
            inputs: InputPaths {
                log: self.log,
                items: self.items,
                states: None,
                profiles: Some(self.profiles),
                preferences: None,
                events: Vec::new(),
                like_threshold: self.like_threshold,
            },
            folds: self.folds as usize,
            k: self.k,
            users: self.users,
            confidence: Settings::default().confidence,
            seed: self.shared.seed,
            format: self.format,
            workers: self.shared.workers(),
        })
    }
}
