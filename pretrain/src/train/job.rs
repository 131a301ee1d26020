//! One policy to train.

use std::path::{Path, PathBuf};

use common::artifact::{self, Plan};
use common::folder::{Staged, stage};
use common::ids::Dictionary;
use common::manifest::Manifest;
use common::policy_artifact::{
    self, LikeModel, NetworkConfig, POLICY, Policy, PolicyConfig, PolicyItems, PolicyUsers, Weights,
};
use common::schema::metrics::{self, METRICS, Metric};
use common::terminal::Progress;
use common::{Error, Result};
use serde::Serialize;

use super::method::ClosedForm;
use super::{MOST_WHOLE, Method, NEGATIVES, TOOL, TrainConfig};
use crate::algorithms::{Curve, Point};
use crate::appeal;
use crate::checkpoint::{self, Checkpoint};
use crate::data::{Dataset, Fingerprints, LogRead, TraitSource, Traits, write_users};
use crate::network::initial::initial_weights;
use crate::plain;
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

/// The folder of the policy of `seed`.
pub(super) fn folder(config: &TrainConfig, seed: u64) -> PathBuf {
    config.out.join(format!("seed-{seed}"))
}

impl Job<'_> {
    pub(super) fn folder(&self) -> PathBuf {
        folder(self.config, self.seed)
    }

    /// The network that is trained; what is made in closed form has its own.
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

    fn policy_config(&self, network: NetworkConfig, likes: Option<LikeModel>) -> Result<PolicyConfig> {
        let training = serde_json::to_value(Training {
            method: self.config.method,
            log: self.dataset.log,
            negatives: self.negatives(),
        });
        let training = training
            .map_err(|e| Error::usage(format!("the hyper-parameters cannot be written as JSON: {e}")))?;
        Ok(PolicyConfig {
            network,
            method: self.config.method.name().into(),
            traits: self.config.traits.as_str().into(),
            gamma: self.config.method.gamma(),
            likes,
            training,
        })
    }

    pub(super) fn manifest(&self, artifact: &str) -> Result<Manifest> {
        self.manifest_of(artifact, &self.policy_config(self.network(), None)?)
    }

    fn manifest_of(&self, artifact: &str, config: &PolicyConfig) -> Result<Manifest> {
        let manifest = Manifest::new(artifact, TOOL).seed(self.seed).config(config)?;
        Ok(self.prints.record(manifest))
    }

    /// Whether the policy is still to be made.
    ///
    /// # Errors
    /// As [`artifact::plan_folder`].
    pub(super) fn plan(&self, folder: &Path) -> Result<Plan> {
        let mut planned = self.manifest(POLICY)?;
        if self.config.method.closed_form().is_some()
            && let Ok(made) = Manifest::read_from_folder(folder, POLICY)
            && let Some(config) = planned.config.as_object_mut()
        {
            // What comes of the making itself tells no two runs apart. The values are compared as they were read: a number
            // in JSON need not come back to the last bit.
            for key in ["network", "likes"] {
                config.remove(key);
                if let Some(value) = made.config.get(key) {
                    config.insert(key.into(), value.clone());
                }
            }
        }
        artifact::plan_folder(folder, &policy_artifact::FILES, &planned, self.config.overwrite)
    }

    /// The policy's folder, to be written; none where it is made already.
    ///
    /// # Errors
    /// As [`stage`].
    pub(super) fn stage(&self) -> Result<Option<Staged>> {
        let folder = self.folder();
        let own = [policy_artifact::FILES.as_slice(), &[checkpoint::FILE]].concat();
        stage(&folder, &own, || self.plan(&folder))
    }

    /// A policy in closed form.
    fn make(&self, form: ClosedForm, staged: Staged) -> Result<()> {
        let Job {
            config,
            dataset,
            seed,
            ..
        } = *self;
        let made = match form {
            ClosedForm::Appeal(form) => {
                let traits = Traits::of(dataset, config.traits, seed);
                appeal::make(form, &config.inputs, dataset, &traits, config.traits, seed)
            }
            ClosedForm::Plain(form) => plain::make(form, dataset, seed),
        };
        let made = made.map_err(|e| e.at(format!("seed {seed}")))?;
        let policy_config = self.policy_config(made.network.clone(), made.likes)?;
        let of_curve = self.manifest_of(METRICS, &policy_config)?;
        let policy = self.policy(policy_config, made.weights.clone(), Vec::new())?;
        staged.write(|folder| {
            self.write_curve(folder, &of_curve, &made.curve)?;
            policy.write_to(folder, |write| {
                let remember = |from: usize, users: &mut PolicyUsers| made.remember(from, users);
                write_users(dataset, &Traits::default(), &remember, write)
            })
        })
    }

    /// The policy but for its users.
    fn policy(&self, config: PolicyConfig, weights: Weights, traits: Vec<f32>) -> Result<Policy> {
        Ok(Policy {
            manifest: self.manifest_of(POLICY, &config)?,
            config,
            weights,
            items: PolicyItems {
                ids: self.dataset.items.clone(),
                popularity: self.dataset.popularity.clone(),
                traits,
            },
            users: PolicyUsers {
                ids: Dictionary::new(self.dataset.users.kind()),
                ..PolicyUsers::default()
            },
        })
    }

    /// Makes the policy and puts it in the place of `staged`. Checkpoints stand in the folder itself, and go with what it held.
    pub(super) fn run(&self, staged: Staged, progress: &Progress) -> Result<()> {
        let Job {
            config,
            dataset,
            seed,
            ..
        } = *self;
        if let Some(form) = config.method.closed_form() {
            return self.make(form, staged);
        }
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
        let policy = self.policy(
            self.policy_config(network.clone(), None)?,
            trained.weights,
            traits.items.clone(),
        )?;
        staged.write(|folder| {
            self.write_curve(folder, &self.manifest(METRICS)?, &trained.curve)?;
            policy.write_to(folder, |write| write_users(dataset, &traits, &|_, _| {}, write))
        })?;
        checkpoint.remove()
    }

    fn negatives(&self) -> Option<usize> {
        let large = self.dataset.items.len() > MOST_WHOLE;
        self.config.negatives.or(large.then_some(NEGATIVES))
    }

    fn write_curve(&self, folder: &Path, manifest: &Manifest, points: &[Point]) -> Result<()> {
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
        metrics::write(&folder.join(metrics::FILE_NAME), manifest, &rows)
    }
}
