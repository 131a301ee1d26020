//! The command line of `profiler summarise`.

use std::path::PathBuf;

use common::Result;
use common::cli::Shared;
use common::shards::Task;

use super::groups::AskedArguments;
use crate::summarise::{self, Chat};
use crate::vocab::Domain;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    asked: AskedArguments,
    /// The user states, made by `profiler states`
    #[arg(long, value_name = "FILE")]
    states: PathBuf,
    /// What the items are: chooses the built-in vocabulary and template
    #[arg(long, value_enum)]
    domain: Domain,
    /// Trait words of your own, one a line
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// A template of your own: a folder with summarise.jinja
    #[arg(long, value_name = "FOLDER")]
    templates: Option<PathBuf>,
    /// Whether to use the chat template that the model carries
    #[arg(long, value_enum, default_value = "auto")]
    chat: Chat,
    /// Where the summaries go; finished work is kept beside it in OUT.cache
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self, task: Task) -> Result<()> {
        self.shared.init_terminal();
        summarise::run(&summarise::Config {
            asked: self
                .asked
                .resolve(self.domain, self.templates, self.out, task, &self.shared)?,
            states: self.states,
            vocabulary: self.vocabulary,
            chat: self.chat,
        })
    }
}
