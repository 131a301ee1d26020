//! `online inspect`.

use std::path::PathBuf;

use clap::Args;
use common::cli::Shared;
use common::{Error, Result};

use super::learning::LearningArguments;
use crate::adapt::Name;
use crate::inspect::{self, Format, InspectConfig, Source};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The policy folder that `pretrain train` wrote: what it gives before anything has happened
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "state",
        conflicts_with = "state"
    )]
    policy: Option<PathBuf>,
    /// The state folder of `online serve` or `online replay`: what acts there now; a running service is not disturbed
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// With --policy: how it is to act
    #[arg(long, value_enum, default_value_t = Name::Frozen, conflicts_with = "state")]
    strategy: Name,
    /// The user's id
    #[arg(long, value_name = "ID")]
    user: String,
    /// How many items to show
    #[arg(long, default_value_t = 10, value_name = "N")]
    top: usize,
    /// Items table with titles to show beside the ids
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    learning: LearningArguments,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        let settings = self.learning.settings(self.strategy, self.shared.seed);
        let source = match (self.policy, self.state) {
            (Some(folder), _) => Source::Policy { folder, settings },
            (None, Some(folder)) => Source::State(folder),
            (None, None) => return Err(Error::usage("neither --policy nor --state is given")),
        };
        inspect::print(&InspectConfig {
            source,
            user: self.user,
            top: self.top,
            items: self.items,
            format: self.format,
        })
    }
}
