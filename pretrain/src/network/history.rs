//! The whole history as one vector ([`common::policy_artifact::Encoder::History`] gives the equation).
//!
//! It is made in closed form: the items' vectors and the divisors are constants here, and no gradient reaches them.

use candle_core::{Device, Result, Tensor, bail};

use super::State;
use super::slab::Slab;

/// Places of the tensors among the encoder's own: the items' vectors by like and dislike, then the four divisors.
const LIKE: usize = 0;
const DISLIKE: usize = 1;
const DIVISORS: [usize; 4] = [2, 3, 4, 5];

/// Moves a memory S, n+, n- by an answer that counts `value`, about an item of whom `vector` is the like or the dislike vector.
pub(crate) fn move_by(memory: &mut [f32], vector: &[f32], liked: bool, value: f32) {
    for (sum, x) in memory.iter_mut().zip(vector) {
        *sum += value * x;
    }
    memory[vector.len() + usize::from(!liked)] += value;
}

/// Moves a memory by an answer about `item`, where `encoder` are the encoder's tensors over the whole catalogue.
pub(crate) fn remember(encoder: &[Vec<f32>], memory: &mut [f32], item: u32, liked: bool, value: f32) {
    let hidden = memory.len() - 2;
    let vectors = &encoder[if liked { LIKE } else { DISLIKE }];
    move_by(memory, &vectors[item as usize * hidden..][..hidden], liked, value);
}

/// The state of a memory without what the profile adds, H numbers; `divisors` are constant, those of the counts, and that of
/// the norm.
pub(crate) fn state(memory: &[f32], divisors: [&[f32]; 4]) -> Vec<f32> {
    let hidden = memory.len() - 2;
    let [constant, a, b, norm] = divisors;
    let (likes, dislikes) = (memory[hidden], memory[hidden + 1]);
    let squares = memory.iter().zip(norm).map(|(sum, norm)| norm * sum * sum);
    let length = squares.sum::<f32>().sqrt();
    let of = |k: usize| {
        let divisor = constant[k] + a[k] * likes + b[k] * dislikes + norm[k] * length;
        if divisor > 0.0 { memory[k] / divisor } else { 0.0 }
    };
    (0..hidden).map(of).collect()
}

/// The same with the divisors of `encoder`.
pub(crate) fn state_by(encoder: &[Vec<f32>], memory: &[f32]) -> Vec<f32> {
    state(memory, DIVISORS.map(|at| encoder[at].as_slice()))
}

/// Encoded states `[B, H]`, by the encoder's `tensors` over the items of `slab`; `profiles` is what profiles add.
pub(super) fn encode(tensors: &[Tensor], slab: &Slab, states: &[State], profiles: &Tensor) -> Result<Tensor> {
    let hidden = tensors[LIKE].dim(1)?;
    let mut divisors = Vec::with_capacity(DIVISORS.len());
    for at in DIVISORS {
        divisors.push(tensors[at].to_vec1::<f32>()?);
    }
    let divisors = [0, 1, 2, 3].map(|at| divisors[at].as_slice());
    let mut encoded = Vec::with_capacity(states.len() * hidden);
    let mut made = Vec::new();
    for of in states {
        let memory = if of.memory.is_empty() {
            made.clear();
            made.resize(hidden + 2, 0.0);
            for &(item, feedback) in of.history {
                let Some(place) = slab.place(item) else {
                    bail!("a state holds an item that the slab lacks")
                };
                let liked = feedback > 0.0;
                let vectors = &tensors[if liked { LIKE } else { DISLIKE }];
                let vector = vectors.get(place as usize)?.to_vec1::<f32>()?;
                move_by(&mut made, &vector, liked, 1.0);
            }
            made.as_slice()
        } else {
            of.memory
        };
        encoded.extend(state(memory, divisors));
    }
    Tensor::from_vec(encoded, (states.len(), hidden), &Device::Cpu)? + profiles
}
