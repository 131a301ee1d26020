//! A policy that acts and learns by A2C: one gradient per rollout, its norm bounded, one step of Adam.

use common::policy::a2c::Workspace;
use common::policy::adam::clip_norm;
use common::policy::{Adam, Coefficients, Network, State, Transition, a2c};
use common::policy_artifact::{NetworkConfig, Weights};
use common::{Error, Result};
use serde::{Deserialize, Serialize};

use super::frozen::Who;
use super::{
    Buffers, Carried, ChoiceRequest, Experience, Explanation, Name, Strategy, acting, returns, saved,
};
use crate::explore::Slate;

/// How to learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Learning {
    /// Adam's step size.
    pub learning_rate: f32,
    /// Weight of the entropy bonus.
    pub entropy: f32,
    /// Weight of the critic's squared error.
    pub critic: f32,
    /// Discount per step.
    pub gamma: f32,
    /// Answers per update.
    pub rollout: usize,
    /// Bound of the gradient's norm.
    pub max_norm: f32,
    /// Adam's epsilon.
    pub epsilon: f32,
}

impl Learning {
    /// What measured well for a policy that starts from the prior: it keeps a good prior and improves on it.
    pub const DEFAULT: Learning = Learning {
        learning_rate: 1e-3,
        entropy: 1e-3,
        critic: 0.5,
        gamma: 0.9,
        rollout: 32,
        max_norm: 0.5,
        epsilon: 1e-5,
    };

    /// The defaults of a strategy: fresh weights have nothing to lose and take larger steps.
    pub fn for_strategy(name: Name) -> Learning {
        match name {
            Name::Scratch | Name::Ap => Learning {
                learning_rate: 5e-3,
                ..Learning::DEFAULT
            },
            _ => Learning::DEFAULT,
        }
    }
}

/// A policy under A2C.
#[derive(Debug)]
pub struct Learner {
    network: Network,
    adam: Adam,
    workspace: Workspace,
    learning: Learning,
    seed: u64,
    off_policy: bool,
    /// Whether it started from the prior's weights, whose embeddings a successor must share.
    of_prior: bool,
    updates: u64,
}

/// What [`Learner`] saves.
#[derive(Serialize, Deserialize)]
struct Saved {
    updates: u64,
    steps: i32,
    weights: Vec<Vec<f32>>,
    first: Vec<Vec<f32>>,
    second: Vec<Vec<f32>>,
}

impl Learner {
    /// Starts from the prior's `weights`; `seed` decides the draws.
    pub fn new(config: NetworkConfig, weights: Weights, learning: Learning, seed: u64) -> Self {
        Learner {
            adam: Adam::new(&config, learning.learning_rate, learning.epsilon),
            workspace: Workspace::new(&config),
            network: Network::new(config, weights),
            learning,
            seed,
            off_policy: false,
            of_prior: true,
            updates: 0,
        }
    }

    /// Says that the weights are fresh ones and owe nothing to a prior.
    pub(super) fn fresh(mut self) -> Self {
        self.of_prior = false;
        self
    }

    /// Learns from steps that another policy has taken.
    pub(super) fn off_policy(mut self) -> Self {
        self.off_policy = true;
        self
    }

