//! A network that acts: it keeps each slot's query until the state or the weights change.

use common::policy_artifact::Weights;

use super::Decision;
use crate::policy::distribution::{mask, softmax};
use crate::policy::{Context, Network};

/// Decisions whose distributions are held at once.
pub(super) const ROWS: usize = 32;

/// A network and the queries it has computed.
#[derive(Debug)]
pub(super) struct Actor {
    network: Network,
    /// By slot: the revision of the context, and its query.
    queries: Vec<Option<(u64, Vec<f32>)>>,
    logits: Vec<f32>,
    probabilities: Vec<f32>,
}

impl Actor {
    pub(super) fn new(network: Network) -> Self {
        Actor {
            network,
            queries: Vec::new(),
            logits: Vec::new(),
            probabilities: Vec::new(),
        }
    }

    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    /// Changes the weights.
    pub(super) fn update(&mut self, change: impl FnOnce(&mut Weights)) {
        self.network.update(change);
        self.queries.clear();
    }

    /// The probabilities of all items for each decision, `[decisions, items]`.
    pub(super) fn distributions(&mut self, decisions: &[Decision<'_>]) -> &[f32] {
        self.remember(decisions);
        let items = self.network.config().items;
        let known = decisions.iter().filter_map(|d| self.queries[d.slot].as_ref());
        let queries: Vec<f32> = known.flat_map(|(_, query)| query.iter().copied()).collect();
        self.logits.resize(decisions.len() * items, 0.0);
        self.probabilities.resize(decisions.len() * items, 0.0);
        self.network.logits(&queries, &mut self.logits);
        let rows = self
            .logits
            .chunks_exact_mut(items)
            .zip(self.probabilities.chunks_exact_mut(items));
        for ((logits, probabilities), decision) in rows.zip(decisions) {
            mask(logits, decision.consumed);
            softmax(logits, probabilities);
        }
        &self.probabilities
    }

    /// Computes the queries that are not there yet.
    fn remember(&mut self, decisions: &[Decision<'_>]) {
        let slots = decisions.iter().map(|d| d.slot + 1).max().unwrap_or(0);
        if self.queries.len() < slots {
            self.queries.resize(slots, None);
        }
        let is_new = |d: &&Decision<'_>| !matches!(&self.queries[d.slot], Some((revision, _)) if *revision == d.revision);
        let new: Vec<&Decision<'_>> = decisions.iter().filter(is_new).collect();
        let contexts: Vec<&Context> = new.iter().map(|d| d.context).collect();
        let queries = self.network.queries(&self.network.encode(&contexts));
        for (decision, query) in new.iter().zip(queries.chunks_exact(self.network.config().dims)) {
            self.queries[decision.slot] = Some((decision.revision, query.to_vec()));
        }
    }
}
