//! `online inspect`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::Shared;

use crate::adapt::Name;
use crate::inspect::{self, Format, InspectConfig};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The policy folder that `pretrain train` wrote
    #[arg(long, value_name = "DIR")]
    policy: PathBuf,
    /// How it is to act
    #[arg(long, value_enum, default_value_t = Name::Frozen)]
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
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        inspect::print(&InspectConfig {
            policy: self.policy,
            strategy: self.strategy,
            user: self.user,
            top: self.top,
            items: self.items,
            format: self.format,
        })
    }
}
