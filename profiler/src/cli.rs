//! The command line of `profiler`, turned into the configurations of its library functions.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};
use common::cli::Shared;
use common::schema::profiles::Kind;
use common::{Error, Result};

use crate::model::prepare::{self, WeightFormat};
use crate::vocab::Domain;
use crate::{inspect, states, traits};

/// From logs to what a language model reads in them: user states, and traits of users and items.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Turn a log into user states: each user's last interactions
    States(StatesArguments),
    /// Convert a model's weights once to the format that this CPU runs fastest
    Prepare(PrepareArguments),
    /// Read the traits of items and user states from a language model's logits
    Traits(Box<TraitsArguments>),
    /// Show the strongest traits of some items and users
    Inspect(InspectArguments),
}

#[derive(Debug, clap::Args)]
struct StatesArguments {
    /// The log: a Parquet file, a folder of them, or a glob in quotes
    #[arg(long, value_name = "FILE|FOLDER|GLOB")]
    log: PathBuf,
    /// Where the states go
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Interactions in a state
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    window: u32,
    /// Leave out each user's last K likes and all that follows the earliest of them, so that what is read from the states can
    /// be held against them. A user with at most K likes keeps none
    #[arg(long, value_name = "K", default_value_t = 0)]
    hold_out: u32,
    /// Users who get a state, an empty one, even where the log does not have them: user_id
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Feedback from here on is a like [default: what the log itself says]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    like_threshold: Option<f32>,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, clap::Args)]
struct PrepareArguments {
    /// The model as downloaded, a GGUF file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The weight format to convert to
    #[arg(long, value_enum)]
    format: WeightFormat,
    /// Where the converted model goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, clap::Args)]
struct TraitsArguments {
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
    /// What the items are: chooses the built-in vocabulary and templates
    #[arg(long, value_enum)]
    domain: Domain,
    /// Trait words of your own, one a line
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// Templates of your own: a folder with item.jinja and user.jinja
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

#[derive(Debug, clap::Args)]
struct InspectArguments {
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

/// Runs the chosen verb.
///
/// # Errors
/// Those of the verb.
pub fn run(arguments: Arguments) -> Result<()> {
    match arguments.verb {
        Verb::States(a) => {
            a.shared.init_terminal();
            states::run(&states::Config {
                log: a.log,
                users: a.users,
                window: a.window,
                hold_out: a.hold_out,
                like_threshold: a.like_threshold,
                out: a.out,
                seed: a.shared.seed,
                overwrite: a.shared.overwrite,
            })
        }
        Verb::Prepare(a) => {
            a.shared.init_terminal();
            prepare::run(&prepare::Config {
                workers: a.shared.workers(),
                model: a.model,
                format: a.format,
                out: a.out,
                overwrite: a.shared.overwrite,
            })
        }
        Verb::Traits(a) => {
            a.shared.init_terminal();
            traits::run(&traits::Config {
                workers: a.shared.workers(),
                model: a.model,
                items: a.items,
                states: a.states,
                users: a.users,
                domain: a.domain,
                vocabulary: a.vocabulary,
                templates: a.templates,
                out: a.out,
                gpu_layers: a.gpu_layers,
                seed: a.shared.seed,
                overwrite: a.shared.overwrite,
            })
        }
        Verb::Inspect(a) => {
            a.shared.init_terminal();
            let kind = a.kind.map(|kind| match kind {
                KindArgument::Item => Kind::Item,
                KindArgument::User => Kind::User,
            });
            let text = inspect::run(&inspect::Config {
                profiles: a.profiles,
                id: a.id,
                kind,
                top: a.top,
            })?;
            print(&text)
        }
    }
}

/// To stdout; a reader that has gone (`| head`) is no failure.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io(e, "write to", Path::new("stdout")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
