//! `profiler eval`: how well profiles and preferences tell held-out likes from items that users never met.
//!
//! For each user the area under the ROC curve of a signal over the held-out likes and some unseen items; the mean
//! over users with its 95 % interval, and the difference from popularity and from the overlap of categories, paired
//! by user. Unseen items are drawn in proportion to their likes unless told otherwise, so that popularity is no
//! signal; the control hands the same traits to the wrong items. Popularity then comes out below one half rather
//! than at it: an item must have likes to be drawn, while a held-out like may have been its item's only one.

mod estimate;
mod measure;
mod overlap;
mod preferences;
mod show;
mod traits;
mod transform;
mod users;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use clap::ValueEnum;
use common::artifact::{self, Plan};
use common::manifest::Manifest;
use common::schema::metrics::{self, METRICS};
use common::schema::{items, states, table};
use common::shards::{Sharding, Step, Task, Unit};
use common::{Error, Result, output};
use serde::Serialize;

pub use estimate::Estimate;
pub use measure::Measure;
pub use transform::Transform;

use crate::candidates::{self, Draw, Histories, LeftOut, Weighting};
use measure::{Signal, Signals};
use traits::Traits;
use users::Asked;

/// A file and what it is called in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// What `eval` is to measure.
#[derive(Clone, Debug)]
pub struct Config {
    /// The log that the states were made from, with the held-out likes.
    pub log: PathBuf,
    /// The catalogue.
    pub items: PathBuf,
    /// The states, which must hold likes out.
    pub states: PathBuf,
    /// Profiles, side by side.
    pub profiles: Vec<Named>,
    /// Preferences about the same candidate lists, side by side.
    pub preferences: Vec<Named>,
    /// What is done to traits before they are compared.
    pub transform: Transform,
    /// Unseen items per user.
    pub negatives: usize,
    /// How unseen items are drawn.
    pub weighting: Weighting,
    /// Users, at most; 0 is all.
    pub users: usize,
    /// The form of the output.
    pub format: Format,
    /// The metrics file; none is written where this is None.
    pub out: Option<PathBuf>,
    /// Threads; the result does not depend on it.
    pub workers: usize,
    /// Seed of users, unseen items and the control.
    pub seed: u64,
    /// Replace what another run has written.
    pub overwrite: bool,
    /// What this process does of it, and where the parts are.
    pub sharding: Sharding,
}

/// What was measured, and on what.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Users that were asked about.
    pub users: usize,
    /// Their held-out likes.
    pub positives: usize,
    /// Who and what could not be used.
    pub left_out: LeftOut,
    /// One for each signal.
    pub measures: Vec<Measure>,
}

/// The part of the configuration that the result depends on.
#[derive(Serialize)]
struct Recorded<'a> {
    transform: &'a str,
    negatives: usize,
    drawn_by: &'a str,
    users: usize,
}

/// Users of a unit, by their rows in the states.
const UNIT: usize = 1024;

/// Measures, writes the metrics where they are asked for, and gives the output as text; none where this process works a shard.
///
/// # Errors
/// When an input is missing or bad, the states hold nothing out, or inputs do not belong together: the log, the
/// profiles or the preferences to other states.
pub fn run(config: &Config) -> Result<Option<String>> {
    let named = config.profiles.iter().chain(&config.preferences);
    let inputs = [&config.log, &config.items, &config.states].map(PathBuf::as_path);
    let inputs = inputs.into_iter().chain(named.map(|named| named.path.as_path()));
    output::files(config.out.as_deref(), inputs)?;
    let manifest = manifest(config)?;
    let Some(out) = &config.out else {
        config.sharding.refuse("it writes no file; give --out")?;
        let (asked, signals) = measure(config, 0..usize::MAX)?;
        return Ok(Some(show(config, &evaluation(config, asked, &signals)?)));
    };
    let written = artifact::plan(out, &manifest, config.overwrite)? == Plan::AlreadyDone;
    let step = match (written, config.sharding.task) {
        (false, _) => config.sharding.begin(out, &manifest, &units(config)?)?,
        // The table is wanted even where the file stands already.
        (true, Task::Whole | Task::Merge { .. }) => Step::Whole,
        (true, Task::Plan { .. } | Task::Shard(_)) => Step::Nothing,
    };
    let (asked, signals) = match step {
        Step::Nothing => return Ok(None),
        Step::Whole => measure(config, 0..usize::MAX)?,
        Step::Work(work) => {
            let units = work.units();
            work.commit_file(|part| {
                let (asked, signals) = measure(config, units.start * UNIT..units.end * UNIT)?;
                users::write(part, &signals)?;
                Ok(asked)
            })?;
            return Ok(None);
        }
        Step::Merge(parts) => {
            let (files, asked) = parts.read::<Asked>()?;
            let signals = users::read(&asked, files.iter().map(|file| file.path()))?;
            (asked, signals)
        }
    };
    let found = evaluation(config, asked, &signals)?;
    if !written {
        metrics::write(out, &manifest, &show::rows(config.seed, &found))?;
    }
    config.sharding.finish(out)?;
    Ok(Some(show(config, &found)))
}

