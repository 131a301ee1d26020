//! `online replay`.

use std::path::PathBuf;

use clap::{Args, Command};
use common::cli::Shared;
use common::{Error, Result};

use super::learning::{GROUPS, LearningArguments, SINGLE};
use crate::adapt::Name;
use crate::replay::{self, CheckConfig, WarmStartConfig};

#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// The state folder: one that `online serve` keeps, to be replayed; with --events one to be made
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Hold the outcome to the state that a server would recover from the snapshot. Exit code 3 where they differ. No
    /// server may have the folder in use
    #[arg(long, conflicts_with = "events")]
    check: bool,
    /// Make the snapshot anew from the events where it is damaged, and say what is forgotten. No server may have the folder in use
    #[arg(long, conflicts_with_all = ["check", "events"])]
    repair: bool,
    /// Make the state folder of these events: Parquet files, or folders of them, applied in the order given
    #[arg(long, value_name = "FILE", num_args = 1.., requires_all = ["policy", "strategy"])]
    events: Vec<PathBuf>,
    /// With --events: the policy folder that the state begins with
    #[arg(long, value_name = "DIR", requires = "events")]
    policy: Option<PathBuf>,
    /// With --events: how the state acts and learns
    #[arg(long, value_enum, requires = "events")]
    strategy: Option<Name>,
    #[command(flatten)]
    learning: LearningArguments,
    #[command(flatten)]
    shared: Shared,
}

const AFTER: &str = "\
What a server has learnt is a pure function of its first policy and of the feedback in the order in which it
came. `online replay --state DIR` computes it again, from DIR/policies, DIR/events and DIR/journal alone, and
prints one JSON object with its digest; --check shows that the server's own snapshot says the same. Where
--keep-policies has let old policies go, it begins with DIR/base, the state as it was then.

With --events a new state learns from any events before it meets a user, also from those of another policy or
strategy: each event keeps its logged propensity, and is weighed against what this state would have done.";

/// The verb's options, where how to learn goes with events alone: a state that is there says so itself.
pub(super) fn learns_from_events(verb: Command) -> Command {
    let verb = SINGLE.into_iter().chain(["seed"]).fold(verb, |verb, id| {
        verb.mut_arg(id, |argument| argument.requires("events"))
    });
    GROUPS.into_iter().fold(verb, |verb, id| {
        verb.mut_group(id, |group| group.requires("events"))
    })
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        if self.repair {
            return replay::repair(&self.state);
        }
        if self.events.is_empty() {
            return replay::rebuild(&CheckConfig {
                state: self.state,
                check: self.check,
            });
        }
        replay::warm_start(&self.resolve()?)
    }

    fn resolve(self) -> Result<WarmStartConfig> {
        let (Some(policy), Some(strategy)) = (self.policy, self.strategy) else {
            return Err(Error::usage("--events needs --policy and --strategy"));
        };
        Ok(WarmStartConfig {
            state: self.state,
            overwrite: self.shared.overwrite,
            policy,
            settings: self.learning.settings(strategy, self.shared.seed),
            events: self.events,
        })
    }
}
