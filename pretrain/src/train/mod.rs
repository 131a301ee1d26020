//! Training runs: one job a policy, jobs side by side, one policy artifact each.

mod job;
mod method;

use std::ops::Range;
use std::path::{Path, PathBuf};

use common::artifact::Plan;
use common::fingerprint::Fingerprint;
use common::folder::Staged;
use common::manifest::Manifest;
use common::policy_artifact::{Encoder, POLICY};
use common::shards::{Sharding, Step, Unit, Work};
use common::terminal::{self, Progress};
use common::{Error, Result, output};
use rayon::prelude::*;

pub use method::Method;

use crate::data::{Dataset, Fingerprints, InputPaths, Reading, ReplayFile, TraitSource};
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

impl TrainConfig {
    fn seeds(&self) -> Range<u64> {
        self.seed..self.seed.saturating_add(self.seeds)
    }
}

/// Trains the policies that are not there already.
///
/// # Errors
/// Inputs that are missing, bad or do not belong together, an output of another run, training that diverges.
pub fn run(config: &TrainConfig, sharding: &Sharding) -> Result<()> {
    run_all(
        std::slice::from_ref(config),
        &config.out,
        config.workers,
        sharding,
    )
}

/// Trains the policies of several runs below `out` that are not there already: all of them are jobs that share `workers` threads.
/// A run that fails does not stop the others; the first failure is returned.
///
/// In shards each policy is a unit, and goes to its place at once: a merge sees that all are there.
///
/// # Errors
/// As [`run`].
pub fn run_all(configs: &[TrainConfig], out: &Path, workers: usize, sharding: &Sharding) -> Result<()> {
    for config in configs {
        output::folder(&config.out)?;
        for seed in config.seeds() {
            output::folder(&job::folder(config, seed))?;
        }
        let replay = config.out.join(REPLAY_FILE);
        output::files(
            [replay.as_path()],
            config.inputs.all().iter().map(PathBuf::as_path),
        )?;
    }
    let sources = configs.iter().map(Source::read).collect::<Result<Vec<_>>>()?;
    let runs = configs.iter().zip(&sources);
    let jobs: Vec<Job> = runs.flat_map(|(config, source)| source.jobs(config)).collect();
    let work = match begin(&jobs, out, sharding)? {
        Step::Nothing => return Ok(()),
        Step::Whole => None,
        Step::Work(work) => Some(work),
        Step::Merge(_) => {
            for job in &jobs {
                if job.plan(&job.folder())? != Plan::AlreadyDone {
                    return Err(
                        Error::retry("the policy is not there, though its shard was done").file(job.folder())
                    );
                }
            }
            return sharding.finish(out);
        }
    };
    let some = work.as_ref().map_or(0..jobs.len(), Work::units);
    train(configs, &jobs[some], workers)?;
    work.map_or(Ok(()), |work| work.commit_done(&()))
}

/// Begins this process's part of the job.
fn begin(jobs: &[Job], out: &Path, sharding: &Sharding) -> Result<Step> {
    let manifests = jobs.iter().map(|job| job.manifest(POLICY));
    let manifests = manifests.collect::<Result<Vec<_>>>()?;
    let prints = manifests
        .iter()
        .map(|one| Fingerprint::of_bytes(one.to_json().as_bytes()));
    let together = Manifest::new("policies", TOOL).config(&prints.collect::<Vec<_>>())?;
    let unit = |job: &Job| {
        let folder = job.folder();
        let name = folder.strip_prefix(out).unwrap_or(&folder).display().to_string();
        Unit::new(name, job.config.method.steps().max(1))
    };
    sharding.begin(out, &together, &jobs.iter().map(unit).collect::<Vec<_>>())
}

/// Trains those of `jobs` that are not done already.
fn train(configs: &[TrainConfig], jobs: &[Job], workers: usize) -> Result<()> {
    let mut pending = Vec::new();
    for job in jobs {
        if let Some(staged) = job.stage()? {
            pending.push((job, staged));
        }
    }
    if pending.is_empty() {
        return Ok(());
    }
    let label = match configs {
        [only] => format!("pre-training {}", only.method.name()),
        _ => format!("pre-training {} runs", configs.len()),
    };
    let updates = pending.iter().map(|(job, _)| job.config.method.steps()).sum();
    let progress = Progress::new(&label, updates, "updates");
    let make = |(job, staged): (&Job, Staged)| job.run(staged, &progress);
    let outcomes: Vec<Result<()>> =
        threads::pool(workers)?.install(|| pending.into_par_iter().map(make).collect());
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    if failed > 1 {
        terminal::warn(&format!(
            "{failed} of {} policies could not be trained",
            outcomes.len()
        ));
    }
    outcomes.into_iter().collect()
}

/// What a run reads.
struct Source {
    dataset: Dataset,
    prints: Fingerprints,
}

impl Source {
    fn read(config: &TrainConfig) -> Result<Self> {
        let prints = config.inputs.check()?;
        let replay = ReplayFile {
            path: &config.out.join(REPLAY_FILE),
            tool: TOOL,
            overwrite: config.overwrite,
        };
        let dataset = Dataset::read(&config.inputs, &prints, config.reading, replay)?;
        describe(&dataset);
        Ok(Source { dataset, prints })
    }

    /// A job for each policy of the run `config`.
    fn jobs<'a>(&'a self, config: &'a TrainConfig) -> impl Iterator<Item = Job<'a>> {
        config.seeds().map(|seed| Job {
            config,
            dataset: &self.dataset,
            prints: &self.prints,
            seed,
        })
    }
}

fn describe(dataset: &Dataset) {
    let interactions = dataset.replay.interactions();
    let likes: f64 = dataset.popularity.iter().map(|&likes| f64::from(likes)).sum();
    terminal::info(&format!(
        "log: {} users, {} items, {interactions} interactions, {likes} of them liked; {}",
        dataset.users.len(),
        dataset.items.len(),
        dataset.times
    ));
}