fn show(config: &Config, found: &Evaluation) -> String {
    match config.format {
        Format::Text => show::text(config, found),
        Format::Json => show::json(config, found),
    }
}

/// The rows of the states in pieces.
fn units(config: &Config) -> Result<Vec<Unit>> {
    let rows = table::count_rows(&config.states)? as usize;
    let unit = |from: usize| {
        let to = rows.min(from + UNIT);
        Unit::new(format!("states {from} to {}", to - 1), (to - from) as u64)
    };
    Ok((0..rows).step_by(UNIT).map(unit).collect())
}

/// The means over all users.
fn evaluation(config: &Config, asked: Asked, signals: &[Signal]) -> Result<Evaluation> {
    asked.left_out.report();
    if asked.users == 0 {
        return Err(
            Error::data("no user has both a held-out like and a like in the state").file(&config.states),
        );
    }
    for Named { name, path } in &config.preferences {
        let name = measure::preferences(name);
        let of_these = signals.iter().filter(|signal| signal.name == name);
        let lists = of_these.map(|signal| signal.aucs.iter().flatten().count()).sum();
        preferences::require_asked(path, lists, asked.users)?;
    }
    Ok(Evaluation {
        users: asked.users,
        positives: asked.positives,
        measures: measure::measures(signals),
        left_out: asked.left_out,
    })
}

/// Checks that the inputs belong together, and describes the run.
fn manifest(config: &Config) -> Result<Manifest> {
    let recorded = Recorded {
        transform: config.transform.name(),
        negatives: config.negatives,
        drawn_by: config.weighting.name(),
        users: config.users,
    };
    let (items, states) = (
        items::fingerprint(&config.items)?,
        table::fingerprint(&config.states)?,
    );
    let mut manifest = Manifest::new(METRICS, "profiler eval")
        .seed(config.seed)
        .config(&recorded)?
        .input("log", candidates::require_log(&config.states, &config.log)?)
        .input("items", items.clone())
        .input("states", states.clone());
    let mut names = BTreeSet::new();
    for (role, files) in [
        ("profiles", &config.profiles),
        ("preferences", &config.preferences),
    ] {
        for Named { name, path } in files {
            if !names.insert((role, name)) {
                return Err(
                    Error::usage(format!("two files of {role} have the name `{name}`"))
                        .file(path)
                        .hint(format!("give them names: --{role} NAME={}", path.display())),
                );
            }
            if let Some(made) = table::read_manifest(path)? {
                made.require_input("states", &states, path, &config.states)?;
                items::require(&made, &items, path, &config.items)?;
            }
            manifest = manifest.input(&format!("{role}: {name}"), table::fingerprint(path)?);
        }
    }
    Ok(manifest)
}

/// Measures all signals on the same candidate lists, those of the users in the `rows` of the states.
fn measure(config: &Config, rows: Range<usize>) -> Result<(Asked, Vec<Signal>)> {
    let cut = candidates::require_hold_out(&config.states)?;
    let (catalogue, states) = (items::read(&config.items)?, states::read(&config.states)?);
    let histories = Histories::read(
        Some(&config.log),
        cut.like_threshold,
        &catalogue,
        &states,
        config.workers,
    )?;
    let draw = Draw {
        unseen: config.negatives,
        weighting: config.weighting,
        users: config.users,
        seed: config.seed,
    };
    let held_out = candidates::held_out(
        &histories,
        &catalogue,
        &states,
        cut.hold_out as usize,
        &draw,
        rows,
    );
    let mut signals = Signals::new(&held_out, &catalogue, &states, config.workers);
    for Named { name, path } in &config.profiles {
        let traits = Traits::read(path, &catalogue, &states, &config.states, config.transform)?;
        signals.add_traits(name, &traits, config.seed);
    }
    for Named { name, path } in &config.preferences {
        let scores = preferences::scores(path, &catalogue, &states, &held_out.candidates)?;
        signals.add_scores(name, &scores);
    }
    let signals = signals.finish();
    let positives = held_out.candidates.iter().flat_map(|list| &list.positive);
    let positives = positives.filter(|positive| **positive).count();
    let asked = Asked::new(held_out.candidates.len(), positives, held_out.left_out, &signals);
    Ok((asked, signals))
}
