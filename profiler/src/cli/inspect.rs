//! The command line of `profiler inspect`.

use std::path::PathBuf;

use clap::ValueEnum;
use common::Result;
use common::cli::Shared;
use common::schema::profiles::Kind;

use super::print;
use crate::inspect;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The profiles, made by `profiler traits`
    #[arg(long, value_name = "FILE")]
    profiles: PathBuf,
    /// Show this id only
    #[arg(long)]
    id: Option<String>,
    /// Show this kind only
    #[arg(long, value_enum)]
    kind: Option<KindArgument>,
    /// Traits to show of each
    #[arg(long, default_value_t = 8)]
    top: usize,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArgument {
    Item,
    User,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        let kind = self.kind.map(|kind| match kind {
            KindArgument::Item => Kind::Item,
            KindArgument::User => Kind::User,
        });
        let text = inspect::run(&inspect::Config {
            profiles: self.profiles,
            id: self.id,
            kind,
            top: self.top,
        })?;
        print(&text)
    }
}
