//! `online agent`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::Shared;

use super::numbers::{fraction, not_negative, positive};
use crate::adapt::{Hyper, Learning, Name, Schedule};
use crate::live::Settings;
use crate::run::{self, AgentConfig, Carrier};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The policy folder that `pretrain train` wrote
    #[arg(long, value_name = "DIR")]
    policy: PathBuf,
    /// How to act and learn
    #[arg(long, value_enum)]
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

#[derive(Args, Debug)]
#[command(next_help_heading = "Learning")]
struct LearningArguments {
    /// Step size of Adam [default: 0.001 for ft, 0.005 for scratch and ap]
    #[arg(long, value_name = "RATE", value_parser = positive)]
    lr: Option<f32>,
    /// Weight of the entropy bonus
    #[arg(long, default_value_t = DEFAULT.entropy, value_name = "WEIGHT", value_parser = not_negative)]
    entropy: f32,
    /// Weight of the critic's squared error
    #[arg(long, default_value_t = DEFAULT.critic, value_name = "WEIGHT", value_parser = not_negative)]
    critic: f32,
    /// Discount per step [default: the policy's]
    #[arg(long, value_name = "FACTOR", value_parser = fraction)]
    gamma: Option<f32>,
    /// Vector steps an update, the n of the n-step returns
    #[arg(long, default_value_t = DEFAULT.rollout as u32, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..))]
    rollout: u32,
    /// Bound of the gradient's norm
    #[arg(long, default_value_t = DEFAULT.max_norm, value_name = "NORM", value_parser = positive)]
    max_norm: f32,
    /// With --strategy ap: recommendations until the prior's weight has fallen from 1 to its floor
    #[arg(long, default_value_t = Schedule::DEFAULT.decay, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    ap_decay: u64,
    /// With --strategy ap: the prior's weight from then on
    #[arg(long, default_value_t = Schedule::DEFAULT.floor, value_name = "WEIGHT", value_parser = fraction)]
    ap_floor: f32,
}

const DEFAULT: Learning = Learning::DEFAULT;

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        run::agent(&self.resolve())
    }

    fn resolve(self) -> AgentConfig {
        let learning = self.learning;
        let default = Learning::for_strategy(self.strategy);
        let hyper = Hyper {
            learning: Learning {
                learning_rate: learning.lr.unwrap_or(default.learning_rate),
                entropy: learning.entropy,
                critic: learning.critic,
                rollout: learning.rollout as usize,
                max_norm: learning.max_norm,
                ..default
            },
            schedule: Schedule {
                decay: learning.ap_decay,
                floor: learning.ap_floor,
            },
        };
        AgentConfig {
            policy: self.policy,
            settings: Settings {
                strategy: self.strategy,
                gamma: learning.gamma,
                hyper,
                seed: self.shared.seed,
            },
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
