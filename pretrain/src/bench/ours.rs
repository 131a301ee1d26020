//! This tool's own training, timed.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use common::bench::Row;
use common::policy_artifact::{Encoder, NetworkConfig};
use common::{Error, Result};
use rayon::prelude::*;

use super::task::{Kind, Task};
use crate::algorithms::Curve;
use crate::algorithms::bc::BcConfig;
use crate::algorithms::ialp::IalpConfig;
use crate::algorithms::logged::LoggedConfig;
use crate::data::{Dataset, InputPaths, Reading, ReplayFile, TraitSource, Traits};
use crate::network::initial::initial_weights;
use crate::reward::{RewardConfig, RewardModel};
use crate::run::{Run, Setting};
use crate::train::Method;

/// D and H of every network here.
const WIDTH: usize = 64;

/// What trainings read, once for all copies.
pub(super) struct Inputs {
    dataset: Dataset,
    traits: Traits,
    /// Where the task plays episodes.
    reward: Option<RewardModel>,
}

impl Inputs {
    /// Reads the log of `task`; without traits, so that the reward model knows popularity alone.
    pub(super) fn read(task: &Task) -> Result<Self> {
        let paths = InputPaths {
            log: task.log.clone(),
            items: None,
            states: None,
            profiles: None,
            preferences: None,
            events: Vec::new(),
            like_threshold: task.like_threshold,
        };
        let replay = task.scratch.join("replay.parquet");
        let replay = ReplayFile {
            path: &replay,
            tool: "pretrain bench",
            overwrite: true,
        };
        let dataset = Dataset::read(&paths, &paths.check()?, Reading::default(), replay)?;
        let traits = Traits::of(&dataset, TraitSource::None, task.seed);
        let reward = match task.kind {
            Kind::A2c => Some(RewardModel::fit(&dataset, &traits, &RewardConfig::default(), task.seed)?.0),
            Kind::Bc => None,
        };
        Ok(Inputs {
            dataset,
            traits,
            reward,
        })
    }

    fn network(&self) -> NetworkConfig {
        NetworkConfig {
            items: self.dataset.items.len(),
            dims: WIDTH,
            hidden: WIDTH,
            traits: 0,
            window: self.dataset.window,
            encoder: Encoder::Gru,
        }
    }
}

/// What `task` trains on, as JSON, for a program that is measured beside this one: the sizes of network and batch, each
/// user's items and feedback, each item's probability of a like (empty where nothing is played) and number of likes.
///
/// # Errors
/// As reading the log.
pub(super) fn described(task: &Task) -> Result<serde_json::Value> {
    let inputs = Inputs::read(task)?;
    let network = inputs.network();
    let users: Vec<(Vec<u32>, Vec<f32>)> = inputs
        .dataset
        .logs()?
        .iter()
        .filter(|log| !log.is_empty())
        .map(|log| log.iter().copied().unzip())
        .collect();
    // Without traits it is the same in every state.
    let reward: Vec<f32> = inputs
        .reward
        .iter()
        .flat_map(|reward| {
            let context = reward.context(&[], &[]);
            (0..network.items as u32).map(move |item| reward.probability(&context, item))
        })
        .collect();
    Ok(serde_json::json!({
        "kind": task.kind,
        "items": network.items,
        "dims": network.dims,
        "hidden": network.hidden,
        "window": network.window,
        "batch": task.batch(),
        "horizon": IalpConfig::default().horizon,
        "negatives": task.negatives,
        "users": users,
        "reward": reward,
        "likes": inputs.dataset.popularity,
        "seed": task.seed,
    }))
}

/// Measures `task` in this process.
///
/// # Errors
/// As reading the log and training.
pub(super) fn measure(task: &Task) -> Result<Row> {
    let inputs = Inputs::read(task)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(task.workers)
        .build()
        .map_err(|e| Error::retry(format!("cannot start {} threads: {e}", task.workers)))?;
    let steps = match task.whole {
        true => task.updates,
        false => task.updates * (task.runs as u64 + 1),
    };
    let copies = || -> Result<Vec<Vec<Instant>>> {
        let copies = (0..task.copies).into_par_iter();
        pool.install(|| {
            copies
                .map(|copy| train(task, &inputs, steps, task.seed + copy))
                .collect()
        })
    };
    let transitions = task.updates * task.transitions();
    let row = if task.whole {
        Row::measure(&task.what, task.runs, || {
            let begun = Instant::now();
            copies()?;
            Ok((transitions * task.copies, begun.elapsed()))
        })?
    } else {
        let ticks = copies()?;
        // Side by side each copy has its own time: their rates are added.
        let rate = |run| {
            let rates = ticks
                .iter()
                .map(|ticks| transitions as f64 / stretch(ticks, run, task.updates));
            rates.sum()
        };
        Row::new(&task.what, (1..=task.runs).map(rate).collect())
    };
    Ok(row.with_peak_memory())
}

/// The seconds from the end of stretch `run - 1` of `updates` updates to the end of stretch `run`, counted from 0.
fn stretch(ticks: &[Instant], run: usize, updates: u64) -> f64 {
    let end = |run: usize| ticks[(run + 1) * updates as usize - 1];
    (end(run) - end(run - 1)).as_secs_f64()
}

/// Trains one policy; when each of its updates was done.
fn train(task: &Task, inputs: &Inputs, steps: u64, seed: u64) -> Result<Vec<Instant>> {
    let network = inputs.network();
    let setting = Setting {
        network: &network,
        dataset: &inputs.dataset,
        traits: &inputs.traits,
        negatives: task.negatives,
        seed,
    };
    let ticks = Mutex::new(Vec::with_capacity(steps as usize));
    let tick = || {
        ticks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Instant::now())
    };
    let weights = initial_weights(&network, &inputs.traits.items, seed);
    let run = Run::new(setting, steps, weights, 0, Curve::watched(&tick), None)?;
    task.method(steps).train(run, inputs.reward.as_ref())?;
    Ok(ticks.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Task {
    /// The method with its defaults, without evaluations on the way.
    fn method(&self, steps: u64) -> Method {
        match self.kind {
            Kind::A2c => Method::Ialp(IalpConfig {
                steps,
                report_every: steps,
                ..IalpConfig::default()
            }),
            Kind::Bc => Method::Bc(BcConfig {
                logged: LoggedConfig {
                    steps,
                    validation: 0.0,
                    evaluate_every: steps,
                    ..LoggedConfig::default()
                },
            }),
        }
    }

    /// Episodes, or logged interactions, of an update.
    fn batch(&self) -> usize {
        match self.kind {
            Kind::A2c => IalpConfig::default().batch,
            Kind::Bc => LoggedConfig::default().batch,
        }
    }

    /// Transitions of an update.
    fn transitions(&self) -> u64 {
        match self.kind {
            Kind::A2c => (self.batch() * IalpConfig::default().horizon) as u64,
            Kind::Bc => self.batch() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_stretch_begins_where_the_last_one_ended() {
        let begin = Instant::now();
        let ticks: Vec<Instant> = [9, 10, 14, 20, 21, 30]
            .map(|s| begin + Duration::from_secs(s))
            .to_vec();
        assert_eq!([1, 2].map(|run| stretch(&ticks, run, 2)), [10.0, 10.0]);
        assert_eq!(stretch(&ticks, 1, 3), 16.0);
    }
}
