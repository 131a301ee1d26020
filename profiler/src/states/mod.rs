//! `profiler states`: from a log to user states.

pub(crate) mod check;
pub(crate) mod scan;
pub(crate) mod sources;

use std::path::PathBuf;

use common::artifact::{self, Plan};
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::interactions::{self, Feedback};
use common::schema::states::{self, STATES};
use common::{Error, Result, terminal};
use serde::Serialize;

/// What `states` is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The log: a Parquet file, a folder of them, or a glob.
    pub log: PathBuf,
    /// Interactions in a state.
    pub window: u32,
    /// From where on feedback is a like, over what the log itself says.
    pub like_threshold: Option<f32>,
    /// Where the states go.
    pub out: PathBuf,
    /// Recorded in the manifest; nothing here is random.
    pub seed: u64,
    /// Replace another run's states.
    pub overwrite: bool,
}

/// The part of the configuration that the result depends on.
#[derive(Serialize)]
struct Recorded {
    window: u32,
    like_threshold: f32,
}

/// Writes the state of every user in the log: the last `window` interactions by time.
///
/// # Errors
/// When the log is missing, no log, held-out truth, empty, or has a bad row; when `out` is another run's.
pub fn run(config: &Config) -> Result<()> {
    let files = sources::files(&config.log)?;
    let feedback = feedback(&files, config.like_threshold)?;
    let recorded = Recorded {
        window: config.window,
        like_threshold: feedback.like_threshold,
    };
    let manifest = Manifest::new(STATES, "profiler states")
        .seed(config.seed)
        .config(&recorded)?
        .input("log", fingerprint(&files)?);
    if artifact::plan(&config.out, &manifest, config.overwrite)? == Plan::AlreadyDone {
        return Ok(());
    }
    let states = scan::states(&files, config.window, feedback)?;
    states::write(&config.out, &manifest, &states)?;
    let interactions: u64 = states.interactions.iter().map(|&n| u64::from(n)).sum();
    let liked = states.liked.iter().flatten().filter(|&&liked| liked).count();
    let shown: usize = states.items.iter().map(Vec::len).sum();
    terminal::info(&format!(
        "{}: {} users, {interactions} interactions; {shown} in the states, {liked} of them liked",
        config.out.display(),
        states.users.len(),
    ));
    Ok(())
}

/// What feedback means; all files of a log must agree.
pub(crate) fn feedback(files: &[PathBuf], like_threshold: Option<f32>) -> Result<Feedback> {
    let first = interactions::feedback_of_log(&files[0], like_threshold)?;
    for file in &files[1..] {
        let other = interactions::feedback_of_log(file, like_threshold)?;
        if other != first {
            return Err(Error::usage(format!(
                "the log's files disagree on what a like is: from {} on, and from {} on",
                first.like_threshold, other.like_threshold
            ))
            .file(file)
            .hint("pass --like-threshold"));
        }
    }
    Ok(first)
}

/// The fingerprint of one file is its own, that of several is of their fingerprints in order.
pub(crate) fn fingerprint(files: &[PathBuf]) -> Result<Fingerprint> {
    if let [only] = files {
        return Fingerprint::of_file(only);
    }
    let prints = files
        .iter()
        .map(|file| Fingerprint::of_file(file))
        .collect::<Result<Vec<_>>>()?;
    Ok(Fingerprint::of_parts(
        prints.iter().map(|print| print.as_str().as_bytes()),
    ))
}
