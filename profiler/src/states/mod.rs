//! `profiler states`: from a log to user states.

mod absent;
mod cohort;
mod latest;
mod pieces;
mod tally;

use std::path::{Path, PathBuf};

use common::artifact::{self, Plan};
use common::bad_rows::{BadRows, MaxBad};
use common::logs::Scan;
use common::manifest::Manifest;
use common::schema::states::{Cut, STATES};
use common::schema::table;
use common::shards::Sharding;
use common::{Error, Result, output, terminal};

use cohort::Settings;
use pieces::{Pieces, Totals};
use tally::Tally;

const TOOL: &str = "profiler states";

/// What `states` is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The log: a Parquet file, a folder of them, or a glob; none where there is no log yet, but users.
    pub log: Option<PathBuf>,
    /// Users who get a state, an empty one, even where the log does not have them.
    pub users: Option<PathBuf>,
    /// Interactions in a state.
    pub window: u32,
    /// Likes of each user to leave out, and all that follows the earliest of them; see [`Cut`].
    pub hold_out: u32,
    /// From where on feedback is a like, over what the log itself says.
    pub like_threshold: Option<f32>,
    /// Where the states go.
    pub out: PathBuf,
    /// Threads; the result does not depend on it.
    pub workers: usize,
    /// Recorded in the manifest; nothing here is random.
    pub seed: u64,
    /// Replace another run's states.
    pub overwrite: bool,
    /// What this process does of it, and where the parts are.
    pub sharding: Sharding,
    /// Bad rows of the log that may be set aside.
    pub max_bad: MaxBad,
}

/// Writes the state of every user in the log, in the order of their first rows: the last `window` interactions by
/// time, ties in the order of rows. Users of `users` that the log lacks follow with empty states.
///
/// With `hold_out` K every state is what it would be had the user's log ended just before the K-th last like (before
/// the first, where the user has fewer): nothing in a state can tell of a held-out like or of what came after it. A
/// user with at most K likes has no like in the state, and one whose log begins with a held-out like has an empty
/// one. A user without a like keeps everything.
///
/// The log is read two times, and a third where likes are held out; rows are decoded a few at a time, whatever the row
/// groups. Memory is for the dictionaries of user and item ids, some 16 bytes per user, and 16 bytes for each interaction
/// that a state may hold, at most half a GiB of these: where there are more, users are done in turns, each with a pass
/// of its own. Nothing is kept of a run that was stopped; it begins again.
///
/// # Errors
/// When the log is missing, no log, held-out truth, empty while no users are given, or has more bad rows than may be set aside; when users do not belong to the log; when
/// `out` is another run's.
pub fn run(config: &Config) -> Result<()> {
    let inputs = [&config.log, &config.users].into_iter().flatten();
    output::files([config.out.as_path()], inputs.map(PathBuf::as_path))?;
    let bad_rows = BadRows::beside(&config.out, config.max_bad, TOOL);
    let log = match &config.log {
        Some(log) => Scan::open_cut(log, config.like_threshold, bad_rows)?,
        None => Scan::of_no_file(config.like_threshold),
    };
    // Where users are told beside the log, it may be one from which all rows were cut.
    if let (Some(path), None, 0) = (&config.log, &config.users, log.total) {
        return Err(Error::data("the log is empty: it has no row")
            .file(path)
            .hint("users of whom nothing is known get an empty state by `profiler states --users FILE`"));
    }
    let log = log.with_workers(config.workers);
    let feedback = log.kind;
    let cut = Cut {
        window: config.window,
        like_threshold: feedback.like_threshold,
        hold_out: config.hold_out,
    };
    let mut manifest = Manifest::new(STATES, TOOL).seed(config.seed).config(&cut)?;
    if let Some(log) = &config.log {
        manifest = manifest.input("log", table::fingerprint(log)?);
    }
    if let Some(users) = &config.users {
        manifest = manifest.input("users", table::fingerprint(users)?);
    }
    if artifact::plan(&config.out, &manifest, config.overwrite)? == Plan::AlreadyDone {
        return config.sharding.finish(&config.out);
    }
    let settings = Settings {
        log: &log,
        tally: &Tally::of(&log, cut, feedback)?,
        cut,
        feedback,
        workers: config.workers,
    };
    let pieces = Pieces::of(settings, config.users.as_deref())?;
    let make = |path: &Path, groups, units| pieces.write(path, &manifest, groups, units);
    let Some(totals) = config
        .sharding
        .make(&config.out, &manifest, &pieces.units(), make)?
    else {
        return Ok(());
    };
    let Totals {
        users,
        interactions,
        shown,
        liked,
        times,
    } = totals;
    if let Some(log) = &config.log {
        times.warn(log);
    }
    terminal::info(&format!(
        "{}: {users} users, {interactions} interactions; {shown} in the states, {liked} of them liked; {times}",
        config.out.display(),
    ));
    Ok(())
}
