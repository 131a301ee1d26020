//! All tensors that are trained: the policy's, and those that only training needs.

use common::policy::Network;
use common::policy_artifact::{NetworkConfig, Shape, Weights};

use super::q_head;
use super::slab::Slab;

/// Tensors in one list: those of [`NetworkConfig::shapes`], then those of each Q head.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    config: NetworkConfig,
    shapes: Vec<Shape>,
    /// For a tensor that has a row an item, the numbers in a row.
    item_rows: Vec<Option<usize>>,
    /// Row-major values.
    pub values: Vec<Vec<f32>>,
}

impl Parameters {
    /// The policy's `weights` and `q_heads` random Q heads.
    pub fn new(config: &NetworkConfig, weights: Weights, q_heads: usize, seed: u64) -> Self {
        let mut shapes = config.shapes();
        let mut weights = weights;
        let mut values: Vec<Vec<f32>> = weights.tensors_mut().into_iter().map(std::mem::take).collect();
        for head in 0..q_heads {
            shapes.extend(q_head::shapes(config, head));
            values.extend(q_head::initial(config, head, seed));
        }
        Parameters {
            item_rows: shapes.iter().map(item_row).collect(),
            config: config.clone(),
            shapes,
            values,
        }
    }

    /// The same shapes with all values zero: the start of a moment.
    pub fn zeros(&self) -> Vec<Vec<f32>> {
        self.values.iter().map(|values| vec![0.0; values.len()]).collect()
    }

    /// Tensors of the same shapes with other values.
    pub(crate) fn with(&self, values: Vec<Vec<f32>>) -> Self {
        Parameters {
            config: self.config.clone(),
            shapes: self.shapes.clone(),
            item_rows: self.item_rows.clone(),
            values,
        }
    }

    /// The network's shapes.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Names and shapes of all tensors.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// For each tensor with a row an item, the numbers in a row.
    pub(crate) fn item_rows(&self) -> &[Option<usize>] {
        &self.item_rows
    }

    /// The values and the shape of tensor `at` over the items of `slab`: all of them but for rows of other items.
    pub(crate) fn on(&self, at: usize, slab: &Slab) -> (std::borrow::Cow<'_, [f32]>, Vec<usize>) {
        let (values, mut shape) = (&self.values[at], self.shapes[at].1.clone());
        match (slab.items(), self.item_rows[at]) {
            (Some(items), Some(width)) => {
                let rows = items
                    .iter()
                    .flat_map(|&item| &values[item as usize * width..(item as usize + 1) * width]);
                shape[0] = items.len();
                (rows.copied().collect(), shape)
            }
            _ => (values.into(), shape),
        }
    }

    /// The policy as it stands.
    pub(crate) fn policy(&self) -> Network {
        let own = self.values.iter().cloned();
        Network::new(self.config.clone(), Weights::from_tensors(&self.config, own))
    }

    /// The policy's own tensors, without a copy.
    pub fn into_policy(mut self) -> Weights {
        let own = self.config.shapes().len();
        self.values.truncate(own);
        Weights::from_tensors(&self.config, self.values)
    }

    /// Puts Q head 0 in the actor's place: logits = Q / temperature, but for what all items of a state share.
    pub(crate) fn act_by_value(mut self, temperature: f32) -> Self {
        let at = |name: &str| self.shapes.iter().position(|(of, _)| of == name);
        let moves = [
            (at("q0_weight"), at("query_weight"), 1.0),
            (at("q0_bias"), at("query_bias"), 1.0),
            (at("q0_item_bias"), at("item_bias"), 1.0 / temperature),
        ];
        let log_temperature = at("log_temperature");
        for (from, to, scale) in moves {
            if let (Some(from), Some(to)) = (from, to) {
                self.values[to] = self.values[from].iter().map(|value| value * scale).collect();
            }
        }
        if let Some(at) = log_temperature {
            self.values[at] = vec![-temperature.ln()];
        }
        self
    }
}

/// Tables of items are known by their names: a catalogue of one item has other tensors with one row.
fn item_row((name, shape): &Shape) -> Option<usize> {
    let of_items = name == "item_embedding" || name.ends_with("item_bias");
    of_items.then(|| shape[1..].iter().product())
}
