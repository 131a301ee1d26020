//! What is asked of verbs that only look: a policy, or what a service has learnt.

use std::path::PathBuf;

use clap::Args;
use common::{Error, Result};

use super::learning::{GROUPS, LearningArguments, SINGLE};
use crate::adapt::Name;
use crate::inspect::Source;

#[derive(Args, Debug)]
pub(super) struct SourceArguments {
    /// The policy folder that `pretrain train` wrote: what it gives before anything has happened
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "state",
        conflicts_with = "state"
    )]
    policy: Option<PathBuf>,
    /// The state folder of `online serve` or `online replay`: what has been learnt there so far, under the settings and the seed
    /// that stand in it; a running service is not disturbed
    #[arg(
        long,
        visible_alias = "from-state",
        value_name = "DIR",
        conflicts_with_all = ["strategy", "seed"].into_iter().chain(SINGLE).chain(GROUPS)
    )]
    state: Option<PathBuf>,
    /// With --policy: how it is to act
    #[arg(long, value_enum, default_value_t = Name::Frozen)]
    strategy: Name,
    #[command(flatten)]
    learning: LearningArguments,
}

impl SourceArguments {
    /// The source that was named; `seed` is a policy's.
    pub(super) fn source(self, seed: u64) -> Result<Source> {
        let settings = self.learning.settings(self.strategy, seed);
        match (self.policy, self.state) {
            (Some(folder), _) => Ok(Source::Policy { folder, settings }),
            (None, Some(folder)) => Ok(Source::State(folder)),
            (None, None) => Err(Error::usage("neither --policy nor --state is given")),
        }
    }
}