    /// The network as it stands.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The transitions of `experience` with their returns; `values` of its contexts.
    fn transitions(&self, experience: &Experience, values: &[f32]) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for trajectory in &experience.trajectories {
            let after = trajectory.next.map_or(0.0, |context| values[context]);
            let targets = returns::n_step(&trajectory.steps, after, self.learning.gamma);
            transitions.extend(
                trajectory
                    .steps
                    .iter()
                    .zip(targets)
                    .map(|(step, target)| Transition {
                        context: step.context,
                        consumed: step.consumed.clone(),
                        action: step.shown.item,
                        propensity: step.shown.propensity,
                        target,
                    }),
            );
        }
        transitions
    }

    /// One update; the advantage of each step, by the values before it.
    pub(super) fn update(&mut self, experience: &Experience) -> Result<Vec<f32>> {
        let states: Vec<State> = experience
            .contexts
            .iter()
            .map(|user_context| user_context.context().state())
            .collect();
        let forward = self.network.forward(&states);
        let transitions = self.transitions(experience, &forward.values);
        let advantage = |t: &Transition| t.target - forward.values[t.context];
        let advantages = transitions.iter().map(advantage).collect();
        let coefficients = Coefficients {
            critic: self.learning.critic,
            entropy: self.learning.entropy,
            off_policy: self.off_policy,
        };
        a2c::gradients(
            &self.network,
            &forward,
            &transitions,
            &coefficients,
            &mut self.workspace,
        );
        let gradient = &mut self.workspace.gradient;
        let norm = clip_norm(gradient, self.learning.max_norm);
        if !norm.is_finite() {
            return Err(Error::data(format!(
                "update {} would make the weights not finite",
                self.updates + 1
            ))
            .hint("rewards near the largest numbers overflow: scale them to the order of 1"));
        }
        let adam = &mut self.adam;
        self.network.update(|weights| adam.step(weights, gradient));
        self.updates += 1;
        Ok(advantages)
    }

    pub(super) fn take_over(
        &mut self,
        from: &[u8],
        map: &[Option<u32>],
        same_space: bool,
    ) -> Result<Carried> {
        let old: Saved = saved::unpack(from)?;
        let mut carried = Carried::default();
        let config = self.network.config();
        let dims = config.dims;
        let same = |tensors: &[Vec<f32>]| {
            let rest = config.shapes().into_iter().skip(2);
            tensors.len() == config.shapes().len()
                && tensors[0].len() == map.len() * dims
                && tensors[1].len() == map.len()
                && rest
                    .zip(&tensors[2..])
                    .all(|((_, shape), tensor)| tensor.len() == shape.iter().product::<usize>())
        };
        let fits = [&old.weights, &old.first, &old.second]
            .iter()
            .all(|tensors| same(tensors));
        if !fits || (self.of_prior && !same_space) {
            carried.dropped.push("network");
            return Ok(carried);
        }
        if old.weights.iter().flatten().any(|weight| !weight.is_finite()) {
            return Err(saved::damaged("a weight is not finite"));
        }
        let mut weights = self.network.weights().clone();
        let mut first = Weights::zeros(config);
        let mut second = Weights::zeros(config);
        for (new, old) in [
            (&mut weights, old.weights),
            (&mut first, old.first),
            (&mut second, old.second),
        ] {
            carry_tensors(new, old, map, dims);
        }
        self.adam.resume(old.steps, first, second);
        self.network.update(|now| *now = weights);
        self.updates = old.updates;
        carried.items = map.iter().flatten().count();
        carried.kept.push("network");
        Ok(carried)
    }
}

/// Takes over the rows of items by `map` and all other tensors as they are.
fn carry_tensors(new: &mut Weights, old: Vec<Vec<f32>>, map: &[Option<u32>], dims: usize) {
    for (at, (new, old)) in new.tensors_mut().into_iter().zip(old).enumerate() {
        let width = match at {
            0 => dims,
            1 => 1,
            _ => {
                *new = old;
                continue;
            }
        };
        for (row, code) in old.chunks_exact(width).zip(map) {
            if let Some(code) = code {
                new[*code as usize * width..][..width].copy_from_slice(row);
            }
        }
    }
}

