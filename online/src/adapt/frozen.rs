//! The prior policy as it is: sampled, never updated.

use common::policy::Network;
use common::policy_artifact::{NetworkConfig, Weights};

use super::acting::{self, ROWS};
use super::{Buffers, ChoiceRequest, Explanation, Strategy};
use crate::explore::{Draw, Slate, slate};

/// A policy that does not learn.
#[derive(Debug)]
pub struct Frozen {
    network: Network,
    seed: u64,
}

impl Frozen {
    /// Acts by `weights`; `seed` decides the draws.
    pub fn new(config: NetworkConfig, weights: Weights, seed: u64) -> Self {
        Frozen {
            network: Network::new(config, weights),
            seed,
        }
    }
}

impl Strategy for Frozen {
    fn choose(&self, choices: &[ChoiceRequest<'_>], buffers: &mut Buffers) -> Vec<Slate> {
        let who = Who {
            network: &self.network,
            revision: 0,
            prior: 1.0,
            seed: self.seed,
        };
        who.act(choices, buffers)
    }

    fn prior(&self) -> Option<&Network> {
        Some(&self.network)
    }

    fn remember(&self, memory: &mut [f32], item: u32, liked: bool) {
        self.network.remember(memory, item, liked);
    }

    fn explain(&self, choice: &ChoiceRequest<'_>, buffers: &mut Buffers) -> Explanation {
        let alone = acting::explain(&self.network, Some(0), choice, buffers);
        Explanation {
            acting: alone.probabilities.clone(),
            prior: alone.probabilities,
            weight: 1.0,
            value: Some(alone.value),
            ..Explanation::default()
        }
    }
}

/// A network that acts alone.
pub(super) struct Who<'a> {
    pub(super) network: &'a Network,
    /// Of its weights.
    pub(super) revision: u64,
    /// The prior's share, as the slates shall say: 1 where the network is the prior, else 0.
    pub(super) prior: f32,
    pub(super) seed: u64,
}

impl Who<'_> {
    /// Draws a slate for each request.
    pub(super) fn act(&self, choices: &[ChoiceRequest<'_>], buffers: &mut Buffers) -> Vec<Slate> {
        let items = self.network.config().items;
        let mut slates = Vec::with_capacity(choices.len());
        let Buffers {
            states,
            logits,
            categorical,
            ..
        } = buffers;
        for chunk in choices.chunks(ROWS) {
            let user_contexts = chunk.iter().map(|choice| choice.user_context);
            acting::encode(self.network, Some(self.revision), user_contexts, states);
            acting::logits(self.network, states, logits);
            for (logits, choice) in logits.chunks_exact_mut(items).zip(chunk) {
                acting::deal(categorical, logits, choice);
                let mut draw = Draw::new(self.seed, &choice.key, choice.greedy);
                slates.push(slate(categorical, choice.k, 0, self.prior, &mut draw));
            }
        }
        slates
    }
}
