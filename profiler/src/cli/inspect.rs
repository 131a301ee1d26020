//! The command line of `profiler inspect`.

use std::path::PathBuf;

use clap::ValueEnum;
use common::cli::Shared;
use common::schema::profiles::Kind;
use common::{Result, input, terminal};

use crate::inspect;
use crate::vocab::Domain;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The profiles, made by `profiler traits` or `profiler summarise`: shows traits and summaries
    #[arg(long, value_name = "FILE")]
    profiles: Option<PathBuf>,
    /// The catalogue: shows titles beside ids
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// The user states: shows what users liked
    #[arg(long, value_name = "FILE")]
    states: Option<PathBuf>,
    /// What else is known of users: user_id, attributes
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// What the items are: shows the prompts that traits are read from; needs --items, and --states for users
    #[arg(long, value_enum)]
    domain: Option<Domain>,
    /// Templates of your own: a folder with item.jinja and user.jinja
    #[arg(long, value_name = "FOLDER", requires = "domain")]
    templates: Option<PathBuf>,
    /// The language model, a GGUF file: shows what it would say next; needs --domain
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Show each token of a prompt, but those that all prompts begin with
    #[arg(long, requires = "model")]
    tokens: bool,
    /// Show this id only
    #[arg(long)]
    id: Option<String>,
    /// Show this kind only
    #[arg(long, value_enum)]
    kind: Option<KindArgument>,
    /// Traits and answers to show of each
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Items and users to show, where no id is asked for
    #[arg(long, value_name = "N", default_value_t = 5)]
    sample: usize,
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
            items: self.items,
            states: self.states,
            users: self.users,
            domain: self.domain,
            templates: self.templates,
            model: self
                .model
                .map(|model| input::local("open the model", &model))
                .transpose()?,
            tokens: self.tokens,
            id: self.id,
            kind,
            top: self.top,
            sample: self.sample,
            workers: self.shared.workers(),
        })?;
        terminal::print(&text)
    }
}
