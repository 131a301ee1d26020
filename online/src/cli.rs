//! Raw arguments, turned into the resolved configurations that library functions take.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use common::cli::Shared;
use common::{Error, Result};

use crate::adapt::{Learning, Name, Schedule};
use crate::inspect::InspectConfig;
use crate::run::AgentConfig;
use crate::{inspect, run};

/// Recommends by a pre-trained policy and adapts it step by step to what comes back.
#[derive(Parser, Debug)]
#[command(name = "online", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Answer step frames on stdin with recommendations on stdout
    Agent(Box<AgentArguments>),
    /// Show what the policy would recommend to a user, and what it knows of them
    Inspect(InspectArguments),
}

#[derive(Args, Debug)]
struct AgentArguments {
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

#[derive(Args, Debug)]
struct InspectArguments {
    /// The policy folder that `pretrain train` wrote
    #[arg(long, value_name = "DIR")]
    policy: PathBuf,
    /// The user's id
    #[arg(long, value_name = "ID")]
    user: String,
    /// How many items to show
    #[arg(long, default_value_t = 10, value_name = "N")]
    top: usize,
    /// Items table with titles to show beside the ids
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    #[command(flatten)]
    shared: Shared,
}

/// Runs the verb.
///
/// # Errors
/// Those of the verb.
pub fn run(cli: Cli) -> Result<()> {
    match cli.verb {
        Verb::Agent(arguments) => {
            arguments.shared.init_terminal();
            run::agent(&arguments.resolve())
        }
        Verb::Inspect(arguments) => {
            arguments.shared.init_terminal();
            inspect::print(&InspectConfig {
                policy: arguments.policy,
                user: arguments.user,
                top: arguments.top,
                items: arguments.items,
            })
        }
    }
}

impl AgentArguments {
    fn resolve(self) -> AgentConfig {
        let learning = self.learning;
        let default = Learning::for_strategy(self.strategy);
        AgentConfig {
            policy: self.policy,
            strategy: self.strategy,
            events: self.events,
            overwrite: self.shared.overwrite,
            seed: self.shared.seed,
            gamma: learning.gamma,
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
        }
    }
}

fn number(text: &str, allowed: impl Fn(f32) -> bool, wanted: &str) -> Result<f32> {
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() && allowed(value) => Ok(value),
        _ => Err(Error::usage(format!("not a {wanted}"))),
    }
}

fn positive(text: &str) -> Result<f32> {
    number(text, |value| value > 0.0, "number above 0")
}

fn not_negative(text: &str) -> Result<f32> {
    number(text, |value| value >= 0.0, "number of at least 0")
}

fn fraction(text: &str) -> Result<f32> {
    number(text, |value| (0.0..=1.0).contains(&value), "number from 0 to 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let parse =
            |flag: &str| Cli::try_parse_from(["online", "agent", "--policy=p", "--strategy=ft", flag]);
        assert!(parse("--lr=0.001").is_ok());
        for flag in [
            "--lr=0",
            "--lr=nan",
            "--entropy=-1",
            "--gamma=1.5",
            "--rollout=0",
            "--ap-floor=inf",
        ] {
            assert!(parse(flag).is_err(), "{flag}");
        }
    }
}
