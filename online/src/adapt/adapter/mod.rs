//! The adapter: the frozen prior, and beside it a small part that learns from every single answer
//! ([`crate::policy::sparse`]), with the prior's share decided state by state.
//!
//! An update costs a few microseconds whatever the size of the catalogue, so that it is made at once and for each answer
//! alone. Actions that were the prior's more than the learner's count as in [`crate::policy::a2c`]: fully where they did
//! better than expected, else only as far as the learner would have taken them.

mod carry;
mod features;
mod settings;
mod state;
#[cfg(test)]
mod tests;

pub use settings::AdapterSettings;

use common::policy_artifact::{NetworkConfig, PolicyItems, Weights};
use common::rng::stream;
use common::{Error, Result};

use super::acting::{ROWS, deal};
use super::drift::Drift;
use super::mixing::{Evidence, Mixer};
use super::newcomer::Newcomer;
use super::{Carried, Experience, Explanation, Hyper, Moment, Room, Step, Strategy, Trajectory, returns};
use crate::explore::{Slate, mixed_slate, slate};
use crate::index::Scan;
use crate::policy::Network;
use crate::policy::sparse::{Gradient, Optimiser, Sample, Scores, Sparse};
use features::Features;

/// The largest return that an update takes.
const MOST: f32 = 1e9;

/// A frozen policy and what is learnt beside it.
pub struct Adapter {
    network: Network,
    features: Features,
    newcomer: Newcomer,
    hyper: Hyper,
    seed: u64,
    sparse: Sparse,
    /// What acts: the embeddings and biases with what was learnt.
    scores: Scores,
    /// The prior's, where they are not the network's exact ones.
    prior: Option<Scores>,
    optimiser: Optimiser,
    mixer: Mixer,
    drift: Drift,
    updates: u64,
    gradient: Gradient,
    /// What the experience's contexts are, and their values.
    known: Vec<f32>,
    values: Vec<f32>,
}

impl Adapter {
    /// Nothing learnt yet beside the prior's `weights`; `seed` decides the draws.
    pub fn new(
        config: NetworkConfig,
        weights: Weights,
        items: &PolicyItems,
        hyper: Hyper,
        seed: u64,
    ) -> Self {
        let sparse = Sparse::new(&config);
        let network = Network::new(config, weights);
        let config = network.config();
        Adapter {
            features: Features::new(config),
            newcomer: Newcomer::new(&items.popularity, hyper.adapter.newcomer),
            optimiser: Optimiser::default(),
            mixer: Mixer::new(hyper.mixing, config.hidden),
            scores: Scores::new(&network, hyper.scan),
            prior: (hyper.scan != Scan::Exact).then(|| Scores::new(&network, hyper.scan)),
            drift: Drift::default(),
            updates: 0,
            gradient: Gradient::default(),
            known: Vec::new(),
            values: Vec::new(),
            network,
            hyper,
            seed,
            sparse,
        }
    }

