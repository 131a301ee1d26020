//! `pretrain gate`.

use std::path::PathBuf;

use clap::Args;
use common::cli::Shared;
use common::{Error, Result};

use super::later::LaterArguments;
use crate::evaluate::Format;
use crate::gate::{self, Criterion, GateConfig};

#[derive(Args)]
pub(super) struct GateArguments {
    /// The policy that wants to pass: a folder, as `pretrain train` writes it
    #[arg(long, value_name = "DIR")]
    policy: PathBuf,
    /// The policy that it must be better than
    #[arg(long, value_name = "DIR")]
    reference: PathBuf,
    #[command(flatten)]
    later: LaterArguments,
    /// What is compared: ips, snips, dm, dr, switch or mips, or a ranking metric: recall@K, ndcg@K, mrr@K or hit@K
    #[arg(long, value_name = "NAME", default_value = "snips")]
    estimator: Criterion,
    /// The lower bound of the difference must be above this; a negative one asks for no more than "not much worse"
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    margin: f64,
    /// The least effective sample size, of either policy, that a yes may stand on
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    min_effective: f64,
    /// The form of the verdict on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    shared: Shared,
}

impl GateArguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        let (evidence, settings) = self.later.resolve()?;
        if !self.margin.is_finite() || self.min_effective.is_nan() || self.min_effective < 0.0 {
            return Err(Error::usage(format!(
                "--margin {} and --min-effective {} must be numbers, the second not below 0",
                self.margin, self.min_effective
            )));
        }
        gate::run(&GateConfig {
            policy: self.policy,
            reference: self.reference,
            evidence,
            settings,
            criterion: self.estimator.with_tau(settings.tau),
            margin: self.margin,
            min_effective: self.min_effective,
            format: self.format,
            workers: self.shared.workers(),
        })
    }
}
