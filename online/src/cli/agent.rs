//! `online agent`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::Shared;

use super::learning::LearningArguments;
use crate::adapt::Name;
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
        AgentConfig {
            policy: self.policy,
            settings: self.learning.settings(self.strategy, self.shared.seed),
            carrier: match (self.connect, self.socket) {
                (Some(path), _) => Carrier::Connect(path),
                (None, Some(path)) => Carrier::Listen(path),
                (None, None) => Carrier::Streams,
            },
            events: self.events,
            overwrite: self.shared.overwrite,
        }
    }
}
