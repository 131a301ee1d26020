//! What the frozen network makes of a state, computed once a state: h, its query and its value.

use common::policy_artifact::NetworkConfig;

use super::super::Situation;
use super::super::situation::recall_all;
use crate::policy::sparse::Sparse;
use crate::policy::{Context, Network};

/// Where things stand in a row of features.
#[derive(Debug)]
pub(super) struct Features {
    hidden: usize,
    width: usize,
}

/// The features of one state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// h, `[H]`.
    pub(super) state: &'a [f32],
    /// q, `[D]`.
    pub(super) query: &'a [f32],
    /// V.
    pub(super) value: f32,
}

impl Features {
    pub(super) fn new(config: &NetworkConfig) -> Self {
        Features {
            hidden: config.hidden,
            width: config.hidden + config.dims + 1,
        }
    }

    /// Writes the features of `situations`, row after row; what is not known yet is computed and left there.
    pub(super) fn of<'a>(
        &self,
        network: &Network,
        situations: impl IntoIterator<Item = &'a Situation>,
        rows: &mut Vec<f32>,
    ) {
        recall_all(0, self.width, situations, rows, |contexts| {
            self.compute(network, contexts)
        });
    }

    fn compute(&self, network: &Network, contexts: &[&Context]) -> Vec<f32> {
        let states = network.encode(contexts);
        let (queries, values) = (network.queries(&states), network.values(&states));
        let dims = self.width - self.hidden - 1;
        let parts = states
            .chunks_exact(self.hidden)
            .zip(queries.chunks_exact(dims))
            .zip(values);
        let mut rows = Vec::with_capacity(contexts.len() * self.width);
        for ((state, query), value) in parts {
            rows.extend_from_slice(state);
            rows.extend_from_slice(query);
            rows.push(value);
        }
        rows
    }

    /// The features of the state at `at`.
    pub(super) fn row<'a>(&self, rows: &'a [f32], at: usize) -> Known<'a> {
        self.known(&rows[at * self.width..(at + 1) * self.width])
    }

    /// The features of all states.
    pub(super) fn rows<'a>(&self, rows: &'a [f32]) -> impl Iterator<Item = Known<'a>> {
        rows.chunks_exact(self.width).map(|row| self.known(row))
    }

    /// The value after what was learnt.
    pub(super) fn value(&self, sparse: &Sparse, known: &Known<'_>) -> f32 {
        known.value + sparse.value(known.state)
    }

    fn known<'a>(&self, row: &'a [f32]) -> Known<'a> {
        Known {
            state: &row[..self.hidden],
            query: &row[self.hidden..self.width - 1],
            value: row[self.width - 1],
        }
    }
}
