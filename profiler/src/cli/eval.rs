//! The command line of `profiler eval`.

use std::path::PathBuf;

use common::cli::Shared;
use common::shards::{ShardArguments, Task};
use common::{Error, Result, terminal};

use super::groups::DrawArguments;
use crate::eval::{self, Format, Named, Transform};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The log that the states were made from: a Parquet file, a folder of them, or a glob in quotes
    #[arg(long, value_name = "FILE|FOLDER|GLOB")]
    log: PathBuf,
    /// The catalogue
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// The user states, made by `profiler states --hold-out K`: the likes they hold out are asked about
    #[arg(long, value_name = "FILE")]
    states: PathBuf,
    /// Profiles that `profiler traits` read from these states; several are measured side by side
    #[arg(long, value_name = "[NAME=]FILE", value_parser = named)]
    profiles: Vec<Named>,
    /// What `profiler prefer` answered about the lists that `profiler candidates` drew from these states with the same
    /// --seed, --negatives and --unseen, and as many --users or more; several are measured side by side
    #[arg(long, value_name = "[NAME=]FILE", value_parser = named)]
    preferences: Vec<Named>,
    /// What is done to traits before they are compared
    #[arg(long, value_enum, default_value_t)]
    transform: Transform,
    #[command(flatten)]
    draw: DrawArguments,
    /// The form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write the measures as metrics too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    shards: ShardArguments,
    #[command(flatten)]
    shared: Shared,
}

/// `NAME=FILE`, or a file that is called by its own name.
fn named(text: &str) -> Result<Named> {
    if let Some((name, path)) = text
        .split_once('=')
        .filter(|(name, path)| !name.is_empty() && !path.is_empty())
    {
        return Ok(Named {
            name: name.to_string(),
            path: path.into(),
        });
    }
    let path = PathBuf::from(text);
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    match name {
        Some(name) if !text.ends_with('=') && !text.starts_with('=') => Ok(Named { name, path }),
        _ => Err(Error::usage(format!("`{text}` names no file"))),
    }
}

impl Arguments {
    pub(super) fn run(self, task: Task) -> Result<()> {
        self.shared.init_terminal();
        let sharding = self.shards.resolve(task)?;
        let text = eval::run(&eval::Config {
            log: self.log,
            items: self.items,
            states: self.states,
            profiles: self.profiles,
            preferences: self.preferences,
            transform: self.transform,
            negatives: self.draw.unseen as usize,
            weighting: self.draw.negatives,
            users: self.draw.users as usize,
            format: self.format,
            out: self.out,
            workers: self.shared.workers(),
            seed: self.shared.seed,
            overwrite: self.shared.overwrite,
            sharding,
        })?;
        text.map_or(Ok(()), |text| terminal::print(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_name_it_is_given_or_its_own() {
        let of = |text: &str| {
            named(text)
                .map(|n| (n.name, n.path.display().to_string()))
                .unwrap()
        };
        assert_eq!(of("a=b/c.parquet"), ("a".into(), "b/c.parquet".into()));
        assert_eq!(of("b/c.parquet"), ("c".into(), "b/c.parquet".into()));
        assert!(named("=x").is_err() && named("x=").is_err() && named("").is_err());
    }
}
