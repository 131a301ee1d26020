//! From an imported dataset to an environment: fit, calibrate, write.

use std::path::PathBuf;

use common::artifact::{self, Plan};
use common::manifest::Manifest;
use common::schema::table;
use common::{Result, terminal};
use rayon::prelude::*;
use serde::Serialize;

use super::{Environment, artifact::KIND};
use crate::dataset::{self, Dataset, Layout};
use crate::import;
use crate::user_model::calibrate::{self, Calibration};
use crate::user_model::cells::{Cells, Fold};
use crate::user_model::features::Features;
use crate::user_model::{UserModel, fit};

/// Cells that calibration looks at, at most; beyond it users are sampled.
const CALIBRATION_CELLS: usize = 1 << 26;

/// What to build from, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the imported dataset.
    pub data: PathBuf,
    /// Folder of the environment.
    pub out: PathBuf,
    /// Hyper-parameters of the user model.
    pub fit: fit::Config,
    /// Seed of folds and fit.
    pub seed: u64,
    /// Replace what another run has written.
    pub overwrite: bool,
}

#[derive(Serialize)]
struct Recorded<'a> {
    dataset: &'a str,
    user_model: &'a fit::Config,
}

/// Builds the environment and writes it.
///
/// # Errors
/// Bad or missing inputs, too little data to calibrate on, an output of another run, I/O failures.
pub fn run(config: &Config) -> Result<()> {
    // First of all, because it says best what is missing in a wrong folder.
    let fingerprints = dataset::fingerprints(&config.data)?;
    let log_manifest = table::read_manifest(&Layout::new(&config.data).log)?;
    let name = import::dataset_name(log_manifest.as_ref());
    let mut manifest = Manifest::new(KIND, "simulator fit")
        .seed(config.seed)
        .config(&Recorded {
            dataset: &name,
            user_model: &config.fit,
        })?;
    for (role, fingerprint) in fingerprints {
        manifest = manifest.input(role, fingerprint);
    }
    if artifact::plan(&config.out, &manifest, config.overwrite)? == Plan::AlreadyDone {
        return Ok(());
    }
    let dataset = Dataset::read(&config.data)?;
    let environment = build(&dataset, &config.fit, config.seed)?;
    environment.save(&config.out, manifest, &dataset.items, &dataset.users)?;
    terminal::info(&format!(
        "{}: environment `{}` of {} users and {} items",
        config.out.display(),
        environment.name,
        environment.users.len(),
        environment.items.len()
    ));
    Ok(())
}

/// Fits and calibrates the user model of `dataset`.
///
/// # Errors
/// When there is too little data to calibrate on.
pub fn build(dataset: &Dataset, config: &fit::Config, seed: u64) -> Result<Environment> {
    let cells = Cells::new(dataset, seed);
    let user_features = Features::of_users(&dataset.users, config.feature_support);
    let item_features = Features::of_items(&dataset.items, config.feature_support);
    let fitted = fit::fit(&cells, &user_features, &item_features, config, seed);
    let mut model = UserModel {
        rank: config.rank,
        user_vector: fitted.user_vector,
        user_bias: fitted.user_bias,
        item_vector: fitted.item_vector,
        item_bias: fitted.item_bias,
        calibration: Calibration::identity(),
    };
    let to_calibrate: Vec<(f32, bool)> = cells
        .sampled_users(CALIBRATION_CELLS)
        .into_par_iter()
        .flat_map_iter(|user| {
            let (model, cells) = (&model, &cells);
            cells
                .open(user)
                .filter(move |&(item, _)| cells.fold(user, item) == Fold::Calibration)
                .map(move |(item, liked)| (model.logit(user, item), liked))
        })
        .collect();
    model.calibration = calibrate::fit(to_calibrate)?;
    let mut popularity = vec![0; dataset.items.ids.len()];
    for pair in dataset.log.iter().filter(|pair| pair.liked) {
        popularity[pair.item as usize] += 1;
    }
    Ok(Environment {
        name: dataset.name.clone(),
        seed,
        users: dataset.users.ids.clone(),
        items: dataset.items.ids.clone(),
        model,
        consumed: cells.log,
        popularity,
    })
}
