//! `online agent`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::Shared;

use super::learning::LearningArguments;
use crate::adapt::Name;
use crate::run::{self, AgentConfig};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The policy folder that `pretrain train` wrote
    #[arg(long, value_name = "DIR")]
    policy: PathBuf,
    /// How to act and learn
    #[arg(long, value_enum)]
    strategy: Name,
    /// Write what was recommended and what came back, as Parquet, when the session ends
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    #[command(flatten)]
    learning: LearningArguments,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        run::agent(&self.resolve())
    }

    fn resolve(self) -> AgentConfig {
        let (hyper, gamma) = self.learning.resolve(self.strategy);
        AgentConfig {
            policy: self.policy,
            strategy: self.strategy,
            events: self.events,
            overwrite: self.shared.overwrite,
            seed: self.shared.seed,
            gamma,
            hyper,
        }
    }
}
