//! The items that an update touches.
//!
//! A catalogue of a million items has 64 million numbers of embeddings; an update needs those of the items in its states
//! and of the candidates that it scores. A slab lists these items: the network is built over their rows alone, its gradient
//! has their rows alone, and the optimiser moves these alone. Where the catalogue is small the slab is all of it.

use std::sync::Arc;

use hashbrown::HashMap;
use foldhash::fast::FixedState;

/// Items and their places in an update's tensors.
#[derive(Clone, Debug, Default)]
pub(crate) enum Slab {
    /// The whole catalogue: item i has place i, all are candidates.
    #[default]
    Whole,
    /// Some items: the candidates first, then those that stand in states alone.
    Part(Arc<Part>),
}

/// Some items of a catalogue.
#[derive(Debug)]
pub(crate) struct Part {
    items: Vec<u32>,
    places: HashMap<u32, u32, FixedState>,
    candidates: usize,
    /// What is added to each candidate's logit, so that sums over candidates stand for sums over the catalogue.
    offsets: Vec<f32>,
}

impl Slab {
    /// Of `candidates` with their `offsets`, and of `others`; repeats among these are left out.
    pub(crate) fn part(candidates: Vec<u32>, offsets: Vec<f32>, others: impl Iterator<Item = u32>) -> Self {
        let mut items = candidates;
        let candidates = items.len();
        let mut places: HashMap<u32, u32, FixedState> =
            items.iter().enumerate().map(|(place, &item)| (item, place as u32)).collect();
        for item in others {
            places.entry(item).or_insert_with(|| {
                items.push(item);
                items.len() as u32 - 1
            });
        }
        Slab::Part(Arc::new(Part {
            items,
            places,
            candidates,
            offsets,
        }))
    }

    /// The items in the order of their places; none for the whole catalogue.
    pub(crate) fn items(&self) -> Option<&[u32]> {
        match self {
            Slab::Whole => None,
            Slab::Part(part) => Some(&part.items),
        }
    }

    /// Candidates of `catalogue` items.
    pub(crate) fn candidates(&self, catalogue: usize) -> usize {
        match self {
            Slab::Whole => catalogue,
            Slab::Part(part) => part.candidates,
        }
    }

    /// The candidates' offsets; none for the whole catalogue.
    pub(crate) fn offsets(&self) -> Option<&[f32]> {
        match self {
            Slab::Whole => None,
            Slab::Part(part) => Some(&part.offsets),
        }
    }

    /// The place of `item`, where it has one.
    pub(crate) fn place(&self, item: u32) -> Option<u32> {
        match self {
            Slab::Whole => Some(item),
            Slab::Part(part) => part.places.get(&item).copied(),
        }
    }

    /// The place of `item` among the candidates, where it is one.
    pub(crate) fn candidate(&self, item: u32) -> Option<u32> {
        match self {
            Slab::Whole => Some(item),
            Slab::Part(part) => self.place(item).filter(|&place| (place as usize) < part.candidates),
        }
    }

    /// The candidate with place `place`.
    pub(crate) fn item(&self, place: u32) -> u32 {
        match self {
            Slab::Whole => place,
            Slab::Part(part) => part.items[place as usize],
        }
    }
}
