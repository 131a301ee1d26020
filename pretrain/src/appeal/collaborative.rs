//! The log's collaborative evidence: EASE (Steck 2019, arXiv 1905.03375) in the leading directions of the log, with users and
//! items weighted by how much they did.
//!
//! EASE's item-to-item matrix is -P_ij / P_jj off its diagonal, P = (X'X + ridge)^-1. With X = U S V' that is
//! [V diag(f) V']_ij / (1 - h_j), f = s^2 / (s^2 + ridge) and h_j = sum_k f_k V_jk^2: a product of two vectors per item, so that
//! a user is the sum of the first ones of what he liked, and an item is scored by the second. Here X is
//! diag(users' likes^-row) likes diag(items' likes^-column), in few directions, and the sum is taken as a direction.

use serde::Serialize;

use super::rows::Rows;
use super::spectrum::{Spectrum, Weighted};

/// Added to the length of a user's sum before it is divided by it.
pub(super) const LEAST_LENGTH: f32 = 1e-6;

/// How the evidence is read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Reading {
    /// Power by which an item's likes weigh it down.
    pub(super) column: f32,
    /// Power by which a user's likes weigh him down.
    pub(super) row: f32,
    /// Directions at most.
    pub(super) rank: usize,
    /// Ridge, in units of an interaction's mean weight squared.
    pub(super) ridge: f32,
}

/// A weighted log in its leading directions.
#[derive(Clone, Debug)]
pub(crate) struct Directions {
    spectrum: Spectrum,
    /// By item.
    column_weight: Vec<f32>,
    /// The mean square of an entry of the weighted matrix.
    unit: f32,
}

/// Two vectors per item, `[items, rank]` each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vectors {
    /// How many of the numbers a user is read by.
    pub(super) read: usize,
    /// How many there are.
    pub(crate) rank: usize,
    /// What a like of the item adds to a user's sum.
    pub(crate) like: Vec<f32>,
    /// What scores the item.
    pub(crate) item: Vec<f32>,
}

impl Directions {
    /// Of `likes`, whose transposed is `columns`.
    pub(crate) fn new(likes: &Rows, columns: &Rows, column: f32, row: f32, rank: usize, seed: u64) -> Self {
        let power = |count: f32, power: f32| count.max(1.0).powf(-power);
        let column_weight: Vec<f32> = likes.counts().into_iter().map(|n| power(n, column)).collect();
        let row_weight: Vec<f32> = (0..likes.len())
            .map(|user| power(likes.row(user).len() as f32, row))
            .collect();
        let mut squares = 0.0;
        for (user, weight) in row_weight.iter().enumerate() {
            for (item, value) in likes.entries(user) {
                squares += f64::from(value * weight * column_weight[item as usize]).powi(2);
            }
        }
        let matrix = Weighted {
            rows: likes,
            columns,
            row_weight: &row_weight,
            column_weight: &column_weight,
        };
        Directions {
            spectrum: matrix.spectrum(rank, seed),
            unit: (squares / likes.pairs().max(1) as f64) as f32,
            column_weight,
        }
    }

    /// The vectors of items in the `rank` leading directions.
    pub(crate) fn vectors(&self, rank: usize, ridge: f32) -> Vectors {
        self.vectors_beyond(rank, rank, ridge)
    }

    /// As [`Directions::vectors`], with the coordinates of `kept` directions, at least as many: what the log is not read by
    /// may still be learnt of a user later.
    pub(super) fn vectors_beyond(&self, read: usize, kept: usize, ridge: f32) -> Vectors {
        let whole = self.spectrum.rank();
        let (read, rank) = (read.min(whole), kept.min(whole));
        let items = self.column_weight.len();
        let share: Vec<f32> = self.spectrum.squares[..rank]
            .iter()
            .map(|s| s / (s + ridge * self.unit))
            .collect();
        let (mut like, mut item) = (vec![0.0; items * rank], vec![0.0; items * rank]);
        for code in 0..items {
            let row = &self.spectrum.vectors[code * whole..code * whole + rank];
            let own: f32 = row[..read].iter().zip(&share).map(|(v, f)| f * v * v).sum();
            let others = 1.0 / (1.0 - own.min(0.9));
            for (at, (v, f)) in row.iter().zip(&share).enumerate() {
                let half = v * f.sqrt();
                like[code * rank + at] = half * self.column_weight[code];
                item[code * rank + at] = half * others;
            }
        }
        Vectors {
            read,
            rank,
            like,
            item,
        }
    }
}

impl Vectors {
    /// The direction of who liked `items`, each as much as stands beside it; zeros for who liked none.
    pub(super) fn query(&self, items: impl Iterator<Item = (u32, f32)>) -> Vec<f32> {
        let mut sum = vec![0.0; self.rank];
        for (item, value) in items {
            add(&mut sum, row(&self.like, self.rank, item), value);
        }
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        sum.iter_mut().for_each(|x| *x /= LEAST_LENGTH + length);
        sum
    }
}

/// Row `at` of a table of `width` columns.
pub(crate) fn row(table: &[f32], width: usize, at: u32) -> &[f32] {
    &table[at as usize * width..(at as usize + 1) * width]
}

/// Adds `times` x to `sum`.
pub(super) fn add(sum: &mut [f32], x: &[f32], times: f32) {
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += times * x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::stats::dot;
    use nalgebra::DMatrix;

    /// In all directions and without weights, the scores are those of EASE's closed form off its diagonal.
    #[test]
    fn in_all_directions_it_is_ease() {
        let lists: Vec<Vec<u32>> = (0..30u32)
            .map(|u| (0..12).filter(|i| (u * 7 + i * 5) % 11 < 4 + u % 3).collect())
            .collect();
        let likes = Rows::new(lists, 12);
        let directions = Directions::new(&likes, &likes.transposed(), 0.0, 0.0, 12, 1);
        let vectors = directions.vectors(12, 5.0);
        let mut x = DMatrix::<f64>::zeros(30, 12);
        for user in 0..30 {
            likes
                .row(user)
                .iter()
                .for_each(|&item| x[(user, item as usize)] = 1.0);
        }
        let p = (x.transpose() * &x + DMatrix::identity(12, 12) * 5.0)
            .try_inverse()
            .unwrap();
        for i in 0..12u32 {
            for j in (0..12u32).filter(|&j| j != i) {
                let ours = dot(
                    row(&vectors.like, vectors.rank, i),
                    row(&vectors.item, vectors.rank, j),
                );
                let truth = -p[(i as usize, j as usize)] / p[(j as usize, j as usize)];
                assert!((f64::from(ours) - truth).abs() < 1e-4, "{i} {j}: {ours} {truth}");
            }
        }
    }
}
