//! The command line of `profiler vocab`.

use std::path::PathBuf;

use common::Result;
use common::cli::Shared;

use super::print;
use crate::vocab::{self, Proposal};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The catalogue: item_id, title, and text and categories where there are any
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// User states, made by `profiler states`: words are chosen to tell tastes apart, not items. What the
    /// states hold out is not looked at
    #[arg(long, value_name = "FILE")]
    states: Option<PathBuf>,
    /// The language model, a GGUF file: only words are chosen that it can tell apart by their first token
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// How many words to propose
    #[arg(long, value_name = "K", default_value_t = 48, value_parser = clap::value_parser!(u16).range(2..=4096))]
    words: u16,
    /// Words that must be among them, one a line
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Where the vocabulary goes, for `profiler traits --vocabulary` [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        let to_stdout = self.out.is_none();
        let text = vocab::propose(&Proposal {
            items: self.items,
            states: self.states,
            model: self.model,
            words: usize::from(self.words),
            keep: self.keep,
            out: self.out,
            overwrite: self.shared.overwrite,
        })?;
        if to_stdout { print(&text) } else { Ok(()) }
    }
}
