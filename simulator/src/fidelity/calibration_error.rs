//! Expected calibration error (Naeini et al., AAAI 2015): cells in bins of equal size by predicted probability,
//! the difference of predicted and observed like-rate in each, averaged by size.

use common::rng::{RngExt, stream};
use rayon::prelude::*;

/// Some cells and the bin of each.
#[derive(Debug)]
pub(super) struct Binned {
    cells: Vec<u32>,
    bin: Vec<u16>,
    bins: usize,
}

impl Binned {
    /// The cells at `cells`, in `bins` bins of equal size.
    pub(super) fn new(mut cells: Vec<u32>, probability: &[f32], bins: usize) -> Self {
        cells.sort_by(|&a, &b| probability[a as usize].total_cmp(&probability[b as usize]));
        let bin = (0..cells.len())
            .map(|at| (at * bins / cells.len()) as u16)
            .collect();
        Binned { cells, bin, bins }
    }

    /// The error when each cell counts `weight(cell)` times.
    pub(super) fn error(&self, probability: &[f32], liked: &[bool], weight: impl Fn(usize) -> f64) -> f64 {
        let mut excess = vec![0.0; self.bins];
        let mut total = 0.0;
        for (&cell, &bin) in self.cells.iter().zip(&self.bin) {
            let cell = cell as usize;
            let weight = weight(cell);
            excess[bin as usize] +=
                weight * (f64::from(probability[cell]) - f64::from(u8::from(liked[cell])));
            total += weight;
        }
        excess.iter().map(|excess| excess.abs()).sum::<f64>() / total
    }

    /// The error that likes drawn from the probabilities themselves would show, on average: what sampling noise
    /// alone does to a model that is right.
    pub(super) fn noise(&self, probability: &[f32], seed: u64) -> f64 {
        const DRAWS: u64 = 200;
        let of_draw = |draw| {
            let mut rng = stream(seed, "fidelity calibration noise", &[draw]);
            let liked: Vec<bool> = probability.iter().map(|&p| rng.random::<f32>() < p).collect();
            self.error(probability, &liked, |_| 1.0)
        };
        let errors: Vec<f64> = (0..DRAWS).into_par_iter().map(of_draw).collect();
        errors.iter().sum::<f64>() / DRAWS as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_bins_add_up_without_cancelling() {
        // Two bins: predicted 0.1 and observed 0.5; predicted 0.9 and observed 0.5.
        let (p, liked) = ([0.1, 0.1, 0.9, 0.9], [true, false, true, false]);
        let error = |bins| Binned::new(vec![0, 1, 2, 3], &p, bins).error(&p, &liked, |_| 1.0);
        assert!((error(2) - 0.4).abs() < 1e-6);
        assert!(error(1).abs() < 1e-6, "in one bin they do cancel");
    }

    #[test]
    fn only_the_given_cells_count() {
        let (p, liked) = ([0.0, 0.5, 1.0], [true, false, true]);
        assert!((Binned::new(vec![1, 2], &p, 2).error(&p, &liked, |_| 1.0) - 0.25).abs() < 1e-6);
    }

    #[test]
    fn noise_is_that_of_theory() {
        // One bin of 400 cells of probability 0.5: the mean absolute error is sqrt(2 / pi) * 0.5 / 20.
        let p = vec![0.5; 400];
        let noise = Binned::new((0..400).collect(), &p, 1).noise(&p, 0);
        assert!(
            (noise / (std::f64::consts::FRAC_2_PI.sqrt() * 0.5 / 20.0) - 1.0).abs() < 0.2,
            "{noise}"
        );
    }
}
