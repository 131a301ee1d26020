//! The command line of `profiler prefer`.

use std::path::PathBuf;

use common::Result;
use common::cli::Shared;
use common::shards::Task;

use super::groups::AskedArguments;
use crate::prefer::{self, Form, Normalise};
use crate::vocab::Domain;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    asked: AskedArguments,
    /// The user states, made by `profiler states`
    #[arg(long, value_name = "FILE")]
    states: PathBuf,
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
    #[command(flatten)]
    shared: Shared,
}

impl Arguments {
    pub(super) fn run(self, task: Task) -> Result<()> {
        self.shared.init_terminal();
        prefer::run(&prefer::Config {
            asked: self
                .asked
                .resolve(self.domain, self.templates, self.out, task, &self.shared)?,
            states: self.states,
            candidates: self.candidates,
            at_most: self.at_most.map(|count| count as usize),
            form: self.form,
            normalise: self.normalise,
            rotations: self.rotations as usize,
        })
    }
}
