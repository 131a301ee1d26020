//! `pretrain estimate`: what a policy would earn, from logged rounds or slates in anybody's table.
//!
//! The policy itself is not needed, nor its catalogue: the table says how probable it was, under the policy that logged and
//! under the one that is asked about, that what was logged is chosen. The estimators are those of [`crate::evaluate`], with the same intervals.

mod rounds;
mod sheet;
mod slates;
mod support;

use std::path::PathBuf;

use common::artifact::{self, Plan};
use common::manifest::Manifest;
use common::schema::metrics::{self, METRICS};
use common::schema::rounds::{self as table_of_rounds, Columns};
use common::schema::table;
use common::{Result, output};
use serde::Serialize;

use crate::evaluate::Format;
use crate::evaluate::table::{Sheet, print};

const TOOL: &str = "pretrain estimate";

/// What to estimate.
#[derive(Clone, Debug)]
pub struct EstimateConfig {
    /// The table: a Parquet file, a folder of part files or a glob.
    pub log: PathBuf,
    /// Which of its columns hold what.
    pub columns: Columns,
    /// What tables call the policy.
    pub name: String,
    /// The seed that tables give it.
    pub seed: u64,
    /// How.
    pub settings: Settings,
    /// Below this effective sample size of every estimator there is no answer.
    pub min_effective: f64,
    /// The form of the table on stdout.
    pub format: Format,
    /// Where the numbers go, as a metrics table.
    pub out: Option<PathBuf>,
    /// Replace the output of another run.
    pub overwrite: bool,
}

/// What the numbers depend on besides the table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Importance weights above this become this.
    pub max_weight: Option<f64>,
    /// SWITCH's threshold.
    pub tau: f64,
    /// The level of the two-sided intervals, in (0, 1).
    pub confidence: f64,
}

/// What the manifest says of the run.
#[derive(Serialize)]
struct Recorded<'a> {
    name: &'a str,
    columns: &'a Columns,
    settings: Settings,
}

/// Prints the estimates on stdout and writes them, unless they are there already.
///
/// # Errors
/// A table that cannot be read as one of rounds (see [`table_of_rounds::read`]), a single cluster, an output of another run;
/// [`common::error::Class::Refused`] where the log has no evidence, or too little.
pub fn run(config: &EstimateConfig) -> Result<()> {
    output::files(config.out.as_deref(), [config.log.as_path()])?;
    let recorded = Recorded {
        name: &config.name,
        columns: &config.columns,
        settings: config.settings,
    };
    let manifest = Manifest::new(METRICS, TOOL)
        .seed(config.seed)
        .config(&recorded)?
        .input("log", table::fingerprint(&config.log)?);
    let done = match &config.out {
        Some(out) => artifact::plan(out, &manifest, config.overwrite)? == Plan::AlreadyDone,
        None => false,
    };
    let rows = match &config.out {
        Some(out) if done => metrics::read(out)?,
        _ => measure(config)?.rows,
    };
    if let (Some(out), false) = (&config.out, done) {
        metrics::write(out, &manifest, &rows)?;
    }
    print(&rows, config.settings.confidence, config.format)?;
    support::judge(&rows, config.min_effective)
}

fn measure(config: &EstimateConfig) -> Result<Sheet> {
    let rounds = table_of_rounds::read(&config.log, &config.columns)?;
    let mut sheet = Sheet::new(&config.name, config.seed, "logged");
    match &rounds.slates {
        Some(of) => slates::measure(&mut sheet, &rounds, of, config)?,
        None => rounds::measure(&mut sheet, &rounds, config)?,
    }
    Ok(sheet)
}
