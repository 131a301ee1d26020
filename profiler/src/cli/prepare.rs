//! The command line of `profiler prepare`.

use std::path::PathBuf;

use clap::ValueEnum;
use common::cli::Shared;
use common::{Error, Result, input, terminal};

use crate::model::convert::WeightFormat;
use crate::prepare;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The model as downloaded, a GGUF file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The weight format to convert to
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// With `auto`: the largest drift of what is kept
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
        if self.max_drift.is_nan() || self.max_drift < 0.0 {
            return Err(Error::usage(format!(
                "--max-drift is {}, not 0 or more",
                self.max_drift
            )));
        }
        let table = prepare::run(&prepare::Config {
            workers: self.shared.workers(),
            model: input::local("open the model", &self.model)?,
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
        table.map_or(Ok(()), |table| terminal::print(&table))
    }
}
