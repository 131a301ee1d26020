//! The command line of `profiler traits`.

use std::path::PathBuf;

use common::Result;
use common::cli::Shared;
use common::shards::Task;

use super::groups::AskedArguments;
use crate::subjects::{History, Told};
use crate::traits;
use crate::vocab::Domain;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    asked: AskedArguments,
    /// The user states, made by `profiler states`; without them items are read, and of --users what their attributes tell
    #[arg(long, value_name = "FILE")]
    states: Option<PathBuf>,
    /// Profiles of the users, made by `profiler summarise`, to be told in their prompts and kept with their traits
    #[arg(long, value_name = "FILE", requires = "states")]
    summaries: Option<PathBuf>,
    /// Whether prompts tell a user's history beside the summary
    #[arg(long, value_enum, default_value = "show", requires = "summaries")]
    history: History,
    /// What the items are: chooses the built-in vocabulary and templates
    #[arg(long, value_enum)]
    domain: Domain,
    /// Trait words of your own, one a line
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// Templates of your own: a folder with item.jinja and user.jinja, and fame.jinja where titles are of things that the
    /// world may know
    #[arg(long, value_name = "FOLDER")]
    templates: Option<PathBuf>,
    /// An earlier run's profiles, such as yesterday's, by the same model, words and templates: of users whose prompt is the same
    /// they are taken over, and so are those of all items where no item has changed, else as much of them as FILE.cache
    /// holds. The result has the bytes of a run without it
    #[arg(long, value_name = "FILE", conflicts_with = "only_bad")]
    previous: Option<PathBuf>,
    /// Where the profiles go; finished work is kept beside it in OUT.cache
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self, task: Task) -> Result<()> {
        self.shared.init_terminal();
        traits::run(&traits::Config {
            asked: self
                .asked
                .resolve(self.domain, self.templates, self.out, task, &self.shared)?,
            states: self.states,
            summaries: self.summaries.map(|file| Told {
                file,
                history: self.history,
            }),
            vocabulary: self.vocabulary,
            previous: self.previous,
        })
    }
}
