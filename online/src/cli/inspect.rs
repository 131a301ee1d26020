//! `online inspect`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::Shared;

use super::source::SourceArguments;
use crate::inspect::{self, Format, InspectConfig};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    /// The user's id
    #[arg(long, value_name = "ID", required_unless_present_any = ["experiment", "apprentice"])]
    user: Option<String>,
    /// Of a state: show how the arms of its experiment compare, in place of a user
    #[arg(long, conflicts_with_all = ["user", "policy", "items"], requires = "state")]
    experiment: bool,
    /// Of a state: show how its policy would have done beside the system that it learnt from, in place of a user
    #[arg(long, conflicts_with_all = ["user", "policy", "items", "experiment"], requires = "state")]
    apprentice: bool,
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
        let source = self.source.source(self.shared.seed)?;
        let Some(user) = self.user else {
            return match self.apprentice {
                true => inspect::print_apprentice(&source, self.format),
                false => inspect::print_experiment(&source, self.format),
            };
        };
        inspect::print(&InspectConfig {
            source,
            user,
            top: self.top,
            items: self.items,
            format: self.format,
        })
    }
}
