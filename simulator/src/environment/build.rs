//! From an imported dataset to an environment: fit, calibrate, write.

use std::path::PathBuf;

use common::artifact;
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::table;
use common::{Error, Result, atomic_file, folder, output, terminal};
use serde::{Deserialize, Serialize};

use super::Environment;
use super::artifact::{CHOICE_FILE, FILES, KIND};
use crate::dataset::{self, Dataset, Layout};
use crate::import;
use crate::user_model::cells::Cells;
use crate::user_model::choose::Trial;
use crate::user_model::fit;
use crate::user_model::train::{self, Procedure, Trained};

/// What to build from, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the imported dataset.
    pub data: PathBuf,
    /// Folder of the environment.
    pub out: PathBuf,
    /// How the user model is made.
    pub user_model: Procedure,
    /// Seed of folds and fit.
    pub seed: u64,
    /// Replace what another run has written.
    pub overwrite: bool,
}

/// What the manifest records of the configuration.
#[derive(Serialize, Deserialize)]
struct Recorded {
    dataset: String,
    user_model: Procedure,
}

/// What the fit chose, for people.
#[derive(Serialize)]
struct Choice<'a> {
    chosen: &'a fit::Config,
    tried: &'a [Trial],
}

/// How the environment of this manifest was made; `None` where it was not by `simulator fit`.
pub fn procedure(manifest: &Manifest) -> Option<Procedure> {
    let recorded: Recorded = serde_json::from_value(manifest.config.clone()).ok()?;
    Some(recorded.user_model)
}

/// Builds the environment and writes it.
///
/// # Errors
/// Bad or missing inputs, too little data to calibrate on, an output of another run, I/O failures.
pub fn run(config: &Config) -> Result<()> {
    output::folder(&config.out)?;
    // First of all, because it says best what is missing in a wrong folder.
    let fingerprints = dataset::fingerprints(&config.data)?;
    let log_manifest = table::read_manifest(&Layout::new(&config.data).log)?;
    let name = import::dataset_name(log_manifest.as_ref());
    let mut manifest = Manifest::new(KIND, "simulator fit")
        .seed(config.seed)
        .config(&Recorded {
            dataset: name,
            user_model: config.user_model.clone(),
        })?;
    for (role, fingerprint) in fingerprints {
        manifest = manifest.input(role, fingerprint);
    }
    let plan = || artifact::plan_folder(&config.out, &FILES, &manifest, config.overwrite);
    let Some(staged) = folder::stage(&config.out, &FILES, plan)? else {
        return Ok(());
    };
    let dataset = Dataset::read(&config.data)?;
    let (environment, trained) = build(&dataset, &config.user_model, config.seed)?;
    let choice = Choice {
        chosen: &trained.config,
        tried: &trained.trials,
    };
    let json = serde_json::to_vec_pretty(&choice).map_err(|e| {
        Error::retry(format!(
            "the choice of hyper-parameters cannot be written as JSON: {e}"
        ))
    })?;
    manifest
        .files
        .insert(CHOICE_FILE.to_string(), Fingerprint::of_bytes(&json));
    staged.write(|folder| {
        atomic_file::write_bytes(&folder.join(CHOICE_FILE), &json)?;
        environment.save(folder, manifest, &dataset.items, &dataset.users)
    })?;
    terminal::info(&format!(
        "{}: environment `{}` of {} users and {} items",
        config.out.display(),
        environment.name,
        environment.users.len(),
        environment.items.len()
    ));
    Ok(())
}

/// Makes the user model of `dataset` and the environment around it.
///
/// # Errors
/// When there is too little data to calibrate on.
pub fn build(dataset: &Dataset, procedure: &Procedure, seed: u64) -> Result<(Environment, Trained)> {
    let mut cells = Cells::new(dataset, seed);
    let trained = train::train(dataset, &mut cells, 0, procedure, seed)?;
    let mut popularity = vec![0; dataset.items.ids.len()];
    for pair in dataset.log.iter().filter(|pair| pair.liked) {
        popularity[pair.item as usize] += 1;
    }
    let environment = Environment {
        name: dataset.name.clone(),
        seed,
        users: dataset.users.ids.clone(),
        items: dataset.items.ids.clone(),
        model: trained.model.clone(),
        consumed: cells.log,
        popularity,
        mean_ratings: dataset.mean_ratings,
        ratings: None,
    };
    Ok((environment, trained))
}
