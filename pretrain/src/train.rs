//! Training runs: one job a seed, jobs side by side, one policy artifact each.

use std::path::{Path, PathBuf};

use common::artifact::{self, Plan};
use common::ids::Dictionary;
use common::manifest::Manifest;
use common::policy_artifact::{
    Encoder, NetworkConfig, POLICY, Policy, PolicyConfig, PolicyItems, PolicyUsers,
};
use common::schema::metrics::{self, METRICS, Metric};
use common::terminal::{self, Progress};
use common::{Error, Result};
use rayon::prelude::*;
use serde::Serialize;

use crate::algorithms::bc::{self, BcConfig};
use crate::algorithms::ialp::{self, IalpConfig};
use crate::algorithms::{Curve, Point};
use crate::data::{
    Dataset, Fingerprints, InputPaths, LogRead, Reading, ReplayFile, TraitSource, Traits, write_users,
};
use crate::network::initial::initial_weights;
use crate::reward::RewardModel;
use crate::threads;

const TOOL: &str = "pretrain train";
const CURVE_FILE: &str = "metrics.parquet";
const REPLAY_FILE: &str = "replay.parquet";

/// A method with its hyper-parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Behaviour cloning.
    Bc(BcConfig),
    /// Actor-critic on the reward model.
    Ialp(IalpConfig),
}

impl Method {
    /// As in artifacts.
    pub fn name(&self) -> &'static str {
        match self {
            Method::Bc(_) => "bc",
            Method::Ialp(_) => "ialp",
        }
    }

    fn steps(&self) -> u64 {
        match self {
            Method::Bc(config) => config.steps,
            Method::Ialp(config) => config.steps,
        }
    }

    fn gamma(&self) -> f32 {
        match self {
            Method::Bc(config) => config.gamma,
            Method::Ialp(config) => config.gamma,
        }
    }
}

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
    /// The first seed.
    pub seed: u64,
    /// How many policies, with consecutive seeds.
    pub seeds: u64,
    /// Threads; the result does not depend on it.
    pub workers: usize,
    /// The folder that gets a folder `seed-S` a policy.
    pub out: PathBuf,
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

/// What a manifest records of a run, besides the network.
#[derive(Serialize)]
struct Training {
    #[serde(flatten)]
    method: Method,
    log: LogRead,
}

/// One policy to train.
struct Job<'a> {
    config: &'a TrainConfig,
    dataset: &'a Dataset,
    prints: &'a Fingerprints,
    seed: u64,
}

impl Job<'_> {
    fn folder(&self) -> PathBuf {
        self.config.out.join(format!("seed-{}", self.seed))
    }

    fn network(&self) -> NetworkConfig {
        NetworkConfig {
            items: self.dataset.items.len(),
            dims: self.config.dims,
            hidden: self.config.hidden,
            traits: match self.config.traits {
                TraitSource::None => 0,
                TraitSource::Profile | TraitSource::Shuffled => self.dataset.trait_count(),
            },
            window: self.dataset.window,
            encoder: Encoder::Gru,
        }
    }

    fn policy_config(&self) -> Result<PolicyConfig> {
        let training = serde_json::to_value(Training {
            method: self.config.method,
            log: self.dataset.log,
        });
        let training = training
            .map_err(|e| Error::usage(format!("the hyper-parameters cannot be written as JSON: {e}")))?;
        Ok(PolicyConfig {
            network: self.network(),
            method: self.config.method.name().into(),
            traits: self.config.traits.as_str().into(),
            gamma: self.config.method.gamma(),
            training,
        })
    }

    fn manifest(&self, artifact: &str) -> Result<Manifest> {
        let manifest = Manifest::new(artifact, TOOL)
            .seed(self.seed)
            .config(&self.policy_config()?)?;
        Ok(self.prints.record(manifest))
    }

    fn run(&self, progress: &Progress) -> Result<()> {
        let Job {
            config,
            dataset,
            seed,
            ..
        } = *self;
        let name = format!("seed {seed}");
        let network = self.network();
        let traits = Traits::of(dataset, config.traits, seed);
        let weights = initial_weights(&network, &traits.items, seed);
        let mut curve = Curve::new(name.clone(), progress);
        let trained = match &config.method {
            Method::Bc(method) => bc::train(method, &network, dataset, &traits, weights, seed, curve),
            Method::Ialp(method) => {
                let (reward, fit) = RewardModel::fit(dataset, &traits, seed)?;
                curve.record("held-out users", 0, &fit.values());
                ialp::train(method, &network, dataset, &traits, &reward, weights, seed, curve)
            }
        };
        let trained = trained.map_err(|e| e.at(name))?;
        self.write_curve(&self.folder().join(CURVE_FILE), &trained.curve)?;
        let policy = Policy {
            manifest: self.manifest(POLICY)?,
            config: self.policy_config()?,
            weights: trained.weights,
            items: PolicyItems {
                ids: dataset.items.clone(),
                popularity: dataset.popularity.clone(),
                traits: traits.items.clone(),
            },
            users: PolicyUsers {
                ids: Dictionary::new(dataset.users.kind()),
                ..PolicyUsers::default()
            },
        };
        policy.save_with_users(&self.folder(), |write| write_users(dataset, &traits, write))
    }

    fn write_curve(&self, path: &Path, points: &[Point]) -> Result<()> {
        let metric = |point: &Point| Metric {
            environment: "log".into(),
            method: self.config.method.name().into(),
            seed: self.seed,
            split: point.split.into(),
            metric: point.metric.into(),
            step: point.step,
            value: point.value,
        };
        let rows: Vec<Metric> = points.iter().map(metric).collect();
        metrics::write(path, &self.manifest(METRICS)?, &rows)
    }
}
