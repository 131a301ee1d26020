//! A policy that acts and learns by A2C: n-step returns, one gradient a rollout, its norm bounded, one step of Adam.

use common::policy_artifact::{NetworkConfig, Weights};
use common::{Error, Result};
use serde::Serialize;

use super::actor::Actor;
use super::{Decision, Experience, Name, Strategy, frozen, returns};
use crate::explore::Choice;
use crate::policy::a2c::Workspace;
use crate::policy::adam::clip_norm;
use crate::policy::{Adam, Coefficients, Network, Transition, a2c};

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
    /// What measured well for a policy that starts from the prior: it keeps a good prior and improves on it.
    pub const DEFAULT: Learning = Learning {
        learning_rate: 1e-3,
        entropy: 1e-3,
        critic: 0.5,
        gamma: 0.9,
        rollout: 1,
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
    actor: Actor,
    adam: Adam,
    workspace: Workspace,
    learning: Learning,
    off_policy: bool,
    updates: u64,
}

impl Learner {
    /// Starts from `weights`.
    pub fn new(config: NetworkConfig, weights: Weights, learning: Learning) -> Self {
        Learner {
            adam: Adam::new(&config, learning.learning_rate, learning.epsilon),
            workspace: Workspace::new(&config),
            actor: Actor::new(Network::new(config, weights)),
            learning,
            off_policy: false,
            updates: 0,
        }
    }

    /// Learns from steps that another policy has taken.
    pub(super) fn off_policy(mut self) -> Self {
        self.off_policy = true;
        self
    }

    /// The network as it stands.
    pub fn network(&self) -> &Network {
        self.actor.network()
    }

    pub(super) fn actor(&mut self) -> &mut Actor {
        &mut self.actor
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
                        action: step.choice.item,
                        propensity: step.choice.propensity,
                        target,
                    }),
            );
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
        let network = self.actor.network();
        let forward = network.forward(&experience.contexts.iter().collect::<Vec<_>>());
        let transitions = self.transitions(experience, &forward.values);
        let coefficients = Coefficients {
            critic: self.learning.critic,
            entropy: self.learning.entropy,
            off_policy: self.off_policy,
        };
        a2c::gradients(
            network,
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
        self.actor.update(|weights| adam.step(weights, gradient));
        self.updates += 1;
        Ok(())
    }

    fn version(&self) -> u64 {
        self.updates
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::{Step, Trajectory, from_scratch};
    use crate::policy::Context;

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
        let choice = Choice {
            item: 4,
            propensity: 0.05,
        };
        let step = Step {
            context: 0,
            consumed: vec![],
            choice,
            reward,
        };
        Experience {
            contexts: vec![Context {
                traits: vec![],
                history: vec![],
            }],
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
        let context = experience(0.0).contexts.remove(0);
        let chance = |learner: &mut Learner| {
            let decision = Decision {
                slot: 0,
                revision: 0,
                context: &context,
                consumed: &[],
                uniform: 0.0,
            };
            learner.actor().distributions(&[decision])[4]
        };
        let before = chance(&mut learner);
        for _ in 0..20 {
            learner.learn(&experience(1.0)).unwrap();
        }
        assert!(chance(&mut learner) > 1.5 * before);
        assert_eq!(learner.version(), 20);
    }

    #[test]
    fn an_update_that_would_not_be_finite_is_refused_and_changes_nothing() {
        let mut learner = from_scratch(config(), Learning::DEFAULT, 1);
        let before = learner.network().weights().clone();
        assert!(learner.learn(&experience(f32::MAX)).is_err());
        assert_eq!(learner.network().weights(), &before);
    }
}
