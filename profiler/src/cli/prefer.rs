//! The command line of `profiler prefer`.

use std::path::PathBuf;

use common::Result;
use common::cli::Shared;

use crate::prefer::{self, Form, Normalise};
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
    /// What the items are: chooses the built-in templates
    #[arg(long, value_enum)]
    domain: Domain,
    /// Templates of your own: a folder with prefer.jinja, or choose.jinja for `--form choice`
    #[arg(long, value_name = "FOLDER")]
    templates: Option<PathBuf>,
    /// Whom to ask about what, drawn by `profiler candidates` or your own: a Parquet file with user_id and candidates (a
    /// list of item ids)
    #[arg(long, value_name = "FILE")]
    candidates: PathBuf,
    /// Ask about the first candidates of each list only [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    at_most: Option<u32>,
    /// What a candidate's score is
    #[arg(long, value_enum, default_value_t = Form::Pmi)]
    form: Form,
    /// What a title's log-probability is divided by, in the forms likelihood and pmi
    #[arg(long, value_enum, default_value_t = Normalise::None)]
    normalise: Normalise,
    /// Orders of the list that a choice is averaged over, against a leaning to some places
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=52))]
    rotations: u32,
    /// Where the preferences go; finished work is kept beside it in OUT.cache
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
        prefer::run(&prefer::Config {
            workers: self.shared.workers(),
            model: self.model,
            items: self.items,
            states: self.states,
            users: self.users,
            domain: self.domain,
            templates: self.templates,
            candidates: self.candidates,
            at_most: self.at_most.map(|count| count as usize),
            form: self.form,
            normalise: self.normalise,
            rotations: self.rotations as usize,
            out: self.out,
            gpu_layers: self.gpu_layers,
            seed: self.shared.seed,
            overwrite: self.shared.overwrite,
        })
    }
}
