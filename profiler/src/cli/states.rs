//! The command line of `profiler states`.

use std::path::PathBuf;

use common::Result;
use common::cli::Shared;

use crate::states;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The log: a Parquet file, a folder of them, or a glob in quotes
    #[arg(long, value_name = "FILE|FOLDER|GLOB")]
    log: PathBuf,
    /// Where the states go
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Interactions in a state
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    window: u32,
    /// Feedback from here on is a like [default: what the log itself says]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    like_threshold: Option<f32>,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        states::run(&states::Config {
            log: self.log,
            window: self.window,
            like_threshold: self.like_threshold,
            out: self.out,
            seed: self.shared.seed,
            overwrite: self.shared.overwrite,
        })
    }
}
