//! Training runs: one job a policy, jobs side by side, one policy artifact each.

mod job;
mod method;

use std::path::PathBuf;

use common::Result;
use common::artifact::{self, Plan};
use common::policy_artifact::{Encoder, POLICY};
use common::terminal::{self, Progress};
use rayon::prelude::*;

pub use method::Method;

use crate::data::{Dataset, InputPaths, Reading, ReplayFile, TraitSource};
use crate::threads;
use job::Job;

const TOOL: &str = "pretrain train";
const REPLAY_FILE: &str = "replay.parquet";

/// Catalogues of more items are trained by sampled softmax, unless told otherwise.
pub const MOST_WHOLE: usize = 32_768;
/// Candidates of an update then, besides the items that it chose.
pub const NEGATIVES: usize = 1_024;

/// What to train.
#[derive(Clone, Debug)]
pub struct TrainConfig {
    /// What to read.
    pub inputs: InputPaths,
    /// How much of it, and how.
    pub reading: Reading,
    /// Which traits to use of the profiles.
    pub traits: TraitSource,
    /// The method.
    pub method: Method,
    /// D, dimensions of the item embeddings.
    pub dims: usize,
    /// H, hidden units of the encoder.
    pub hidden: usize,
    /// How a state is read.
    pub encoder: Encoder,
    /// Items that an update scores besides those it chose; none: the whole catalogue.
    pub negatives: Option<usize>,
    /// The first seed.
    pub seed: u64,
    /// How many policies, with consecutive seeds.
    pub seeds: u64,
    /// Threads; the result does not depend on it.
    pub workers: usize,
    /// The folder that gets a folder `seed-S` a policy.
    pub out: PathBuf,
    /// Updates between two checkpoints; none: ten a run.
    pub checkpoint_every: Option<u64>,
    /// Replace policies of another run.
    pub overwrite: bool,
}

/// Trains the policies that are not there already.
///
/// # Errors
/// Inputs that are missing, bad or do not belong together, an output of another run, training that diverges.
pub fn run(config: &TrainConfig) -> Result<()> {
    let prints = config.inputs.check()?;
    let replay = config.out.join(REPLAY_FILE);
    let replay = ReplayFile {
        path: &replay,
        tool: TOOL,
        overwrite: config.overwrite,
    };
    let dataset = Dataset::read(&config.inputs, &prints, config.reading, replay)?;
    describe(&dataset);
    let mut pending = Vec::new();
    for seed in config.seed..config.seed.saturating_add(config.seeds) {
        let job = Job {
            config,
            dataset: &dataset,
            prints: &prints,
            seed,
        };
        if artifact::plan(&job.folder(), &job.manifest(POLICY)?, config.overwrite)? == Plan::Write {
            pending.push(job);
        }
    }
    if pending.is_empty() {
        return Ok(());
    }
    let label = format!("pre-training {}", config.method.name());
    let progress = Progress::new(&label, pending.len() as u64 * config.method.steps(), "updates");
    let pool = threads::pool(config.workers)?;
    let outcomes: Vec<Result<()>> =
        pool.install(|| pending.par_iter().map(|job| job.run(&progress)).collect());
    outcomes.into_iter().collect()
}

fn describe(dataset: &Dataset) {
    let interactions = dataset.replay.interactions();
    let likes: f32 = dataset.popularity.iter().sum();
    terminal::info(&format!(
        "log: {} users, {} items, {interactions} interactions, {likes} of them liked",
        dataset.users.len(),
        dataset.items.len()
    ));
}
