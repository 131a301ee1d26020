//! The command line of `profiler summarise`.

use std::path::PathBuf;

use common::Result;
use common::cli::Shared;

use crate::summarise::{self, About, Chat};
use crate::vocab::Domain;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The language model, a GGUF file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The catalogue: item_id, title, and text and categories where there are any
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// The user states, made by `profiler states`
    #[arg(long, value_name = "FILE")]
    states: PathBuf,
    /// What else is known of users: user_id, attributes
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
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
    /// How the sentence about a user is made
    #[arg(long, value_enum, default_value = "titles")]
    about: About,
    /// Where the summaries go; finished work is kept beside it in OUT.cache
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Also write the form of the profiles as a grammar for llama.cpp (GBNF)
    #[arg(long, value_name = "FILE")]
    gbnf: Option<PathBuf>,
    /// Layers of the model on the GPU, in a build with the feature `cuda`
    #[arg(long, value_name = "N", default_value_t = 0)]
    gpu_layers: u32,
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        self.shared.init_terminal();
        summarise::run(&summarise::Config {
            workers: self.shared.workers(),
            model: self.model,
            items: self.items,
            states: self.states,
            users: self.users,
            domain: self.domain,
            vocabulary: self.vocabulary,
            templates: self.templates,
            chat: self.chat,
            about: self.about,
            out: self.out,
            gbnf: self.gbnf,
            gpu_layers: self.gpu_layers,
            seed: self.shared.seed,
            overwrite: self.shared.overwrite,
        })
    }
}
