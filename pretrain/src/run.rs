//! One training run: the weights, their optimiser, where it is, and how it goes. An algorithm's loop draws a batch, says
//! what the loss of a part of it is, and leaves to this the gradient, the step, the curve and the checkpoint.

use candle_core::Tensor;
use common::Result;
use common::policy_artifact::{NetworkConfig, Weights};
use rayon::prelude::*;

use crate::algorithms::{Curve, Trained};
use crate::checkpoint::{Checkpoint, State};
use crate::data::replay::Cursor;
use crate::data::{Dataset, Traits};
use crate::network::parameters::Parameters;
use crate::network::proposal::Proposal;
use crate::network::slab::Slab;
use crate::network::{Network, failed};
use crate::optimizer::{Adam, decay};

/// What an algorithm trains on.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// Shapes of the network.
    pub network: &'a NetworkConfig,
    /// The log.
    pub dataset: &'a Dataset,
    /// Traits of users and items.
    pub traits: &'a Traits,
    /// Items that an update scores besides those it chose; none: the whole catalogue.
    pub negatives: Option<usize>,
    /// Of every random choice.
    pub seed: u64,
}

/// What a part of a batch adds to a loss, and to the means that are reported.
pub(crate) type Loss = (Tensor, Vec<(&'static str, f64)>);

/// A run under way.
pub struct Run<'a> {
    /// What it trains on.
    pub setting: Setting<'a>,
    /// The tensors.
    pub parameters: Parameters,
    adam: Adam,
    /// Updates done, of `steps`.
    step: u64,
    steps: u64,
    /// Where the next batch begins.
    pub(crate) cursor: Cursor,
    /// The same of a second source of batches, where there is one.
    pub(crate) logged_cursor: Cursor,
    best: Option<(f64, Parameters)>,
    /// Sums since the last report.
    sums: Vec<(&'static str, f64)>,
    since_report: u64,
    curve: Curve<'a>,
    checkpoint: Option<Checkpoint>,
    proposal: Option<Proposal>,
}

impl<'a> Run<'a> {
    /// A run of `steps` updates from `weights` with `q_heads` fresh Q heads; from its checkpoint, where there is one.
    ///
    /// # Errors
    /// A checkpoint of another run, or one that is damaged.
    pub(crate) fn new(
        setting: Setting<'a>,
        steps: u64,
        weights: Weights,
        q_heads: usize,
        curve: Curve<'a>,
        checkpoint: Option<(Checkpoint, bool)>,
    ) -> Result<Self> {
        let parameters = Parameters::new(setting.network, weights, q_heads, setting.seed);
        let mut run = Run {
            adam: Adam::new(&parameters),
            parameters,
            step: 0,
            steps,
            cursor: Cursor::default(),
            logged_cursor: Cursor::default(),
            best: None,
            sums: Vec::new(),
            since_report: 0,
            curve,
            checkpoint: None,
            proposal: setting
                .negatives
                .map(|_| Proposal::new(&setting.dataset.popularity)),
            setting,
        };
        if let Some((checkpoint, overwrite)) = checkpoint {
            if let Some((state, best)) = checkpoint.load(&mut run.parameters, &mut run.adam, overwrite)? {
                run.step = state.step;
                (run.cursor, run.logged_cursor) = (state.cursor, state.logged_cursor);
                run.best = state.best.map(f64::from_bits).zip(best);
                run.curve.resume(state.points, state.step);
            }
            run.checkpoint = Some(checkpoint);
        }
        Ok(run)
    }

    /// The number of the next update, from 1; none when all are done.
    pub(crate) fn next_step(&self) -> Option<u64> {
        (self.step < self.steps).then_some(self.step + 1)
    }

    /// Whether no update is done yet.
    pub(crate) fn is_new(&self) -> bool {
        self.step == 0
    }

    /// The share of the run that is left: 1 at the first update, almost 0 at the last.
    pub(crate) fn left(&self) -> f32 {
        decay(self.step + 1, self.steps)
    }

    /// The items that the next update scores, and those of its `states`: the whole catalogue, or candidates drawn for this step
    /// with the `chosen` among them.
    pub(crate) fn slab(&self, chosen: &[u32], states: impl Iterator<Item = u32>) -> Slab {
        match (&self.proposal, self.setting.negatives) {
            (Some(proposal), Some(negatives)) => {
                let mut rng = common::rng::stream(self.setting.seed, "pretrain/negatives", &[self.step]);
                proposal.slab(negatives, chosen, states, &mut rng)
            }
            _ => Slab::Whole,
        }
    }

    /// One update: the gradients of the `shards`, computed side by side and summed in their order, and one step of Adam. How a
    /// batch is cut into shards must not depend on the number of workers; then nothing does.
    pub(crate) fn update<S: Sync>(
        &mut self,
        slab: &Slab,
        shards: &[S],
        learning_rate: f32,
        loss: impl Fn(&Network, &S) -> candle_core::Result<Loss> + Sync,
    ) -> Result<()> {
        let network = Network::trainable(&self.parameters, slab).map_err(failed)?;
        let of = |shard: &S| {
            let (loss, parts) = loss(&network, shard)?;
            Ok((network.gradient(&loss)?, parts))
        };
        let found: candle_core::Result<Vec<_>> = shards.par_iter().map(of).collect();
        drop(network);
        let mut sum: Vec<Vec<f32>> = Vec::new();
        for (gradient, parts) in found.map_err(failed)? {
            if sum.is_empty() {
                sum = gradient;
            } else {
                sum.iter_mut()
                    .zip(gradient)
                    .for_each(|(sum, part)| add(sum, part));
            }
            for (name, value) in parts {
                match self.sums.iter_mut().find(|(of, _)| *of == name) {
                    Some((_, sum)) => *sum += value,
                    None => self.sums.push((name, value)),
                }
            }
        }
        self.adam.step(&mut self.parameters, slab, &sum, learning_rate)?;
        self.step += 1;
        self.since_report += 1;
        self.curve.advance();
        Ok(())
    }

    /// Whether it is time for a report: every `every` updates, and at the end.
    pub(crate) fn due(&self, every: u64) -> bool {
        self.step.is_multiple_of(every) || self.step == self.steps
    }

    /// Records the means since the last report.
    pub(crate) fn report(&mut self) {
        let updates = self.since_report as f64;
        let means: Vec<(&'static str, f64)> = self
            .sums
            .iter()
            .map(|(name, sum)| (*name, sum / updates))
            .collect();
        self.curve.record("train", self.step, &means);
        self.sums.clear();
        self.since_report = 0;
    }

    /// Records measurements.
    pub(crate) fn record(&mut self, split: &'static str, values: &[(&'static str, f64)]) {
        self.curve.record(split, self.step, values);
    }

    /// Keeps `policy` where it scores higher than all before; a score that is not a number never does, unless it is the first.
    pub(crate) fn keep_best(&mut self, score: f64, policy: Parameters) {
        if self
            .best
            .as_ref()
            .is_none_or(|(most, _)| score > *most || most.is_nan())
        {
            self.best = Some((score, policy));
        }
    }

    /// Writes a checkpoint where it is time for one. Call it after a report: nothing is pending then.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        let Some(checkpoint) = &self.checkpoint else {
            return Ok(());
        };
        // The last one too: a kill between it and the policy's own files costs nothing.
        if !self.step.is_multiple_of(checkpoint.every) && self.step != self.steps {
            return Ok(());
        }
        let state = State {
            step: self.step,
            adam_steps: self.adam.steps,
            cursor: self.cursor,
            logged_cursor: self.logged_cursor,
            best: self.best.as_ref().map(|(score, _)| score.to_bits()),
            points: self.curve.points().to_vec(),
        };
        let best = self.best.as_ref().map(|(_, best)| best);
        checkpoint.save(&state, &self.parameters, &self.adam, best)
    }

    /// The best policy, or the last where none was kept.
    pub(crate) fn finish(self, policy: impl FnOnce(Parameters) -> Parameters) -> Trained {
        let Run {
            best,
            parameters,
            curve,
            ..
        } = self;
        let policy = match best {
            Some((_, best)) => best,
            None => policy(parameters),
        };
        Trained {
            weights: policy.into_policy(),
            curve: curve.into_points(),
        }
    }
}

