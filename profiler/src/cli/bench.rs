//! The command line of `profiler bench`.

use std::path::PathBuf;

use common::cli::Shared;
use common::{Result, input};

use crate::bench;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The language model, a GGUF file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Made-up users
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    users: u32,
    /// Candidates of each user
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    candidates: u32,
    /// Runs of each measurement, after one to warm up; the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Users whose pairs the slow methods are measured on
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    subset: u32,
    /// Write the pairs of these users as JSON to this file too, for another program to be measured on the same
    #[arg(long, value_name = "FILE")]
    write_task: Option<PathBuf>,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        bench::run(&bench::Config {
            workers: self.shared.workers(),
            model: input::local("open the model", &self.model)?,
            users: self.users as usize,
            candidates: self.candidates as usize,
            runs: self.runs as usize,
            subset: self.subset as usize,
            write_task: self.write_task,
            seed: self.shared.seed,
        })
    }
}
