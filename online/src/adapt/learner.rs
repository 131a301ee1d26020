//! A policy that acts and learns by A2C: n-step returns, one gradient a rollout, its norm bounded, one step of Adam.

use common::{Error, Result};
use common::policy_artifact::{NetworkConfig, Weights};
use serde::Serialize;

use super::actor::Actor;
use super::{Decision, Experience, Strategy, frozen, returns};
use crate::explore::Choice;
use crate::policy::adam::clip_norm;
use crate::policy::{Adam, Coefficients, Context, Network, Transition, a2c};

/// How to learn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Learning {
    /// Adam's step size.
    pub learning_rate: f32,
    /// Weight of the entropy bonus.
    pub entropy: f32,
    /// Weight of the critic's squared error.
    pub critic: f32,
    /// Discount per step.
    pub gamma: f32,
    /// Vector steps an update, the n of the n-step returns.
    pub rollout: usize,
    /// Bound of the gradient's norm.
    pub max_norm: f32,
    /// Adam's epsilon.
    pub epsilon: f32,
}

impl Learning {
    /// What measured well; see the crate's documentation.
    pub const DEFAULT: Learning = Learning {
        learning_rate: 1e-3,
        entropy: 0.01,
        critic: 0.5,
        gamma: 0.9,
        rollout: 10,
        max_norm: 0.5,
        epsilon: 1e-5,
    };
}

/// A policy under A2C.
#[derive(Debug)]
pub struct Learner {
    actor: Actor,
    adam: Adam,
    learning: Learning,
    importance: Option<f32>,
    updates: u64,
}

impl Learner {
    /// Starts from `weights`.
    pub fn new(config: NetworkConfig, weights: Weights, learning: Learning) -> Self {
        Learner {
            adam: Adam::new(&config, learning.learning_rate, learning.epsilon),
            actor: Actor::new(Network::new(config, weights)),
            learning,
            importance: None,
            updates: 0,
        }
    }

    /// Learns from the steps of other policies too, with importance weights of at most `bound`.
    pub(super) fn off_policy(mut self, bound: f32) -> Self {
        self.importance = Some(bound);
        self
    }

    /// The network as it stands.
    pub fn network(&self) -> &Network {
        self.actor.network()
    }

    pub(super) fn actor(&mut self) -> &mut Actor {
        &mut self.actor
    }

    /// The transitions of `experience` with their returns.
    fn transitions(&self, experience: &Experience) -> Vec<Transition> {
        let network = self.actor.network();
        let open = experience.trajectories.iter().filter_map(|trajectory| trajectory.next);
        let contexts: Vec<&Context> = open.map(|context| &experience.contexts[context]).collect();
        let mut values = network.values(&network.encode(&contexts)).into_iter();
        let mut transitions = Vec::new();
        for trajectory in &experience.trajectories {
            let after = trajectory.next.and_then(|_| values.next()).unwrap_or(0.0);
            let targets = returns::n_step(trajectory, after, self.learning.gamma);
            transitions.extend(trajectory.steps.iter().zip(targets).map(|(step, target)| Transition {
                context: step.context,
                consumed: step.consumed.clone(),
                action: step.choice.item,
                propensity: step.choice.propensity,
                target,
            }));
        }
        transitions
    }
}

impl Strategy for Learner {
    fn choose(&mut self, decisions: &[Decision<'_>]) -> Vec<Choice> {
        frozen::act(&mut self.actor, decisions)
    }

    fn rollout(&self) -> Option<usize> {
        Some(self.learning.rollout)
    }

    fn learn(&mut self, experience: &Experience) -> Result<()> {
        let transitions = self.transitions(experience);
        let coefficients = Coefficients {
            critic: self.learning.critic,
            entropy: self.learning.entropy,
            importance: self.importance,
        };
        let network = self.actor.network();
        let (_, mut gradient) = a2c::gradients(network, &experience.contexts, &transitions, &coefficients);
        let norm = clip_norm(&mut gradient, self.learning.max_norm);
        if !norm.is_finite() {
            return Err(Error::data(format!("update {} would make the weights not finite", self.updates + 1))
                .hint("rewards near the largest numbers overflow: scale them to the order of 1"));
        }
        let adam = &mut self.adam;
        self.actor.update(|weights| adam.step(weights, &gradient));
        self.updates += 1;
        Ok(())
    }

    fn version(&self) -> u64 {
        self.updates
    }
}
