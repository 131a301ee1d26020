//! The command line of `profiler traits`.

use std::path::PathBuf;

use common::Result;
use common::cli::Shared;

use crate::subjects::{History, Told};
use crate::traits;
use crate::vocab::Domain;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The language model, a GGUF file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The catalogue: item_id, title, and text and categories where there are any
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// The user states, made by `profiler states`; without them items are read, and of --users what their attributes tell
    #[arg(long, value_name = "FILE")]
    states: Option<PathBuf>,
    /// What else is known of users: user_id, attributes
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
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
    /// Where the profiles go; finished work is kept beside it in OUT.cache
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Layers of the model on the GPU, in a build with the feature `cuda`
    #[arg(long, value_name = "N", default_value_t = 0)]
    gpu_layers: u32,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        traits::run(&traits::Config {
            workers: self.shared.workers(),
            model: self.model,
            items: self.items,
            states: self.states,
            users: self.users,
            summaries: self.summaries.map(|file| Told {
                file,
                history: self.history,
            }),
            domain: self.domain,
            vocabulary: self.vocabulary,
            templates: self.templates,
            out: self.out,
            gpu_layers: self.gpu_layers,
            seed: self.shared.seed,
            overwrite: self.shared.overwrite,
        })
    }
}
