//! iALP plus log (ours): the language model as prior, logged feedback as evidence.
//!
//! The actor-critic of iALP plays against a reward model in which the log's co-likes stand beside the language model's
//! traits, each weighted by its uncertainty ([`crate::reward`]): the weight of the model falls as the log grows. Beside it
//! the actor imitates logged choices, with a weight that rises with the likes that the log has an item.

use common::Result;
use serde::Serialize;

use super::Trained;
use super::ialp::{self, IalpConfig};
use super::logged::{Heads, LoggedConfig};
use crate::reward::{RewardConfig, RewardModel};
use crate::run::Run;

/// Hyper-parameters of iALP plus log.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct IalpLogConfig {
    /// Those of iALP.
    #[serde(flatten)]
    pub ialp: IalpConfig,
    /// Weight of the imitation of logged choices where the log is rich, in units of the modelled reward's range, as the
    /// entropy bonus is. It is multiplied by n / (n + 1) for n likes per item.
    pub imitation: f32,
    /// Logged interactions per update.
    pub imitation_batch: usize,
}

impl Default for IalpLogConfig {
    fn default() -> Self {
        IalpLogConfig {
            ialp: IalpConfig {
                reward: RewardConfig {
                    evidence: true,
                    ..RewardConfig::default()
                },
                ..IalpConfig::default()
            },
            imitation: 0.1,
            imitation_batch: 128,
        }
    }
}

/// Trains actor and critic against `reward`, a model with the log's evidence in it, and the actor on the log.
///
/// # Errors
/// As [`ialp::train`].
pub fn train(config: &IalpLogConfig, run: Run, reward: &RewardModel) -> Result<Trained> {
    let dataset = run.setting.dataset;
    let likes = dataset
        .popularity
        .iter()
        .map(|&likes| f64::from(likes))
        .sum::<f64>() as f32
        / dataset.items.len() as f32;
    let weight = config.imitation * likes / (likes + 1.0);
    if weight == 0.0 {
        return ialp::train(&config.ialp, run, reward);
    }
    let logged = LoggedConfig {
        batch: config.imitation_batch,
        gamma: config.ialp.gamma,
        validation: 0.0,
        ..LoggedConfig::default()
    };
    let heads = Heads::new(run.setting, &logged);
    ialp::train_with(&config.ialp, run, reward, Some((&heads, weight)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::smoke::World;
    use crate::data::TraitSource;

    /// Without traits the reward model knows popularity alone, and so would iALP: what the log says of the kinds comes by
    /// imitation.
    #[test]
    fn the_log_tells_kinds_apart_where_the_language_model_says_nothing() {
        let world = World::new(TraitSource::None);
        let (reward, _) =
            RewardModel::fit(&world.dataset, &world.traits, &RewardConfig::default(), 0).unwrap();
        let config = IalpLogConfig {
            ialp: IalpConfig {
                steps: 120,
                batch: 16,
                horizon: 5,
                ..IalpConfig::default()
            },
            imitation: 1.0,
            imitation_batch: 64,
        };
        let with = train(&config, world.run(120, 0, None), &reward).unwrap();
        let without = ialp::train(&config.ialp, world.run(120, 0, None), &reward).unwrap();
        let (with, without) = (world.own_kind(&with), world.own_kind(&without));
        assert!(with >= 55 && without <= 45, "{with} and {without} of 60");
    }
}