impl Strategy for Learner {
    fn choose(&self, choices: &[ChoiceRequest<'_>], buffers: &mut Buffers) -> Vec<Slate> {
        let who = Who {
            network: &self.network,
            revision: self.updates,
            prior: 0.0,
            seed: self.seed,
        };
        who.act(choices, buffers)
    }

    fn rollout(&self) -> Option<usize> {
        Some(self.learning.rollout)
    }

    fn wants_consumed(&self) -> bool {
        true
    }

    fn learn(&mut self, experience: &Experience) -> Result<()> {
        self.update(experience).map(|_| ())
    }

    fn remember(&self, memory: &mut [f32], item: u32, liked: bool) {
        self.network.remember(memory, item, liked);
    }

    fn version(&self) -> u64 {
        self.updates
    }

    fn save(&self) -> Vec<u8> {
        let (steps, first, second) = self.adam.moments();
        saved::pack(&Saved {
            updates: self.updates,
            steps,
            weights: saved::tensors(self.network.weights()),
            first: saved::tensors(first),
            second: saved::tensors(second),
        })
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let saved: Saved = saved::unpack(bytes)?;
        let config = self.network.config();
        let weights = saved::weights(config, saved.weights)?;
        let first = saved::weights(config, saved.first)?;
        let second = saved::weights(config, saved.second)?;
        self.adam.resume(saved.steps, first, second);
        self.network.update(|now| *now = weights);
        self.updates = saved.updates;
        Ok(())
    }

    fn explain(&self, choice: &ChoiceRequest<'_>, buffers: &mut Buffers) -> Explanation {
        let alone = acting::explain(&self.network, Some(self.updates), choice, buffers);
        Explanation {
            acting: alone.probabilities.clone(),
            adapted: alone.probabilities,
            adapted_value: Some(alone.value),
            ..Explanation::default()
        }
    }

    fn carry_over(&mut self, from: &[u8], map: &[Option<u32>], same_space: bool) -> Result<Carried> {
        self.take_over(from, map, same_space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use std::sync::Arc;

    use crate::adapt::{EncodedContext, Step, Trajectory, from_scratch};
    use crate::explore::Shown;

    fn config() -> NetworkConfig {
        NetworkConfig {
            items: 20,
            dims: 4,
            hidden: 5,
            traits: 0,
            window: 10,
            encoder: common::policy_artifact::Encoder::Gru,
        }
    }

    fn experience(reward: f32) -> Experience {
        let shown = Shown {
            item: 4,
            propensity: 0.05,
            prior: 0.05,
            adapted: 0.05,
            weight: 0.0,
        };
        let step = Step {
            context: 0,
            consumed: vec![],
            shown,
            negatives: vec![],
            reward,
        };
        Experience {
            contexts: vec![Arc::new(EncodedContext::new(Context {
                traits: vec![],
                history: vec![],
                memory: Vec::new(),
            }))],
            trajectories: vec![Trajectory {
                steps: vec![step.clone(), step],
                next: Some(0),
            }],
        }
    }

    #[test]
    fn what_is_rewarded_becomes_likelier() {
        let learning = Learning {
            learning_rate: 1e-2,
            ..Learning::DEFAULT
        };
        let mut learner = from_scratch(config(), learning, 1);
        let user_context = experience(0.0).contexts.remove(0);
        let probability = |learner: &Learner| {
            let choice = ChoiceRequest {
                user_context: &user_context,
                consumed: &[],
                consumed_set: None,
                candidates: None,
                k: 1,
                key: [0; 3],
                greedy: false,
            };
            learner.explain(&choice, &mut Buffers::new()).acting[4]
        };
        let before = probability(&learner);
        for _ in 0..20 {
            learner.learn(&experience(1.0)).unwrap();
        }
        assert!(probability(&learner) > 1.5 * before);
        assert_eq!(learner.version(), 20);
    }

    #[test]
    fn an_update_that_would_not_be_finite_is_refused_and_changes_nothing() {
        let mut learner = from_scratch(config(), Learning::DEFAULT, 1);
        let before = learner.network().weights().clone();
        assert!(learner.learn(&experience(f32::MAX)).is_err());
        assert_eq!(learner.network().weights(), &before);
    }

    #[test]
    fn what_was_learnt_comes_back_and_goes_on_as_it_would_have() {
        let mut learner = from_scratch(config(), Learning::DEFAULT, 1);
        learner.learn(&experience(1.0)).unwrap();
        let saved = learner.save();
        let mut other = from_scratch(config(), Learning::DEFAULT, 2);
        other.restore(&saved).unwrap();
        assert_eq!(other.save(), saved);
        for learner in [&mut learner, &mut other] {
            learner.learn(&experience(0.5)).unwrap();
        }
        assert_eq!(learner.save(), other.save());
        let before = other.save();
        assert!(other.restore(&saved[..saved.len() - 1]).is_err());
        assert!(other.restore(&[&saved[..], &[0]].concat()).is_err());
        assert_eq!(other.save(), before);
    }

    #[test]
    fn items_carry_over_by_their_ids() {
        let mut old = from_scratch(config(), Learning::DEFAULT, 1);
        old.learn(&experience(1.0)).unwrap();
        // Item 0 is gone, the others moved up by one; item 19 is new.
        let map: Vec<Option<u32>> = (0..20u32).map(|item| item.checked_sub(1)).collect();
        let mut new = from_scratch(config(), Learning::DEFAULT, 7);
        let carried = new.carry_over(&old.save(), &map, false).unwrap();
        assert_eq!((carried.items, carried.kept.as_slice()), (19, &["network"][..]));
        let (old, new) = (old.network().weights(), new.network().weights());
        assert_eq!(old.item_embedding[4..], new.item_embedding[..76]);
        assert_eq!(
            new.item_embedding[76..],
            Weights::init(&config(), 7).item_embedding[76..]
        );
        assert_eq!(old.query_weight, new.query_weight);
        // Fine-tuned weights mean nothing in another prior's space.
        let mut other = Learner::new(config(), Weights::init(&config(), 3), Learning::DEFAULT, 0);
        let before = other.save();
        let saved = Learner::new(config(), old.clone(), Learning::DEFAULT, 0).save();
        assert_eq!(
            other.carry_over(&saved, &map, false).unwrap().dropped,
            vec!["network"]
        );
        assert_eq!(other.save(), before);
    }
}
