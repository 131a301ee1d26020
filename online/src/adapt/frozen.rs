//! The prior policy as it is: sampled, never updated.

use common::policy_artifact::{NetworkConfig, Weights};

use super::actor::{Actor, ROWS};
use super::{Decision, Strategy};
use crate::explore::{Choice, draw};
use crate::policy::Network;

/// A policy that does not learn.
#[derive(Debug)]
pub struct Frozen {
    actor: Actor,
}

impl Frozen {
    /// Acts by `weights`.
    pub fn new(config: NetworkConfig, weights: Weights) -> Self {
        Frozen {
            actor: Actor::new(Network::new(config, weights)),
        }
    }
}

impl Strategy for Frozen {
    fn choose(&mut self, decisions: &[Decision<'_>]) -> Vec<Choice> {
        act(&mut self.actor, decisions)
    }
}

/// Draws from the actor's distributions.
pub(super) fn act(actor: &mut Actor, decisions: &[Decision<'_>]) -> Vec<Choice> {
    let items = actor.network().config().items;
    let mut choices = Vec::with_capacity(decisions.len());
    for chunk in decisions.chunks(ROWS) {
        let distributions = actor.distributions(chunk);
        choices.extend(
            distributions
                .chunks_exact(items)
                .zip(chunk)
                .map(|(p, decision)| draw(p, decision.uniform)),
        );
    }
    choices
}
