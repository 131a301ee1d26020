//! `pretrain estimate`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::{Shared, inside, not_negative, positive};
use common::schema::rounds::Columns;

use crate::estimate::{self, EstimateConfig, Settings};
use crate::evaluate::{self, Format};

#[derive(Args)]
pub(super) struct EstimateArguments {
    /// The logged rounds: any Parquet file, a folder of part files, or a glob in quotes
    #[arg(long, value_name = "PATH")]
    log: PathBuf,
    #[command(flatten)]
    columns: Columns,
    /// What tables call the target policy
    #[arg(long, value_name = "NAME", default_value = "target")]
    name: String,
    /// Clip importance weights at this: less variance, some bias [default: no clipping]
    #[arg(long, value_name = "X", value_parser = positive::<f64>)]
    max_weight: Option<f64>,
    /// SWITCH leaves a round to the reward model where its importance weight is above this
    #[arg(long, value_name = "X", value_parser = positive::<f64>, default_value_t = evaluate::Settings::default().tau)]
    tau: f64,
    /// The level of the two-sided intervals
    #[arg(long, value_name = "X", value_parser = inside::<f64>, default_value_t = evaluate::Settings::default().confidence)]
    confidence: f64,
    /// End with exit code 3 where no estimator has an effective sample size of N. Without any evidence the answer is always that;
    /// below 100 there is a warning
    #[arg(long, value_name = "N", value_parser = not_negative::<f64>, default_value_t = 0.0)]
    min_effective: f64,
    /// The form of the table on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Also write the numbers to this Parquet file, in the columns that `simulator report` reads
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    shared: Shared,
}

impl EstimateArguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        estimate::run(&EstimateConfig {
            log: self.log,
            columns: self.columns,
            name: self.name,
            seed: self.shared.seed,
            settings: Settings {
                max_weight: self.max_weight,
                tau: self.tau,
                confidence: self.confidence,
            },
            min_effective: self.min_effective,
            format: self.format,
            out: self.out,
            overwrite: self.shared.overwrite,
        })
    }
}
