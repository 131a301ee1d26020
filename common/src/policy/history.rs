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
    for (sum, x) in memory.iter_mut().zip(vector(encoder, vectors, item)) {
        *sum += value * x;
    }
    memory[count] += value;
}

/// What the like of `item` adds to S, H numbers.
pub fn like_vector(encoder: &[Vec<f32>], item: u32) -> &[f32] {
    vector(encoder, LIKE, item)
}

fn vector(encoder: &[Vec<f32>], tensor: usize, item: u32) -> &[f32] {
    let hidden = encoder[DIVISORS].len();
    &encoder[tensor][item as usize * hidden..][..hidden]
}

/// What each number of S is divided by, H numbers; what is not above 0 leaves its number out.
pub fn divisors(encoder: &[Vec<f32>], memory: &[f32]) -> Vec<f32> {
    let hidden = encoder[DIVISORS].len();
    let mut divisors = Vec::with_capacity(hidden);
    each_divisor(encoder, memory, hidden, |_, divisor| divisors.push(divisor));
    divisors
}

/// Adds the state of a memory to `state`, H numbers that hold what the profile adds.
pub fn add_state(encoder: &[Vec<f32>], memory: &[f32], state: &mut [f32]) {
    each_divisor(encoder, memory, state.len(), |k, divisor| {
        if divisor > 0.0 {
            state[k] += memory[k] / divisor;
        }
    });
}

#[inline]
fn each_divisor(encoder: &[Vec<f32>], memory: &[f32], hidden: usize, mut take: impl FnMut(usize, f32)) {
    let [constant, a, b, norm] = [0, 1, 2, 3].map(|at| &encoder[DIVISORS + at]);
    let (likes, dislikes) = (memory[hidden], memory[hidden + 1]);
    let length = memory
        .iter()
        .zip(norm)
        .map(|(sum, norm)| norm * sum * sum)
        .sum::<f32>()
        .sqrt();
    for k in 0..hidden {
        take(k, constant[k] + a[k] * likes + b[k] * dislikes + norm[k] * length);
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
