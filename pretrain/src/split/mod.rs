//! `pretrain split`: a log in two, one to learn from and one to measure with.

mod last;
mod rule;
mod write;

use std::path::{Path, PathBuf};

use common::artifact::{self, Plan};
use common::bad_rows::{BadRows, MaxBad};
use common::logs::Scan;
use common::manifest::Manifest;
use common::schema::consumed::{self, CONSUMED};
use common::schema::interactions::LOG;
use common::schema::items::{self, ITEMS};
use common::{Error, Result, folder, input, output, terminal};
use serde::Serialize;

use crate::data::{Fingerprints, InputPaths};
use rule::Rule;
use write::Written;

const TOOL: &str = "pretrain split";
const LOG_FILE: &str = "log/interactions.parquet";
const ITEMS_FILE: &str = "log/items.parquet";
const CONSUMED_FILE: &str = "log/consumed.parquet";
const HELD_OUT_FILE: &str = "held-out.parquet";
/// All that the folder of a split may hold.
const OWN: [&str; 4] = [LOG_FILE, ITEMS_FILE, CONSUMED_FILE, HELD_OUT_FILE];

/// Which interactions are held out by their time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InTime {
    /// None.
    Nothing,
    /// The last so many of each user; a user's first interaction always stays.
    Last(u32),
    /// The last part of all interactions, ties in the order of rows.
    Fraction(f64),
    /// Those from this time on, in milliseconds UTC.
    From(i64),
}

/// What to split, and how.
#[derive(Clone, Debug)]
pub struct SplitConfig {
    /// The log and the catalogue; the states and profiles of these paths are not read.
    pub inputs: InputPaths,
    /// Interactions held out by time.
    pub in_time: InTime,
    /// The part of the log's items whose interactions are all held out.
    pub withhold_items: f64,
    /// Chooses those items.
    pub seed: u64,
    /// Bad rows that may be set aside.
    pub max_bad: MaxBad,
    /// Threads that decode the log; the result does not depend on it.
    pub workers: usize,
    /// The folder that gets `log` and `held-out.parquet`.
    pub out: PathBuf,
    /// Replace another run's.
    pub overwrite: bool,
}

/// What the manifests record.
#[derive(Serialize)]
struct Recorded {
    part: &'static str,
    in_time: InTime,
    withhold_items: f64,
    like_threshold: f32,
    max_bad: MaxBad,
}

/// Writes `log/interactions.parquet`, `log/items.parquet` where there is a catalogue, `log/consumed.parquet` where there is
/// one, and `held-out.parquet`. Rows keep their order.
///
/// The withheld items are the first of the log's items in a random order of the seed: `withhold_items` of their number,
/// rounded, at least one where it is not 0. All their interactions are held out, whatever their time; the rest is cut in
/// time, and the last interactions of a user are counted over the rest.
///
/// The log is read two to six times, as the cut needs, with memory for the dictionaries of ids and a batch of rows, for
/// [`InTime::Last`] 16 bytes beside for each interaction held out; a catalogue is held whole.
///
/// # Errors
/// As `Dataset::read` for the log; where log or held-out part would be empty; another run's output.
pub fn run(config: &SplitConfig) -> Result<()> {
    let inputs = config.inputs.all();
    output::folder_of(&config.out, &OWN, inputs.iter().map(PathBuf::as_path))?;
    let prints = config.inputs.check()?;
    let bad_rows = BadRows::beside(&config.out, config.max_bad, TOOL);
    let log_path = config.inputs.interactions();
    let scan = Scan::open(&log_path, config.inputs.like_threshold, bad_rows)?.with_workers(config.workers);
    let outputs = Outputs::of(config, &prints, scan.kind.like_threshold)?;
    let Some(staged) = folder::stage(&config.out, &OWN, || outputs.plan(config))? else {
        return Ok(());
    };
    let rule = Rule::of(&scan, config.in_time, config.withhold_items, config.seed)?;
    let written = staged.write(|folder| outputs.write(folder, config, &scan, &rule))?;
    terminal::info(&format!(
        "{}: {} interactions to learn from, {} held out ({} of them of {} withheld items)",
        config.out.display(),
        written.log,
        written.held_out,
        written.of_withheld,
        rule.withheld()
    ));
    Ok(())
}

/// Paths below the folder with their manifests.
struct Outputs {
    log: (&'static str, Manifest),
    held_out: (&'static str, Manifest),
    items: Option<(&'static str, Manifest)>,
    consumed: Option<(&'static str, Manifest)>,
}

impl Outputs {
    fn of(config: &SplitConfig, prints: &Fingerprints, like_threshold: f32) -> Result<Self> {
        let output = |file: &'static str, kind, part| -> Result<(&'static str, Manifest)> {
            let manifest = Manifest::new(kind, TOOL).seed(config.seed).config(&Recorded {
                part,
                in_time: config.in_time,
                withhold_items: config.withhold_items,
                like_threshold,
                max_bad: config.max_bad,
            });
            Ok((file, prints.record_read(manifest?)))
        };
        Ok(Outputs {
            log: output(LOG_FILE, LOG, "log")?,
            held_out: output(HELD_OUT_FILE, LOG, "held_out")?,
            items: match config.inputs.catalogue() {
                Some(_) => Some(output(ITEMS_FILE, ITEMS, "items")?),
                None => None,
            },
            consumed: match config.inputs.consumed() {
                Some(_) => Some(output(CONSUMED_FILE, CONSUMED, "consumed")?),
                None => None,
            },
        })
    }

    fn plan(&self, config: &SplitConfig) -> Result<Plan> {
        let all = [&self.log, &self.held_out].into_iter();
        let all = all.chain(&self.items).chain(&self.consumed);
        let all: Vec<(PathBuf, &Manifest)> = all
            .map(|(file, manifest)| (config.out.join(file), manifest))
            .collect();
        let stale = config.out.join(CONSUMED_FILE);
        if self.consumed.is_none() && !config.overwrite && input::exists(&stale) {
            return Err(Error::usage("this file is of another split")
                .file(stale)
                .hint("choose another --out, or pass --overwrite"));
        }
        artifact::plan_all(
            all.iter().map(|(path, manifest)| (path.as_path(), *manifest)),
            config.overwrite,
        )
    }

    /// Writes all below `folder`.
    fn write(&self, folder: &Path, config: &SplitConfig, scan: &Scan, rule: &Rule) -> Result<Written> {
        let at = |(file, manifest): &(&'static str, Manifest)| (folder.join(file), manifest.clone());
        let written = write::write(scan, rule, &at(&self.log), &at(&self.held_out))?;
        if let Some((file, manifest)) = &self.items
            && let Some(catalogue) = config.inputs.catalogue()
        {
            items::write(&folder.join(file), manifest, &items::read(&catalogue)?)?;
        }
        if let Some((file, manifest)) = &self.consumed
            && let Some(found) = config.inputs.consumed()
        {
            consumed::write(&folder.join(file), manifest, &consumed::read(&found)?)?;
        }
        Ok(written)
    }
}
