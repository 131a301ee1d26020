//! Expected calibration error (Naeini et al., AAAI 2015): cells in bins of equal size by predicted probability,
//! the difference of predicted and observed like-rate in each, averaged by size.
//!
//! The difference of a bin is never 0, even for a model that is right, because likes are drawn; see
//! [`Binned::noise`]. Few cells therefore go into few bins: a bin has [`CELLS_A_BIN`] of them, which keeps the
//! standard error of its like-rate at 0.025 or less.

use common::rng::{RngExt, stream};
use rayon::prelude::*;

use super::cells::TestCells;

/// Cells that a bin needs, at least.
const CELLS_A_BIN: usize = 400;

/// Some cells and the bin of each; by cell in rising order, as they lie in memory.
#[derive(Debug)]
pub(super) struct Binned<'a> {
    test: &'a TestCells,
    cells: Vec<(u32, u16)>,
    /// How many bins there are.
    pub(super) bins: usize,
}

impl<'a> Binned<'a> {
    /// Those of `test` at the places `cells`, in at most `most` bins of equal size.
    pub(super) fn new(test: &'a TestCells, mut cells: Vec<u32>, most: usize) -> Self {
        let probability = |cell: u32| test.probability[cell as usize];
        cells.sort_by(|&a, &b| probability(a).total_cmp(&probability(b)));
        let (count, bins) = (cells.len(), (cells.len() / CELLS_A_BIN).clamp(1, most));
        let bin = |at: usize| (at * bins / count) as u16;
        let mut cells: Vec<(u32, u16)> = cells
            .iter()
            .enumerate()
            .map(|(at, &cell)| (cell, bin(at)))
            .collect();
        cells.sort_unstable();
        Binned { test, cells, bins }
    }

    /// The error when each user's cells count so many times.
    pub(super) fn error(&self, users: &[f32]) -> f64 {
        let user = |cell: usize| f64::from(users[self.test.user[cell] as usize]);
        self.error_of(user, |cell| self.test.liked[cell])
    }

    fn error_of(&self, weight: impl Fn(usize) -> f64, mut liked: impl FnMut(usize) -> bool) -> f64 {
        let mut excess = vec![0.0; self.bins];
        let mut total = 0.0;
        for &(cell, bin) in &self.cells {
            let cell = cell as usize;
            let weight = weight(cell);
            let label = f64::from(u8::from(liked(cell)));
            excess[bin as usize] += weight * (f64::from(self.test.probability[cell]) - label);
            total += weight;
        }
        excess.iter().map(|excess| excess.abs()).sum::<f64>() / total
    }

    /// The error that likes drawn from the probabilities themselves would show, on average: what sampling noise
    /// alone does to a model that is right.
    pub(super) fn noise(&self, seed: u64) -> f64 {
        const DRAWS: u64 = 100;
        let of_draw = |draw| {
            let mut rng = stream(seed, "fidelity calibration noise", &[draw]);
            self.error_of(|_| 1.0, |cell| rng.random::<f32>() < self.test.probability[cell])
        };
        let errors: Vec<f64> = (0..DRAWS).into_par_iter().map(of_draw).collect();
        errors.iter().sum::<f64>() / DRAWS as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of equal cells, one user each: how many, their probability, how many of them liked.
    fn blocks(blocks: &[(usize, f32, usize)]) -> TestCells {
        let mut test = TestCells::default();
        for (&(count, probability, likes), user) in blocks.iter().zip(0..) {
            test.user.extend(vec![user; count]);
            test.probability.extend(vec![probability; count]);
            test.liked.extend((0..count).map(|at| at < likes));
        }
        test
    }

    fn all(test: &TestCells) -> Vec<u32> {
        (0..test.user.len() as u32).collect()
    }

    #[test]
    fn errors_of_bins_add_up_without_cancelling() {
        let test = blocks(&[(400, 0.1, 200), (400, 0.9, 200)]);
        let error = |most| Binned::new(&test, all(&test), most).error(&[1.0, 1.0]);
        assert!((error(20) - 0.4).abs() < 1e-6);
        assert!(error(1).abs() < 1e-6, "in one bin they do cancel");
        let weighted = Binned::new(&test, all(&test), 20).error(&[3.0, 1.0]);
        assert!((weighted - 0.4).abs() < 1e-6);
    }

    #[test]
    fn few_cells_go_into_few_bins_and_only_the_given_ones_count() {
        let test = blocks(&[(400, 0.1, 0), (400, 0.9, 200)]);
        assert_eq!(Binned::new(&test, all(&test), 20).bins, 2);
        let second = Binned::new(&test, (400..800).collect(), 20);
        assert_eq!(second.bins, 1);
        assert!((second.error(&[1.0, 1.0]) - 0.4).abs() < 1e-6);
    }

    #[test]
    fn noise_is_that_of_theory() {
        // One bin of 400 cells of probability 0.5: the mean absolute error is sqrt(2 / pi) * 0.5 / 20.
        let test = blocks(&[(400, 0.5, 200)]);
        let noise = Binned::new(&test, all(&test), 20).noise(0);
        assert!(
            (noise / (std::f64::consts::FRAC_2_PI.sqrt() * 0.5 / 20.0) - 1.0).abs() < 0.3,
            "{noise}"
        );
    }
}