/// Adds a shard's gradient of one tensor; empty means none.
fn add(sum: &mut Vec<f32>, part: Vec<f32>) {
    if sum.is_empty() {
        *sum = part;
    } else {
        sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
}

#[cfg(test)]
mod tests {
    use common::manifest::Manifest;

    use super::*;
    use crate::algorithms::smoke::World;
    use crate::data::TraitSource;

    fn run_in<'a>(world: &'a World, folder: &std::path::Path) -> Run<'a> {
        let setting = Setting {
            network: &world.network,
            dataset: &world.dataset,
            traits: &world.traits,
            negatives: None,
            seed: 0,
        };
        let checkpoint = Checkpoint::new(folder, Manifest::new("policy", "test"), 2);
        Run::new(
            setting,
            9,
            world.weights(),
            1,
            Curve::silent(),
            Some((checkpoint, false)),
        )
        .unwrap()
    }

    /// An update whose loss is `scale` times the sum of the logits of an empty state.
    fn update(run: &mut Run, scale: f64) -> Result<()> {
        let traits = vec![0.0; run.setting.network.traits];
        run.update(&Slab::Whole, &[(), ()], 0.01, |network, ()| {
            let state = crate::network::State {
                history: &[],
                memory: &[],
                traits: &traits,
            };
            let loss = (network.logits(&network.encode(&[state])?)?.sum_all()? * scale)?;
            Ok((loss, vec![("one", 0.5)]))
        })?;
        run.report();
        run.checkpoint()
    }

    #[test]
    fn a_run_goes_on_from_its_checkpoint_as_if_it_had_not_stopped() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let world = World::new(TraitSource::None);
        let mut whole = run_in(&world, one.path());
        (0..5).for_each(|_| update(&mut whole, 1.0).unwrap());
        let mut stopped = run_in(&world, two.path());
        (0..3).for_each(|_| update(&mut stopped, 1.0).unwrap());
        stopped.keep_best(0.5, stopped.parameters.clone());
        drop(stopped);
        // Three were done and the second is on disk: from there on.
        let mut again = run_in(&world, two.path());
        assert_eq!((again.next_step(), again.best.is_none()), (Some(3), true));
        (0..3).for_each(|_| update(&mut again, 1.0).unwrap());
        assert_eq!(again.parameters, whole.parameters);
        assert_eq!(
            (&again.adam.first, &again.adam.second),
            (&whole.adam.first, &whole.adam.second)
        );
        assert_eq!(again.curve.points(), whole.curve.points());
        assert_eq!(again.curve.points()[0].value, 1.0, "shards add up to the whole");
    }

    #[test]
    fn an_update_to_nan_stops_the_run_and_the_last_good_checkpoint_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::new(TraitSource::None);
        let mut run = run_in(&world, folder.path());
        (0..2).for_each(|_| update(&mut run, 1.0).unwrap());
        let good = run.parameters.clone();
        let error = update(&mut run, f64::NAN).unwrap_err().to_string();
        assert!(
            error.contains("diverged") && error.contains("checkpoint"),
            "{error}"
        );
        let again = run_in(&world, folder.path());
        assert_eq!((again.next_step(), &again.parameters), (Some(3), &good));
    }

    #[test]
    fn a_checkpoint_of_another_run_or_a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::new(TraitSource::None);
        let mut run = run_in(&world, folder.path());
        (0..2).for_each(|_| update(&mut run, 1.0).unwrap());
        let mut adam = Adam::new(&run.parameters);
        let other = Checkpoint::new(folder.path(), Manifest::new("policy", "test").seed(3), 2);
        let mut load = |checkpoint: &Checkpoint, overwrite| {
            let mut parameters = run.parameters.clone();
            checkpoint.load(&mut parameters, &mut adam, overwrite)
        };
        let error = load(&other, false).err().unwrap().to_string();
        assert!(error.contains("another run"), "{error}");
        assert!(load(&other, true).unwrap().is_none(), "it may be overwritten");
        let file = folder.path().join("checkpoint.safetensors");
        let bytes = std::fs::read(&file).unwrap();
        common::atomic_file::write_bytes(&file, &bytes[..bytes.len() / 2]).unwrap();
        let own = Checkpoint::new(folder.path(), Manifest::new("policy", "test"), 2);
        let error = load(&own, false).err().unwrap();
        assert!(error.class() == common::error::Class::Data && error.to_string().contains("--overwrite"));
    }
}
