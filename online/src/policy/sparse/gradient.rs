//! The gradient of one event's loss in the learnt part, kept as the factors it is a product of.
//!
//! With advantage Y and weight rho held constant, the action a and items n_1 .. n_m drawn from the policy, the loss is
//!
//! ```text
//! - rho Y (logit'_a - 1/m sum_i logit'_{n_i})  +  critic * (R - V')^2 / 2
//! ```
//!
//! The mean over the n_i is an unbiased estimate of the sum over the catalogue in the gradient of ln pi'(a|s), so that the
//! whole is one of the actor-critic's gradient (policy gradient with a sampled normaliser; Bengio and Senecal, 2008)
//! and nothing of the catalogue's size is read. There is no entropy bonus: its gradient needs the logarithms of the drawn
//! items' chances over the whole catalogue, and what it is for, that exploration goes on, the prior's share does.

use super::Sparse;
use crate::policy::Network;

/// What one event says.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The encoder's state h, `[H]`.
    pub state: &'a [f32],
    /// The network's query q, `[D]`.
    pub query: &'a [f32],
    /// The item chosen.
    pub action: u32,
    /// Items drawn from the policy that learns.
    pub negatives: &'a [u32],
    /// rho Y; 0 leaves the actor as it is.
    pub push: f32,
    /// critic * (V' - R): the loss's derivative in the value.
    pub at_value: f32,
}

/// The last gradient: that in A is `at_bent` times q, in d_j the number at logit j times scale * q', in b_j that number,
/// in v `at_value` times h, in v0 `at_value`.
#[derive(Debug, Clone, Default)]
pub struct Gradient {
    /// q', `[D]`.
    pub bent: Vec<f32>,
    /// The derivative in q', `[D]`.
    pub at_bent: Vec<f32>,
    /// Place of a touched item and the derivative in its logit; an item that was drawn twice stands once.
    pub at_logits: Vec<(usize, f32)>,
    /// The derivative in the value.
    pub at_value: f32,
    /// The factor of d_j . q' in a logit.
    pub scale: f32,
}

/// Squared norms of the blocks of a gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Squares {
    /// In A.
    pub bend: f32,
    /// In all d_j.
    pub rows: f32,
    /// In all b_j.
    pub biases: f32,
    /// In v and v0.
    pub value: f32,
}

impl Gradient {
    /// Computes the gradient; items of the sample that were not touched before are now.
    pub fn compute(&mut self, network: &Network, sparse: &mut Sparse, sample: &Sample<'_>) {
        let dims = network.config().dims;
        self.scale = network.scale();
        self.at_value = sample.at_value;
        self.bent.resize(dims, 0.0);
        sparse.bend(sample.query, &mut self.bent);
        self.at_bent.clear();
        self.at_bent.resize(dims, 0.0);
        self.at_logits.clear();
        if sample.push != 0.0 && !sample.negatives.is_empty() {
            self.add(sparse, sample.action, -sample.push);
            let share = sample.push / sample.negatives.len() as f32;
            for &item in sample.negatives {
                self.add(sparse, item, share);
            }
            // A draw that is the action itself cancels a part of it; what cancels to nothing is no gradient.
            self.at_logits.retain(|&(_, at)| at != 0.0);
            for &(place, at) in &self.at_logits {
                let item = sparse.rows.items()[place] as usize;
                let embedding = &network.weights().item_embedding[item * dims..][..dims];
                let factor = at * self.scale;
                for ((out, e), d) in self.at_bent.iter_mut().zip(embedding).zip(sparse.rows.row(place)) {
                    *out += factor * (e + d);
                }
            }
        }
    }

    fn add(&mut self, sparse: &mut Sparse, item: u32, at: f32) {
        let place = sparse.rows.touch(item);
        match self.at_logits.iter_mut().find(|(known, _)| *known == place) {
            Some((_, sum)) => *sum += at,
            None => self.at_logits.push((place, at)),
        }
    }

    /// The squared Euclidean norms, block by block.
    pub fn squares(&self, sample: &Sample<'_>) -> Squares {
        let biases = squares(self.at_logits.iter().map(|(_, at)| at));
        Squares {
            bend: squares(&self.at_bent) * squares(sample.query),
            rows: biases * self.scale * self.scale * squares(&self.bent),
            biases,
            value: self.at_value * self.at_value * (1.0 + squares(sample.state)),
        }
    }
}

fn squares<'a>(values: impl IntoIterator<Item = &'a f32>) -> f32 {
    values.into_iter().map(|x| x * x).sum()
}
