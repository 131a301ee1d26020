//! The command line of `profiler prepare`.

use std::path::PathBuf;

use clap::ValueEnum;
use common::cli::Shared;
use common::{Error, Result};

use crate::model::convert::WeightFormat;
use crate::prepare;

/// With `auto` every format is tried on the same built-in prompts with all workers, as `traits` would run them, and the
/// fastest is kept whose traits are those of the original but for --max-drift; a table of all goes to stdout. As times
/// differ from run to run, so may the choice: a conversion of the same model at OUT counts as done, whatever its format.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The model as downloaded, a GGUF file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The weight format to convert to
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// With `auto`: how far traits may move from the original's, as a share of the standard deviation of these
    #[arg(long, value_name = "SHARE", default_value_t = 0.25)]
    max_drift: f64,
    /// Where the converted model goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// The fastest of those below on this machine
    #[default]
    Auto,
    /// The weights as they are
    AsIs,
    /// bfloat16: largest, fastest where the CPU has AVX512-BF16 or AMX
    Bf16,
    /// 8 bits a weight, nearly lossless
    #[value(name = "q8_0")]
    Q8,
    /// 4 bits a weight, smallest
    #[value(name = "q4_0")]
    Q4,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        if !(self.max_drift >= 0.0) {
            return Err(Error::usage(format!(
                "--max-drift is {}, not 0 or more",
                self.max_drift
            )));
        }
        let table = prepare::run(&prepare::Config {
            workers: self.shared.workers(),
            model: self.model,
            format: match self.format {
                Format::Auto => None,
                Format::AsIs => Some(WeightFormat::AsIs),
                Format::Bf16 => Some(WeightFormat::Bf16),
                Format::Q8 => Some(WeightFormat::Q8),
                Format::Q4 => Some(WeightFormat::Q4),
            },
            max_drift: self.max_drift,
            out: self.out,
            overwrite: self.shared.overwrite,
        })?;
        table.map_or(Ok(()), |table| super::print(&table))
    }
}
