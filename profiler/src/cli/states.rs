//! The command line of `profiler states`.

use std::path::PathBuf;

use common::Result;
use common::bad_rows::MaxBadArguments;
use common::cli::Shared;
use common::shards::{ShardArguments, Task};

use crate::states;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The log: a Parquet file, a folder of them, or a glob in quotes; may be left out with --users, where there is no log yet
    #[arg(long, value_name = "FILE|FOLDER|GLOB", required_unless_present = "users")]
    log: Option<PathBuf>,
    /// Where the states go
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Interactions in a state
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    window: u32,
    /// Leave out each user's last K likes and all that follows the earliest of them, so that what is read from the states
    /// can be held against them. A user with at most K likes keeps none
    #[arg(long, value_name = "K", default_value_t = 0)]
    hold_out: u32,
    /// Users who get a state, an empty one, even where the log does not have them, or has no row at all: a Parquet file
    /// with user_id
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Feedback from here on is a like [default: what the log itself says]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    like_threshold: Option<f32>,
    #[command(flatten)]
    shards: ShardArguments,
    #[command(flatten)]
    bad: MaxBadArguments,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self, task: Task) -> Result<()> {
        self.shared.init_terminal();
        let sharding = self.shards.resolve(task)?;
        states::run(&states::Config {
            log: self.log,
            users: self.users,
            window: self.window,
            hold_out: self.hold_out,
            like_threshold: self.like_threshold,
            out: self.out,
            workers: self.shared.workers(),
            seed: self.shared.seed,
            overwrite: self.shared.overwrite,
            sharding,
            max_bad: self.bad.max_bad,
        })
    }
}
