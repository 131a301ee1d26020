//! `online agent`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::Shared;

use super::learning::LearningArguments;
use crate::adapt::Name;
use crate::agent::Refit;
use crate::run::{self, AgentConfig, Carrier};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The policy folder that `pretrain train` wrote
    #[arg(long, value_name = "DIR")]
    policy: PathBuf,
    /// How to act and learn
    #[arg(long, value_enum, default_value_t = Name::Adapter)]
    strategy: Name,
    /// Instead of using stdin and stdout, connect to the Unix socket on which an environment listens, such as `simulator
    /// run --socket`
    #[arg(long, value_name = "PATH", conflicts_with = "socket")]
    connect: Option<PathBuf>,
    /// Instead of using stdin and stdout, listen on this Unix socket: each environment that connects gets an agent of its
    /// own, which begins anew; end the process to end the service
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Write what was recommended and what came back, as Parquet, when the session ends
    #[arg(long, value_name = "FILE", conflicts_with = "socket")]
    events: Option<PathBuf>,
    /// Retrain while serving: after every N episodes run --refit, and let the policy that it makes take over
    #[arg(long, value_name = "N", requires = "refit", value_parser = clap::value_parser!(u32).range(1..))]
    refit_every: Option<u32>,
    /// The command that makes the new policy, such as \"pretrain train --method ease --log LOG --events {events} --seeds 1 --seed
    /// {seed} --out {out}\": {events} is a file of all that was answered so far, {out} a folder for the policy, and {seed} this
    /// agent's seed. The agent waits for it
    #[arg(long, value_name = "COMMAND", requires = "refit_every")]
    refit: Option<String>,
    #[command(flatten)]
    learning: LearningArguments,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        run::agent(&self.resolve()?)
    }

    fn resolve(self) -> Result<AgentConfig> {
        let refit = self.refit_every.zip(self.refit.as_deref());
        Ok(AgentConfig {
            refit: refit.map(|(every, line)| Refit::parse(every, line)).transpose()?,
            policy: self.policy,
            settings: self.learning.settings(self.strategy, self.shared.seed),
            carrier: match (self.connect, self.socket) {
                (Some(path), _) => Carrier::Connect(path),
                (None, Some(path)) => Carrier::Listen(path),
                (None, None) => Carrier::Streams,
            },
            events: self.events,
            overwrite: self.shared.overwrite,
        })
    }
}
