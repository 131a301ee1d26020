//! `profiler candidates`: candidate lists as a file.

use std::path::PathBuf;

use clap::ValueEnum;
use common::artifact::{self, Plan};
use common::manifest::Manifest;
use common::schema::candidates::{self, CANDIDATES, Candidates as Lists};
use common::schema::items::{self, ITEMS};
use common::schema::{states, table};
use common::{Error, Result, output, terminal};
use serde::Serialize;

use super::{Candidates, Draw, Histories, belonging};

/// What lists hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The likes that the states hold out, among unseen items: what `eval` measures on
    #[default]
    HeldOut,
    /// Unseen items alone: what a recommender would choose from
    Unseen,
}

/// What `candidates` is to draw.
#[derive(Clone, Debug)]
pub struct Config {
    /// The log that the states were made from.
    pub log: Option<PathBuf>,
    /// The catalogue.
    pub items: PathBuf,
    /// The states.
    pub states: PathBuf,
    /// What lists hold.
    pub kind: Kind,
    /// How they are drawn.
    pub draw: Draw,
    /// Where the lists go.
    pub out: PathBuf,
    /// Threads; the result does not depend on it.
    pub workers: usize,
    /// Replace another run's lists.
    pub overwrite: bool,
}

/// The part of the configuration that the result depends on.
#[derive(Serialize)]
struct Recorded<'a> {
    kind: &'a str,
    unseen: usize,
    drawn_by: &'a str,
    users: usize,
}

/// Writes a list for each user that has one, in the order of the states.
///
/// # Errors
/// When an input is missing or bad, the states do not belong to the log or hold nothing out where they should, no user
/// has a list, or `out` is another run's.
pub fn run(config: &Config) -> Result<()> {
    let inputs = [Some(&config.items), Some(&config.states), config.log.as_ref()];
    let inputs = inputs.into_iter().flatten().map(PathBuf::as_path);
    output::files([config.out.as_path()], inputs)?;
    let cut = match config.kind {
        Kind::HeldOut => belonging::require_hold_out(&config.states)?,
        Kind::Unseen => belonging::require_cut(&config.states)?,
    };
    let recorded = Recorded {
        kind: match config.kind {
            Kind::HeldOut => "held-out",
            Kind::Unseen => "unseen",
        },
        unseen: config.draw.unseen,
        drawn_by: config.draw.weighting.name(),
        users: config.draw.users,
    };
    let mut manifest = Manifest::new(CANDIDATES, "profiler candidates")
        .seed(config.draw.seed)
        .config(&recorded)?
        .input(ITEMS, items::fingerprint(&config.items)?)
        .input("states", table::fingerprint(&config.states)?);
    // States that name a log were made from one that lists must be drawn without.
    let made = table::read_manifest(&config.states)?;
    if let Some(log) = &config.log {
        manifest = manifest.input("log", belonging::require_log(&config.states, log)?);
    } else if made.is_some_and(|made| made.inputs.contains_key("log")) {
        return Err(
            Error::usage("the states were made from a log, and no log is given")
                .file(&config.states)
                .hint("pass it as --log"),
        );
    }
    if artifact::plan(&config.out, &manifest, config.overwrite)? == Plan::AlreadyDone {
        return Ok(());
    }
    let (catalogue, states) = (items::read(&config.items)?, states::read(&config.states)?);
    let histories = Histories::read(
        config.log.as_deref(),
        cut.like_threshold,
        &catalogue,
        &states,
        config.workers,
    )?;
    let hold_out = cut.hold_out as usize;
    let drawn = match config.kind {
        Kind::HeldOut => {
            let found = super::held_out(
                &histories,
                &catalogue,
                &states,
                hold_out,
                &config.draw,
                0..usize::MAX,
            );
            found.left_out.report();
            found.candidates
        }
        Kind::Unseen => super::unseen(&histories, &states.users, hold_out, &config.draw),
    };
    if drawn.is_empty() {
        return Err(Error::data("no user has anything to be asked about").file(&config.states));
    }
    let ids = |list: &Candidates| {
        list.items
            .iter()
            .map(|&item| catalogue.ids.id(item).to_string())
            .collect()
    };
    let lists = Lists {
        user_id: drawn
            .iter()
            .map(|list| states.users.id(list.row as u32).to_string())
            .collect(),
        items: drawn.iter().map(ids).collect(),
    };
    candidates::write(&config.out, &manifest, &lists)?;
    let all: usize = lists.items.iter().map(Vec::len).sum();
    let users = drawn.len();
    terminal::info(&format!(
        "{}: {users} lists, {all} items in them",
        config.out.display()
    ));
    Ok(())
}
