//! One policy to train.

use std::path::{Path, PathBuf};

use common::ids::Dictionary;
use common::manifest::Manifest;
use common::policy_artifact::{NetworkConfig, POLICY, Policy, PolicyConfig, PolicyItems, PolicyUsers};
use common::schema::metrics::{self, METRICS, Metric};
use common::terminal::Progress;
use common::{Error, Result};
use serde::Serialize;

use super::{MOST_WHOLE, Method, NEGATIVES, TOOL, TrainConfig};
use crate::algorithms::{Curve, Point};
use crate::checkpoint::Checkpoint;
use crate::data::{Dataset, Fingerprints, LogRead, TraitSource, Traits, write_users};
use crate::network::initial::initial_weights;
use crate::reward::RewardModel;
use crate::run::{Run, Setting};

/// What a manifest records of a run, besides the network.
#[derive(Serialize)]
struct Training {
    #[serde(flatten)]
    method: Method,
    log: LogRead,
    /// Absent where the whole catalogue is scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    negatives: Option<usize>,
}

/// One policy to train.
pub(super) struct Job<'a> {
    pub(super) config: &'a TrainConfig,
    pub(super) dataset: &'a Dataset,
    pub(super) prints: &'a Fingerprints,
    pub(super) seed: u64,
}

impl Job<'_> {
    pub(super) fn folder(&self) -> PathBuf {
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
            encoder: self.config.encoder,
        }
    }

    fn policy_config(&self) -> Result<PolicyConfig> {
        let training = serde_json::to_value(Training {
            method: self.config.method,
            log: self.dataset.log,
            negatives: self.negatives(),
        });
        let training = training
            .map_err(|e| Error::usage(format!("the hyper-parameters cannot be written as JSON: {e}")))?;
        Ok(PolicyConfig {
            network: self.network(),
            method: self.config.method.name().into(),
            traits: self.config.traits.as_str().into(),
            gamma: self.config.method.gamma(),
            likes: None,
            training,
        })
    }

    pub(super) fn manifest(&self, artifact: &str) -> Result<Manifest> {
        let manifest = Manifest::new(artifact, TOOL)
            .seed(self.seed)
            .config(&self.policy_config()?)?;
        Ok(self.prints.record(manifest))
    }

    pub(super) fn run(&self, progress: &Progress) -> Result<()> {
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
        let reward = match config.method.reward_model() {
            Some(known) => {
                let (reward, fit) = RewardModel::fit(dataset, &traits, known, seed)?;
                fit.record(&mut curve);
                Some(reward)
            }
            None => None,
        };
        let setting = Setting {
            network: &network,
            dataset,
            traits: &traits,
            negatives: self.negatives(),
            seed,
        };
        let steps = config.method.steps();
        let every = config.checkpoint_every.unwrap_or((steps / 10).max(1));
        let checkpoint = Checkpoint::new(&self.folder(), self.manifest(POLICY)?, every);
        let keep = Some((checkpoint.clone(), config.overwrite));
        let trained = Run::new(setting, steps, weights, config.method.q_heads(), curve, keep)
            .and_then(|run| config.method.train(run, reward.as_ref()))
            .map_err(|e| e.at(name))?;
        self.write_curve(&self.folder().join(metrics::FILE_NAME), &trained.curve)?;
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
        policy.save_with_users(&self.folder(), |write| write_users(dataset, &traits, write))?;
        checkpoint.remove()
    }

    fn negatives(&self) -> Option<usize> {
        let large = self.dataset.items.len() > MOST_WHOLE;
        self.config.negatives.or(large.then_some(NEGATIVES))
    }

    fn write_curve(&self, path: &Path, points: &[Point]) -> Result<()> {
        let metric = |point: &Point| Metric {
            environment: "log".into(),
            method: self.config.method.name().into(),
            seed: self.seed,
            split: point.split.to_string(),
            metric: point.metric.to_string(),
            step: point.step,
            value: point.value,
        };
        let rows: Vec<Metric> = points.iter().map(metric).collect();
        metrics::write(path, &self.manifest(METRICS)?, &rows)
    }
}
