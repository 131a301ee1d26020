//! The command line of `profiler prepare`.

use std::path::PathBuf;

use common::Result;
use common::cli::Shared;

use crate::model::prepare::{self, WeightFormat};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The model as downloaded, a GGUF file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The weight format to convert to
    #[arg(long, value_enum)]
    format: WeightFormat,
    /// Where the converted model goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        prepare::run(&prepare::Config {
            workers: self.shared.workers(),
            model: self.model,
            format: self.format,
            out: self.out,
            overwrite: self.shared.overwrite,
        })
    }
}
