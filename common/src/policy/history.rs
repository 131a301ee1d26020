//! The whole history as one vector: h = S / (constant + a n+ + b n- + norm |S|) + s, number by number, with a linear s
//! ([`crate::policy_artifact::Encoder::History`]). `encoder` are that encoder's tensors.
//!
//! The vectors of items are constants here: what moves the state is the memory, and what learns is whatever reads the state.

use crate::policy_artifact::{NetworkConfig, Weights};

use super::network::State;

/// Places of the tensors among the encoder's own.
const LIKE: usize = 0;
const DISLIKE: usize = 1;
/// The first of the four divisors: constant, those of the counts, that of the norm.
const DIVISORS: usize = 2;

/// Moves the memory S, n+, n- by an answer about `item` that counts `value`: a like, or none. O(H).
pub fn remember(encoder: &[Vec<f32>], memory: &mut [f32], item: u32, liked: bool, value: f32) {
    let hidden = encoder[DIVISORS].len();
    let (vectors, count) = if liked {
        (LIKE, hidden)
    } else {
        (DISLIKE, hidden + 1)
    };
    let vector = &encoder[vectors][item as usize * hidden..][..hidden];
    for (sum, x) in memory.iter_mut().zip(vector) {
        *sum += value * x;
    }
    memory[count] += value;
}

/// Adds the state of a memory to `state`, H numbers that hold what the profile adds.
pub fn add_state(encoder: &[Vec<f32>], memory: &[f32], state: &mut [f32]) {
    let hidden = state.len();
    let [constant, a, b, norm] = [0, 1, 2, 3].map(|at| &encoder[DIVISORS + at]);
    let (likes, dislikes) = (memory[hidden], memory[hidden + 1]);
    let length = memory
        .iter()
        .zip(norm)
        .map(|(sum, norm)| norm * sum * sum)
        .sum::<f32>()
        .sqrt();
    for (k, h) in state.iter_mut().enumerate() {
        let divisor = constant[k] + a[k] * likes + b[k] * dislikes + norm[k] * length;
        if divisor > 0.0 {
            *h += memory[k] / divisor;
        }
    }
}

/// The states, `[contexts, hidden]`; `first` holds profile_weight p + profile_bias.
pub(super) fn forward(
    config: &NetworkConfig,
    weights: &Weights,
    contexts: &[State],
    first: &[f32],
) -> Vec<f32> {
    let mut states = first.to_vec();
    let mut made = Vec::new();
    for (context, state) in contexts.iter().zip(states.chunks_exact_mut(config.hidden)) {
        let memory = if context.memory.is_empty() {
            made.clear();
            made.resize(config.memory(), 0.0);
            for &(item, feedback) in context.history {
                remember(&weights.encoder, &mut made, item, feedback > 0.0, 1.0);
            }
            made.as_slice()
        } else {
            context.memory
        };
        add_state(&weights.encoder, memory, state);
    }
    states
}
