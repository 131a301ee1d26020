//! A-iALP_ap: the frozen prior and a fresh online policy, mixed with a weight that falls.
//!
//! The online policy learns from all steps, most of them the prior's at first, so how their advantages are weighted
//! decides what it becomes. Measured in a synthetic world (`examples/learning_curves.rs`: 500 items, 32 environments,
//! 6,400 episodes, 2 seeds, weight falling to 0 over 30,000 recommendations; the prior alone returns 0.80), return in
//! the worst and in the last eighth of the run:
//!
//! | weight of a step | worst | last |
//! |---|---|---|
//! | 1 (plain advantage-weighted learning) | 0.65 | 0.65 |
//! | min(1, pi / mu) (truncated importance weight) | 0.37 | 1.02 |
//! | 1 where the advantage is positive, min(1, pi / mu) where it is negative | 0.73 | 1.03 |
//!
//! The first pushes down without end what the online policy hardly does; the second is sound but learns next to nothing
//! while the prior acts, and so falls when the prior's weight does. The third is what [`crate::policy::a2c`] does.

use common::Result;
use common::policy_artifact::{NetworkConfig, Weights};
use serde::Serialize;

use super::actor::{Actor, ROWS};
use super::{Decision, Experience, Learner, Learning, Strategy, from_scratch};
use crate::explore::{Choice, draw, mix};
use crate::policy::Network;

/// The prior's weight over time: 1 at first, falling in a line to `floor` after `decay` recommendations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Schedule {
    /// Recommendations until the floor is reached.
    pub decay: u64,
    /// The weight from then on.
    pub floor: f32,
}

impl Schedule {
    /// What measured well.
    pub const DEFAULT: Schedule = Schedule {
        decay: 10_000,
        floor: 0.1,
    };

    /// The prior's weight after `made` recommendations.
    pub fn weight(&self, made: u64) -> f32 {
        let left = self.decay.saturating_sub(made) as f32 / self.decay as f32;
        self.floor + (1.0 - self.floor) * left
    }
}

/// The mixture w * prior + (1 - w) * online.
#[derive(Debug)]
pub struct Ap {
    prior: Actor,
    online: Learner,
    schedule: Schedule,
    made: u64,
}

impl Ap {
    /// Mixes `prior` with a policy of random weights.
    pub fn new(
        config: NetworkConfig,
        prior: Weights,
        learning: Learning,
        schedule: Schedule,
        seed: u64,
    ) -> Self {
        let online = from_scratch(config.clone(), learning, seed).off_policy();
        Ap {
            prior: Actor::new(Network::new(config, prior)),
            online,
            schedule,
            made: 0,
        }
    }
}

impl Strategy for Ap {
    fn choose(&mut self, decisions: &[Decision<'_>]) -> Vec<Choice> {
        let weight = self.schedule.weight(self.made);
        self.made += decisions.len() as u64;
        let items = self.prior.network().config().items;
        let mut choices = Vec::with_capacity(decisions.len());
        for chunk in decisions.chunks(ROWS) {
            let prior = self.prior.distributions(chunk);
            let mut mixed = self.online.actor().distributions(chunk).to_vec();
            mix(&mut mixed, prior, weight);
            choices.extend(
                mixed
                    .chunks_exact(items)
                    .zip(chunk)
                    .map(|(p, decision)| draw(p, decision.uniform)),
            );
        }
        choices
    }

    fn rollout(&self) -> Option<usize> {
        self.online.rollout()
    }

    fn learn(&mut self, experience: &Experience) -> Result<()> {
        self.online.learn(experience)
    }

    fn version(&self) -> u64 {
        self.online.version()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Context;
    use crate::policy::distribution::{mask, softmax};

    #[test]
    fn the_weight_falls_in_a_line_to_the_floor() {
        let schedule = Schedule {
            decay: 100,
            floor: 0.2,
        };
        assert_eq!(
            [0, 50, 100, 1000].map(|made| schedule.weight(made)),
            [1.0, 0.6, 0.2, 0.2]
        );
    }

    #[test]
    fn the_logged_chance_is_that_of_the_mixture() {
        let config = NetworkConfig {
            items: 30,
            dims: 4,
            hidden: 5,
            traits: 2,
            window: 10,
            encoder: common::policy_artifact::Encoder::Gru,
        };
        let prior = Weights::init(&config, 1);
        let schedule = Schedule { decay: 4, floor: 0.3 };
        let mut ap = Ap::new(config.clone(), prior.clone(), Learning::DEFAULT, schedule, 2);
        let context = Context {
            traits: vec![0.5, -1.0],
            history: vec![(3, 1.0), (7, -1.0)],
        };
        let alone = |weights: Weights| {
            let network = Network::new(config.clone(), weights);
            let mut logits = vec![0.0; 30];
            network.logits(&network.queries(&network.encode(&[&context])), &mut logits);
            mask(&mut logits, &[3, 7]);
            let mut probabilities = vec![0.0; 30];
            softmax(&logits, &mut probabilities);
            probabilities
        };
        let (prior, online) = (alone(prior), alone(Weights::init(&config, 2)));
        for round in 0..6u64 {
            let decision = |slot: usize| Decision {
                slot,
                revision: 1,
                context: &context,
                consumed: &[3, 7],
                uniform: (round as f64 + slot as f64 / 2.0) / 6.0,
            };
            let weight = schedule.weight(2 * round);
            for choice in ap.choose(&[decision(0), decision(1)]) {
                let item = choice.item as usize;
                assert!(item != 3 && item != 7);
                assert_eq!(
                    choice.propensity,
                    weight * prior[item] + (1.0 - weight) * online[item]
                );
            }
        }
    }
}
