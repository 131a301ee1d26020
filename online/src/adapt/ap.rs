//! A-iALP_ap: the frozen prior and a fresh online policy, mixed with a weight that falls.

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
    pub const DEFAULT: Schedule = Schedule { decay: 10_000, floor: 0.1 };

    /// The prior's weight after `made` recommendations.
    pub fn weight(&self, made: u64) -> f32 {
        let passed = if made >= self.decay { 1.0 } else { made as f64 / self.decay as f64 };
        (1.0 - passed * f64::from(1.0 - self.floor)) as f32
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
    pub fn new(config: NetworkConfig, prior: Weights, learning: Learning, schedule: Schedule, seed: u64) -> Self {
        let online = from_scratch(config.clone(), learning, seed);
        let online = match std::env::var("AP_RHO").ok().and_then(|v| v.parse().ok()) {
            Some(bound) => online.off_policy(bound),
            None => online,
        };
        Ap { prior: Actor::new(Network::new(config, prior)), online, schedule, made: 0 }
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
            let mut mixed = self.online.actor().distributions(chunk);
            mix(&mut mixed, &prior, weight);
            choices.extend(mixed.chunks_exact(items).zip(chunk).map(|(p, decision)| draw(p, decision.uniform)));
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
