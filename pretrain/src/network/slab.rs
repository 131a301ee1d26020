//! The items that an update touches.
//!
//! A catalogue of a million items has 64 million numbers of embeddings; an update needs those of the items in its states
//! and of the candidates that it scores. A slab lists these items: the network is built over their rows alone, its gradient
//! has their rows alone, and the optimiser moves these alone. Where the catalogue is small the slab is all of it.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

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
        let mut places: HashMap<u32, u32, FixedState> = items
            .iter()
            .enumerate()
            .map(|(place, &item)| (item, place as u32))
            .collect();
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
            Slab::Part(part) => self
                .place(item)
                .filter(|&place| (place as usize) < part.candidates),
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

#[cfg(test)]
mod tests {
    use common::policy_artifact::{NetworkConfig, Weights};

    use super::super::parameters::Parameters;
    use super::super::{Network, State};
    use super::*;

    /// Logits, values, Q values and gradients over a slab are those of the whole network's rows.
    #[test]
    fn a_network_over_a_slab_is_the_whole_one_at_its_rows() {
        let config = NetworkConfig {
            items: 9,
            dims: 4,
            hidden: 5,
            traits: 0,
            window: 3,
            ..NetworkConfig::default()
        };
        let parameters = Parameters::new(&config, Weights::init(&config, 1), 2, 1);
        let slab = Slab::part(vec![7, 2, 4], vec![0.0; 3], [0, 4, 8].into_iter());
        let (of_whole, of_part) = (
            Network::trainable(&parameters, &Slab::Whole).unwrap(),
            Network::trainable(&parameters, &slab).unwrap(),
        );
        let state = State {
            history: &[(8, 1.0), (0, -1.0), (2, 1.0)],
            memory: &[],
            traits: &[],
        };
        let outcome = |network: &Network| {
            let encoded = network.encode(&[state]).unwrap();
            let logits = network.logits(&encoded).unwrap();
            let q = network.q_values(&encoded, 1).unwrap();
            let sum = |places: [u32; 3]| {
                let index = candle_core::Tensor::new(&[places], &candle_core::Device::Cpu).unwrap();
                let of =
                    |t: &candle_core::Tensor| t.gather(&index, 1).unwrap().sqr().unwrap().sum_all().unwrap();
                (of(&logits) + of(&q)).unwrap()
            };
            let places = [7, 2, 4].map(|item| network.slab().candidate(item).unwrap());
            let loss = sum(places);
            (loss.to_scalar::<f32>().unwrap(), network.gradient(&loss).unwrap())
        };
        let ((whole, whole_gradient), (part, part_gradient)) = (outcome(&of_whole), outcome(&of_part));
        assert!((whole - part).abs() < 1e-6);
        for (at, (whole, part)) in whole_gradient.iter().zip(&part_gradient).enumerate() {
            let Some(width) = parameters.item_rows()[at].filter(|_| !part.is_empty()) else {
                assert_eq!(whole.len(), part.len());
                continue;
            };
            let row = |values: &[f32], place: usize| values[place * width..(place + 1) * width].to_vec();
            for (place, &item) in slab.items().unwrap().iter().enumerate() {
                let (of_whole, of_part) = (row(whole, item as usize), row(part, place));
                assert!(
                    of_whole.iter().zip(&of_part).all(|(a, b)| (a - b).abs() < 1e-6),
                    "tensor {at}, item {item}"
                );
            }
        }
    }
}
