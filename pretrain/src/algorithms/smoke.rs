//! What the methods' smoke tests share: a small world of two kinds of items, and how often a policy's first choice for a user
//! is of the kind that the user likes.

use common::policy::{Network, State};
use common::policy_artifact::{NetworkConfig, Weights};

use crate::data::example::{OF_A_KIND, two_kinds};
use crate::data::{Dataset, TraitSource, Traits, distinct};
use crate::evaluate::scores;
use crate::network::initial::initial_weights;
use crate::run::{Run, Setting};

use super::logged::LoggedConfig;
use super::{Curve, Trained};

pub(crate) const LOGGED: LoggedConfig = LoggedConfig {
    steps: 150,
    batch: 64,
    learning_rate: 5e-3,
    gamma: 0.9,
    validation: 0.1,
    imitate: super::logged::Imitate::Likes,
    dropout: 0.0,
    evaluate_every: 50,
};

pub(crate) struct World {
    pub(crate) dataset: Dataset,
    pub(crate) traits: Traits,
    pub(crate) network: NetworkConfig,
}

impl World {
    pub(crate) fn new(source: TraitSource) -> Self {
        let dataset = two_kinds();
        let traits = Traits::of(&dataset, source, 0);
        let network = NetworkConfig {
            items: dataset.items.len(),
            dims: 16,
            hidden: 16,
            traits: traits.count,
            window: 10,
            ..NetworkConfig::default()
        };
        World {
            dataset,
            traits,
            network,
        }
    }

    pub(crate) fn weights(&self) -> Weights {
        initial_weights(&self.network, &self.traits.items, 0)
    }

    pub(crate) fn run(&self, steps: u64, q_heads: usize, negatives: Option<usize>) -> Run<'_> {
        let setting = Setting {
            network: &self.network,
            dataset: &self.dataset,
            traits: &self.traits,
            negatives,
            seed: 0,
        };
        Run::new(setting, steps, self.weights(), q_heads, Curve::silent(), None).unwrap()
    }

    /// Of 60 users, those whose first open choice is of their own kind.
    pub(crate) fn own_kind(&self, trained: &Trained) -> usize {
        let network = Network::new(self.network.clone(), trained.weights.clone());
        let first = |user: usize, log: &[crate::data::Event]| {
            let state = State {
                history: &self.dataset.states[user],
                memory: &[],
                traits: self.traits.user(user),
            };
            let logits = scores(&network, &[state]);
            let consumed = distinct(log);
            let open = (0..2 * OF_A_KIND).filter(|item| consumed.binary_search(item).is_err());
            open.max_by(|a, b| logits[*a as usize].total_cmp(&logits[*b as usize]))
                .unwrap()
        };
        let mut own = 0;
        let mut count = |user: u32, log: &[crate::data::Event]| {
            own += usize::from((first(user as usize, log) < OF_A_KIND) == user.is_multiple_of(2));
            Ok(())
        };
        self.dataset.replay.visit(&mut count).unwrap();
        own
    }
}
