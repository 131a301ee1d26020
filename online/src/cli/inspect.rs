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
        let source = self.source.source(self.shared.seed)?;
        inspect::print(&InspectConfig {
            source,
            user: self.user,
            top: self.top,
            items: self.items,
            format: self.format,
        })
    }
}
