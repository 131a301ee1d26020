//! How faithful an environment is: measured on held-out cells that neither fit nor calibration saw.
//!
//! The test fold is a random seventh of all cells outside the log that say something: of all of them, rated or not,
//! where an unrated cell is a no, else of the held-out ratings. Its base rate is that of the whole, so the error of
//! calibration means what it says; but where most cells have a tiny probability any model is right about those, so
//! the same is measured again on the cells that a good policy would choose.
//!
//! A test fold of few likes gives wide intervals. The whole procedure is then cross-fitted: repeated with other
//! parts of the cells left out, until each held-out cell was predicted by a model that had not seen it. Those models
//! are not the environment's own, but made the same way from as much data.

mod auc;
mod bars;
mod bootstrap;
mod calibration_error;
mod cells;
mod groups;
mod measure;
mod on_test;
mod over_all;
mod popularity;
mod show;

use std::path::PathBuf;

use common::artifact::{self, Plan};
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::metrics::{self, METRICS, Metric};
use common::{Error, Result, output, terminal};
use serde::Serialize;

pub use bootstrap::Estimate;
pub use measure::{CrossFit, Measure, Section, measure};

use crate::dataset::{self, Dataset, Layout};
use crate::environment::rules::Rules;
use crate::environment::{Environment, build};

/// What to measure.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the imported dataset.
    pub data: PathBuf,
    /// Folder of the environment that was fit on it.
    pub environment: PathBuf,
    /// The metrics file; none is written where this is `None`.
    pub out: Option<PathBuf>,
    /// The rules under which returns are computed.
    pub rules: Rules,
    /// How many folds are measured, see [`CrossFit::folds`].
    pub folds: Option<u32>,
    /// Bootstrap samples of the users.
    pub resamples: u32,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Replace what another run has written.
    pub overwrite: bool,
}

#[derive(Serialize)]
struct Recorded<'a> {
    environment: &'a str,
    rules: &'a Rules,
    folds: Option<u32>,
    resamples: u32,
}

/// Measures the environment, prints the table to stdout and writes the metrics.
///
/// # Errors
/// Missing or damaged inputs, an environment that was fit on another dataset, I/O failures.
pub fn run(config: &Config) -> Result<()> {
    if config.rules.easyrl4rec.is_some() {
        let what = "fidelity is that of likes, and the rewards of the rule `easyrl4rec` are ratings";
        return Err(Error::usage(what).hint("leave --rule easyrl4rec out"));
    }
    let parts = Layout::OWN.map(|name| config.data.join(name));
    let inputs = parts.iter().chain([&config.environment]).map(PathBuf::as_path);
    output::files(config.out.as_deref(), inputs)?;
    let (environment, made) = Environment::load(&config.environment)?;
    for (role, fingerprint) in dataset::fingerprints(&config.data)? {
        made.require_input(role, &fingerprint, &config.environment, &config.data)?;
    }
    let name = environment.name_under(&config.rules);
    let recorded = Recorded {
        environment: &name,
        rules: &config.rules,
        folds: config.folds,
        resamples: config.resamples,
    };
    let manifest = Manifest::new(METRICS, "simulator fidelity")
        .seed(config.seed)
        .config(&recorded)?
        .input("environment", Fingerprint::of_bytes(made.to_json().as_bytes()));
    let plan = config
        .out
        .as_ref()
        .map(|out| artifact::plan(out, &manifest, config.overwrite))
        .transpose()?;
    // The table is wanted even where the file stands already.
    let dataset = Dataset::read(&config.data)?;
    let procedure = build::procedure(&made);
    let cross_fit = CrossFit {
        folds: config.folds,
        procedure: procedure.as_ref(),
    };
    let measures = measure(
        &dataset,
        &environment,
        &cross_fit,
        &config.rules,
        config.resamples,
        config.seed,
    )?;
    if let (Some(out), Some(Plan::Write)) = (&config.out, plan) {
        let rows: Vec<Metric> = measures
            .iter()
            .flat_map(|m| m.rows(&name, environment.seed))
            .collect();
        metrics::write(out, &manifest, &rows)?;
    }
    terminal::print(show::table(&name, dataset.unrated, &measures))
}