    /// Writes the logits of the prior, `[moments, items]`, and behind them those of the adapted policy, likewise; `known`
    /// are the moments' features. The prior's are left out where the policy acts without it.
    fn logits(&self, moments: &[Moment<'_>], known: &[f32], prior_too: bool, logits: &mut Vec<f32>) {
        let config = self.network.config();
        let (dims, items) = (config.dims, config.items);
        let mut queries = vec![0.0; 2 * moments.len() * dims];
        let (plain, bent) = queries.split_at_mut(moments.len() * dims);
        let pairs = plain.chunks_exact_mut(dims).zip(bent.chunks_exact_mut(dims));
        for (known, (plain, bent)) in self.features.rows(known).zip(pairs) {
            plain.copy_from_slice(known.query);
            self.sparse.bend(known.query, bent);
        }
        logits.resize(2 * moments.len() * items, 0.0);
        let (prior, adapted) = logits.split_at_mut(moments.len() * items);
        let scale = self.network.scale();
        match &self.prior {
            _ if !prior_too => {}
            Some(coarse) => coarse.logits(plain, dims, scale, prior),
            None => self.network.logits(plain, prior),
        }
        self.scores.logits(bent, dims, scale, adapted);
        let flat = if self.drift.is_open() {
            self.hyper.adapter.flatten
        } else {
            1.0
        };
        if flat != 1.0 {
            adapted.iter_mut().for_each(|logit| *logit *= flat);
        }
        let pairs = prior.chunks_exact_mut(items).zip(adapted.chunks_exact_mut(items));
        for ((prior, adapted), moment) in pairs.zip(moments) {
            let context = moment.situation.context();
            if prior_too {
                self.newcomer.lift(context, prior);
            }
            self.newcomer.lift(context, adapted);
        }
    }

    /// Learns from one step, whose return is `target`, at a context of which `known` holds.
    fn update(&mut self, step: &Step, known: usize, target: f32) {
        let known = self.features.row(&self.known, known);
        let value = self.features.value(&self.sparse, &known);
        let advantage = target - value;
        let learning = &self.hyper.learning;
        let weight = match advantage < 0.0 {
            true => (step.shown.adapted / step.shown.propensity).min(1.0),
            false => 1.0,
        };
        let sample = Sample {
            state: known.state,
            query: known.query,
            action: step.shown.item,
            negatives: &step.negatives,
            push: if self.mixer.warming() {
                0.0
            } else {
                weight * advantage
            },
            at_value: -learning.critic * advantage,
        };
        self.gradient.compute(&self.network, &mut self.sparse, &sample);
        let boost = if self.drift.is_open() {
            self.hyper.adapter.boost
        } else {
            1.0
        };
        let rate = learning.learning_rate * boost;
        self.optimiser
            .step(&mut self.sparse, &self.gradient, &sample, rate);
        for &(place, _) in &self.gradient.at_logits {
            self.scores.set(&self.network, &self.sparse.rows, place);
        }
        self.mixer.observe(&Evidence {
            state: known.state,
            shown: step.shown,
            reward: step.reward,
            advantage,
        });
        if self.drift.observe(&self.hyper.drift, f64::from(advantage)) {
            self.optimiser = Optimiser::default();
            self.mixer.forget();
        }
        self.updates += 1;
    }

    /// The value of each context of the experience, by what was learnt so far.
    fn evaluate(&mut self, experience: &Experience) {
        let situations = experience.contexts.iter().map(|s| &**s);
        self.features.of(&self.network, situations, &mut self.known);
        let known = self.features.rows(&self.known);
        self.values.clear();
        self.values
            .extend(known.map(|known| self.features.value(&self.sparse, &known)));
    }

    fn targets(&self, trajectory: &Trajectory) -> Result<Vec<f32>> {
        let after = trajectory.next.map_or(0.0, |context| self.values[context]);
        let targets = returns::n_step(&trajectory.steps, after, self.hyper.learning.gamma);
        match targets
            .iter()
            .find(|target| target.is_nan() || target.abs() > MOST)
        {
            Some(target) => Err(
                Error::data(format!("a return of {target} is more than an update can take"))
                    .hint("scale rewards to the order of 1"),
            ),
            None => Ok(targets),
        }
    }
}

impl Strategy for Adapter {
    fn choose(&self, moments: &[Moment<'_>], room: &mut Room) -> Vec<Slate> {
        let items = self.network.config().items;
        let mut slates = Vec::with_capacity(moments.len());
        let Room {
            states,
            logits,
            deck,
            other,
            ..
        } = room;
        let alone = self.mixer.without_prior();
        let negatives = if self.mixer.warming() {
            0
        } else {
            self.hyper.adapter.negatives
        };
        for chunk in moments.chunks(ROWS) {
            let situations = chunk.iter().map(|moment| moment.situation);
            self.features.of(&self.network, situations, states);
            self.logits(chunk, states, !alone, logits);
            let (prior, adapted) = logits.split_at_mut(chunk.len() * items);
            let pairs = prior.chunks_exact_mut(items).zip(adapted.chunks_exact_mut(items));
            for (((prior, adapted), known), moment) in pairs.zip(self.features.rows(states)).zip(chunk) {
                let mut rng = stream(self.seed, "action", &moment.key);
                deal(other, adapted, moment);
                slates.push(if alone {
                    slate(other, moment.k, negatives, 0.0, &mut rng)
                } else {
                    deal(deck, prior, moment);
                    let weight = self.mixer.weight(known.state);
                    mixed_slate(deck, other, weight, moment.k, negatives, &mut rng)
                });
            }
        }
        slates
    }

    fn rollout(&self) -> Option<usize> {
        Some(self.hyper.learning.rollout)
    }

    fn learn(&mut self, experience: &Experience) -> Result<()> {
        self.evaluate(experience);
        // All returns before the first update: what is refused changes nothing.
        let trajectories = experience.trajectories.iter();
        let targets: Vec<Vec<f32>> = trajectories.map(|t| self.targets(t)).collect::<Result<_>>()?;
        for (trajectory, targets) in experience.trajectories.iter().zip(targets) {
            for (step, target) in trajectory.steps.iter().zip(targets) {
                self.update(step, step.context, target);
            }
        }
        Ok(())
    }

    fn version(&self) -> u64 {
        self.updates
    }

    fn save(&self) -> Vec<u8> {
        self.pack()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        self.unpack(bytes)
    }

    fn explain(&self, moment: &Moment<'_>, room: &mut Room) -> Explanation {
        let Room {
            states,
            logits,
            deck,
            other,
            ..
        } = room;
        self.features.of(&self.network, [moment.situation], states);
        self.logits(&[*moment], states, true, logits);
        let (prior, adapted) = logits.split_at_mut(self.network.config().items);
        deal(deck, prior, moment);
        deal(other, adapted, moment);
        let known = self.features.row(states, 0);
        let weight = if self.mixer.without_prior() {
            0.0
        } else {
            self.mixer.weight(known.state)
        };
        let (prior, adapted) = (deck.chances().to_vec(), other.chances().to_vec());
        let mut reasons = self.mixer.reasons(known.state);
        reasons.extend(self.drift.reasons(&self.hyper.drift));
        Explanation {
            value: Some(known.value),
            adapted_value: Some(self.features.value(&self.sparse, &known)),
            reasons,
            ..Explanation::mixed(prior, adapted, weight)
        }
    }

    fn carry_over(&mut self, from: &[u8], map: &[Option<u32>], kin: bool) -> Result<Carried> {
        self.carry(from, map, kin)
    }
}
