//! The command line of `profiler candidates`.

use std::path::PathBuf;

use common::Result;
use common::cli::Shared;

use crate::candidates::{self, Draw, Kind, Weighting};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The log that the states were made from, where there is one: a Parquet file, a folder of them, or a glob in quotes
    #[arg(long, value_name = "FILE|FOLDER|GLOB")]
    log: Option<PathBuf>,
    /// The catalogue
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// The user states, made by `profiler states`
    #[arg(long, value_name = "FILE")]
    states: PathBuf,
    /// What the lists hold
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// Items in a list that the user never met
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    unseen: u32,
    /// How these are drawn
    #[arg(long, value_enum, default_value_t)]
    negatives: Weighting,
    /// Users who get a list, a sample by the seed; 0 is all
    #[arg(long, value_name = "N", default_value_t = 500)]
    users: u32,
    /// Where the lists go, for `profiler prefer --candidates`
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        candidates::run(&candidates::Config {
            log: self.log,
            items: self.items,
            states: self.states,
            kind: self.kind,
            draw: Draw {
                unseen: self.unseen as usize,
                weighting: self.negatives,
                users: self.users as usize,
                seed: self.shared.seed,
            },
            out: self.out,
            workers: self.shared.workers(),
            overwrite: self.shared.overwrite,
        })
    }
}
