//! What the adapter has learnt, as bytes and back.

use common::Result;
use serde::{Deserialize, Serialize};

use super::super::saved::{self, numbers};
use super::{Adapter, Drift};
use crate::policy::sparse::{Moments, Optimiser, Sparse};

/// The numbers of a block and its moments.
#[derive(Serialize, Deserialize)]
pub(super) struct Block {
    pub(super) numbers: Vec<f32>,
    pub(super) first: Vec<f32>,
    pub(super) second: Vec<f32>,
}

/// All that the adapter saves.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) updates: u64,
    /// A, by columns.
    pub(super) bend: Block,
    pub(super) bend_steps: u32,
    /// v, then v0.
    pub(super) value: Block,
    pub(super) value_steps: u32,
    /// The touched items, in the order in which they were; for each D numbers of d, then b.
    pub(super) items: Vec<u32>,
    pub(super) rows: Block,
    pub(super) row_steps: Vec<u32>,
    pub(super) mixer: Vec<u8>,
    pub(super) drift: Drift,
}

impl Block {
    fn new(numbers: Vec<f32>, moments: &Moments) -> Self {
        Block {
            numbers,
            first: moments.first.clone(),
            second: moments.second.clone(),
        }
    }

    fn check(&self, name: &str, count: usize) -> Result<()> {
        for values in [&self.numbers, &self.first, &self.second] {
            numbers(name, values, count)?;
        }
        Ok(())
    }
}

impl Saved {
    /// Checks the sizes against a catalogue of `items`, `dims` and `hidden`.
    pub(super) fn check(&self, items: usize, dims: usize, hidden: usize) -> Result<()> {
        self.bend.check("A", dims * dims)?;
        self.value.check("v", hidden + 1)?;
        self.rows
            .check("the items' rows", self.items.len() * (dims + 1))?;
        let mut sorted = self.items.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let known =
            sorted.len() == self.items.len() && sorted.last().is_none_or(|&item| (item as usize) < items);
        if !known || self.row_steps.len() != self.items.len() {
            return Err(saved::damaged("the touched items are not those of a catalogue"));
        }
        if !self.drift.is_sound() {
            return Err(saved::damaged("a number of the drift test is not finite"));
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
        // Moments grow with the first step that needs them.
        let mut moments = optimiser.rows.clone();
        moments.first.resize(rows.len(), 0.0);
        moments.second.resize(rows.len(), 0.0);
        let mut row_steps = optimiser.row_steps.clone();
        row_steps.resize(touched.len(), 0);
        saved::pack(&Saved {
            updates: self.updates,
            bend: Block::new(sparse.bend.clone(), &optimiser.bend),
            bend_steps: optimiser.bend.steps,
            value: Block::new(value, &optimiser.value),
            value_steps: optimiser.value.steps,
            items: touched.to_vec(),
            rows: Block::new(rows, &moments),
            row_steps,
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
        sparse.bend = saved.bend.numbers;
        sparse.value = saved.value.numbers;
        sparse.offset = sparse.value.pop().unwrap_or_default();
        for (&item, row) in saved.items.iter().zip(saved.rows.numbers.chunks_exact(dims + 1)) {
            let place = sparse.rows.touch(item);
            sparse.rows.row_mut(place).zip(row).for_each(|(d, new)| *d = *new);
            *sparse.rows.bias_mut(place) = row[dims];
        }
        let moments = |steps, first, second| Moments { steps, first, second };
        let mut optimiser = Optimiser::new(&sparse, self.hyper.learning.epsilon);
        optimiser.bend = moments(saved.bend_steps, saved.bend.first, saved.bend.second);
        optimiser.value = moments(saved.value_steps, saved.value.first, saved.value.second);
        optimiser.rows = moments(0, saved.rows.first, saved.rows.second);
        optimiser.row_steps = saved.row_steps;
        self.sparse = sparse;
        self.optimiser = optimiser;
        self.drift = saved.drift;
        self.updates = saved.updates;
    }
}
