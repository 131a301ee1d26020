//! One side of the factorisation, users or items: parameters, their sums over features, gradients.

use common::rng::{normal, stream};
use rayon::prelude::*;

use super::features::Features;
use super::fit::Config;
use super::optimiser::Tensor;
use crate::sparse::SparseRows;

/// The parameters of one side.
pub(super) struct Side {
    features: SparseRows,
    pub(super) bias: Tensor,
    pub(super) shift: Tensor,
    vector: Tensor,
    feature_bias: Tensor,
    feature_vector: Tensor,
    /// Free part plus the features' parts, made anew each epoch.
    pub(super) whole_bias: Vec<f32>,
    pub(super) whole_vector: Vec<f32>,
}

impl Side {
    pub(super) fn new(features: &Features, config: &Config, seed: u64, side: u64) -> Self {
        let (rows, rank) = (features.rows.len(), config.rank);
        let random = |len: usize, deviation: f32, part: u64| {
            let mut rng = stream(seed, "user model start", &[side, part]);
            (0..len)
                .map(|_| deviation * normal(&mut rng))
                .collect::<Vec<f32>>()
        };
        Side {
            bias: Tensor::zeros(rows, config.l2_bias),
            shift: Tensor::zeros(rows, config.l2_shift),
            vector: Tensor::new(random(rows * rank, 0.05, 0), config.l2_vector),
            feature_bias: Tensor::zeros(features.names.len(), config.l2_feature_bias),
            feature_vector: Tensor::new(
                random(features.names.len() * rank, 0.02, 1),
                config.l2_feature_vector,
            ),
            whole_bias: vec![0.0; rows],
            whole_vector: vec![0.0; rows * rank],
            features: features.rows.clone(),
        }
    }

    pub(super) fn add_up(&mut self, rank: usize) {
        let (features, bias, feature_bias) = (&self.features, &self.bias.values, &self.feature_bias.values);
        let (vector, feature_vector) = (&self.vector.values, &self.feature_vector.values);
        self.whole_bias
            .par_iter_mut()
            .zip(self.whole_vector.par_chunks_mut(rank))
            .enumerate()
            .for_each(|(row, (whole_bias, whole_vector))| {
                *whole_bias = bias[row];
                whole_vector.copy_from_slice(&vector[row * rank..(row + 1) * rank]);
                for &feature in features.row(row) {
                    let feature = feature as usize;
                    *whole_bias += feature_bias[feature];
                    add_scaled(
                        whole_vector,
                        1.0,
                        &feature_vector[feature * rank..(feature + 1) * rank],
                    );
                }
            });
    }

    /// Sets all gradients. `terms` gives row's terms: the other side's row, the gradients of both heads' logits
    /// together, and that of the log head alone.
    pub(super) fn set_gradients<I>(&mut self, rank: usize, other: &[f32], terms: impl Fn(usize) -> I + Sync)
    where
        I: Iterator<Item = (u32, f32, f32)>,
    {
        self.bias
            .gradient
            .par_iter_mut()
            .zip(self.shift.gradient.par_iter_mut())
            .zip(self.vector.gradient.par_chunks_mut(rank))
            .enumerate()
            .for_each(|(row, ((bias, shift), vector))| {
                (*bias, *shift) = (0.0, 0.0);
                vector.fill(0.0);
                for (other_row, both, log) in terms(row) {
                    *bias += both;
                    *shift += log;
                    let other_row = other_row as usize;
                    add_scaled(vector, both, &other[other_row * rank..(other_row + 1) * rank]);
                }
            });
        self.feature_bias.gradient.fill(0.0);
        self.feature_vector.gradient.fill(0.0);
        for row in 0..self.features.len() {
            for &feature in self.features.row(row) {
                let feature = feature as usize;
                self.feature_bias.gradient[feature] += self.bias.gradient[row];
                add_scaled(
                    &mut self.feature_vector.gradient[feature * rank..(feature + 1) * rank],
                    1.0,
                    &self.vector.gradient[row * rank..(row + 1) * rank],
                );
            }
        }
    }

    pub(super) fn update(&mut self, learning_rate: f32, step: i32) {
        for tensor in [
            &mut self.bias,
            &mut self.shift,
            &mut self.vector,
            &mut self.feature_bias,
            &mut self.feature_vector,
        ] {
            tensor.update(learning_rate, step);
        }
    }
}

fn add_scaled(to: &mut [f32], scale: f32, from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += scale * from;
    }
}
