//! The command line of `profiler vocab`.

use std::path::PathBuf;

use common::cli::Shared;
use common::{Error, Result, input, terminal};

use crate::vocab::{self, Proposal, Wide};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The catalogue: item_id, title, and text and categories where there are any
    #[arg(long, value_name = "FILE", required_unless_present = "wide")]
    items: Option<PathBuf>,
    /// No proposal: list the model's own most frequent words, a wide vocabulary whose traits `profiler refine` turns
    /// into a few
    #[arg(long, requires = "model", conflicts_with_all = ["items", "states", "keep"])]
    wide: bool,
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
        let words = usize::from(self.words);
        let local = |model: PathBuf| input::local("open the model", &model);
        let text = match (self.items, self.model.map(local).transpose()?) {
            (Some(items), model) => vocab::propose(&Proposal {
                items,
                states: self.states,
                model,
                words,
                keep: self.keep,
                out: self.out,
                overwrite: self.shared.overwrite,
            }),
            (None, Some(model)) => vocab::wide(&Wide {
                model,
                words,
                out: self.out,
                overwrite: self.shared.overwrite,
            }),
            (None, None) => Err(Error::usage("neither --items nor --wide is given")),
        }?;
        if to_stdout { terminal::print(&text) } else { Ok(()) }
    }
}
