//! The command line of `profiler candidates`.

use std::path::PathBuf;

use common::Result;
use common::cli::Shared;

use super::groups::DrawArguments;
use crate::candidates::{self, Draw, Kind};

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
    #[command(flatten)]
    draw: DrawArguments,
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
                unseen: self.draw.unseen as usize,
                weighting: self.draw.negatives,
                users: self.draw.users as usize,
                seed: self.shared.seed,
            },
            out: self.out,
            workers: self.shared.workers(),
            overwrite: self.shared.overwrite,
        })
    }
}
