//! What the adapter has learnt, as bytes and back.

use common::Result;
use serde::{Deserialize, Serialize};

use super::super::saved::{self, numbers};
use super::{Adapter, Drift};
use crate::policy::sparse::{Optimiser, Scores, Sparse};

/// All that the adapter saves.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) updates: u64,
    /// A, by columns.
    pub(super) bend: Vec<f32>,
    /// v, then v0.
    pub(super) value: Vec<f32>,
    /// The touched items, in the order in which they were; for each D numbers of d, then b.
    pub(super) items: Vec<u32>,
    pub(super) rows: Vec<f32>,
    pub(super) optimiser: Optimiser,
    pub(super) mixer: Vec<u8>,
    pub(super) drift: Drift,
}

impl Saved {
    /// Checks the sizes against a catalogue of `items`, `dims` and `hidden`.
    pub(super) fn check(&self, items: usize, dims: usize, hidden: usize) -> Result<()> {
        numbers("A", &self.bend, dims * dims)?;
        numbers("v", &self.value, hidden + 1)?;
        numbers("the items' rows", &self.rows, self.items.len() * (dims + 1))?;
        let mut sorted = self.items.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let known =
            sorted.len() == self.items.len() && sorted.last().is_none_or(|&item| (item as usize) < items);
        if !known {
            return Err(saved::damaged("the touched items are not those of a catalogue"));
        }
        if !self.drift.is_sound() || !self.optimiser.is_sound() {
            return Err(saved::damaged(
                "a number of the drift test or of the optimiser is not finite",
            ));
        }
        Ok(())
    }
}

impl Adapter {
    pub(super) fn pack(&self) -> Vec<u8> {
        let Adapter {
            sparse, optimiser, ..
        } = self;
        let touched = sparse.rows.items();
        let mut rows = Vec::new();
        for place in 0..touched.len() {
            rows.extend(sparse.rows.row(place));
            rows.push(sparse.rows.bias(place));
        }
        let mut value = sparse.value.clone();
        value.push(sparse.offset);
        saved::pack(&Saved {
            updates: self.updates,
            bend: sparse.bend.clone(),
            value,
            items: touched.to_vec(),
            rows,
            optimiser: optimiser.clone(),
            mixer: self.mixer.save(),
            drift: self.drift.clone(),
        })
    }

    pub(super) fn unpack(&mut self, bytes: &[u8]) -> Result<()> {
        let saved: Saved = saved::unpack(bytes)?;
        let config = self.network.config();
        saved.check(config.items, config.dims, config.hidden)?;
        self.mixer.restore(&saved.mixer)?;
        self.take(saved);
        Ok(())
    }

    /// Takes over checked numbers; the mixer is left as it is.
    pub(super) fn take(&mut self, saved: Saved) {
        let config = self.network.config();
        let dims = config.dims;
        let mut sparse = Sparse::new(config);
        sparse.bend = saved.bend;
        sparse.value = saved.value;
        sparse.offset = sparse.value.pop().unwrap_or_default();
        for (&item, row) in saved.items.iter().zip(saved.rows.chunks_exact(dims + 1)) {
            let place = sparse.rows.touch(item);
            sparse.rows.row_mut(place).copy_from_slice(&row[..dims]);
            *sparse.rows.bias_mut(place) = row[dims];
        }
        self.sparse = sparse;
        self.scores = Scores::new(&self.network, self.hyper.scan);
        for place in 0..self.sparse.rows.items().len() {
            self.scores.set(&self.network, &self.sparse.rows, place);
        }
        self.optimiser = saved.optimiser;
        self.drift = saved.drift;
        self.updates = saved.updates;
    }
}
