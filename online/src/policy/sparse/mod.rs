//! A small part that learns beside a frozen network, and touches only what an event concerns.
//!
//! With the network's query q, its scale and the embedding e_j and logit of item j, its state h and its value V:
//!
//! ```text
//! q'      = q + A q
//! logit'_j = scale * (e_j + d_j) . q' + bias_j + b_j
//! V'      = V + v . h + v0
//! ```
//!
//! A (`[D, D]`) turns what all users ask for, d_j and b_j move one item, v and v0 correct the value. All start at zero,
//! where logit' = logit and V' = V. d_j and b_j exist for items that an update has touched and are zero for all others.
//! Where the network was pre-trained, such low-dimensional corrections go far (adapters: Houlsby et al., ICML 2019).

mod gradient;
mod optimiser;
mod rows;
mod scores;

pub use gradient::{Gradient, Sample, Squares};
pub use optimiser::Optimiser;
pub use rows::Rows;
pub use scores::Scores;

use common::policy_artifact::NetworkConfig;

/// The learnt part.
#[derive(Debug, Clone, PartialEq)]
pub struct Sparse {
    /// A by columns: the number for output i and input k stands at `k * D + i`.
    pub bend: Vec<f32>,
    /// d_j and b_j of the touched items.
    pub rows: Rows,
    /// v, `[H]`.
    pub value: Vec<f32>,
    /// v0.
    pub offset: f32,
}

impl Sparse {
    /// All zeros, for a network of these sizes.
    pub fn new(config: &NetworkConfig) -> Self {
        Sparse {
            bend: vec![0.0; config.dims * config.dims],
            rows: Rows::new(config.items, config.dims),
            value: vec![0.0; config.hidden],
            offset: 0.0,
        }
    }

    /// Writes q' of `query` to `bent`.
    pub fn bend(&self, query: &[f32], bent: &mut [f32]) {
        let dims = query.len();
        bent.copy_from_slice(query);
        for (column, &q) in self.bend.chunks_exact(dims).zip(query) {
            for (out, a) in bent.iter_mut().zip(column) {
                *out += a * q;
            }
        }
    }

    /// What is added to the value of the encoder's `state`.
    pub fn value(&self, state: &[f32]) -> f32 {
        let dot: f32 = state.iter().zip(&self.value).map(|(h, v)| h * v).sum();
        dot + self.offset
    }
}
