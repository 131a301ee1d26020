//! Intervals by resampling users: cells of one user are not independent, users are.

use common::rng::{RngExt, stream};
use rayon::prelude::*;

/// A value and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value on the users as they are.
    pub value: f64,
    /// The 2.5 % and 97.5 % quantiles over resamples; `None` where the value has no sampling error.
    pub interval: Option<(f64, f64)>,
}

impl Estimate {
    /// Of a value without sampling error.
    pub(super) fn exact(value: f64) -> Self {
        Estimate {
            value,
            interval: None,
        }
    }

    /// Of an increasing function of the value.
    pub(super) fn map(self, of: impl Fn(f64) -> f64) -> Self {
        Estimate {
            value: of(self.value),
            interval: self.interval.map(|(low, high)| (of(low), of(high))),
        }
    }
}

/// How often each of `users` counts in each of the resamples, drawn with replacement.
pub(super) struct Resamples(Vec<Vec<f32>>);

impl Resamples {
    pub(super) fn new(users: usize, resamples: u32, seed: u64) -> Self {
        let draw = |resample| {
            let mut rng = stream(seed, "fidelity bootstrap", &[u64::from(resample)]);
            let mut weights = vec![0.0; users];
            (0..users).for_each(|_| weights[rng.random_range(0..users)] += 1.0);
            weights
        };
        Resamples((0..resamples).into_par_iter().map(draw).collect())
    }

    /// The estimate of `statistic`, a function of how often each user counts.
    pub(super) fn estimate(&self, users: usize, statistic: impl Fn(&[f32]) -> f64 + Sync) -> Estimate {
        let [estimate] = self.estimates(users, |weights| [statistic(weights)]);
        estimate
    }

    /// The estimates of several statistics. All statistics, of all calls, see the same resamples.
    pub(super) fn estimates<const N: usize>(
        &self,
        users: usize,
        statistics: impl Fn(&[f32]) -> [f64; N] + Sync,
    ) -> [Estimate; N] {
        let values = statistics(&vec![1.0; users]);
        let drawn: Vec<[f64; N]> = self.0.par_iter().map(|weights| statistics(weights)).collect();
        std::array::from_fn(|at| {
            let mut drawn: Vec<f64> = drawn.iter().map(|of_all| of_all[at]).collect();
            drawn.retain(|value| value.is_finite());
            drawn.sort_by(f64::total_cmp);
            let quantile = |share: f64| drawn[((drawn.len() - 1) as f64 * share).round() as usize];
            let interval = (!drawn.is_empty()).then(|| (quantile(0.025), quantile(0.975)));
            Estimate {
                value: values[at],
                interval,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use common::rng::normal;

    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_that_of_theory() {
        let mut rng = stream(5, "test", &[]);
        let values: Vec<f64> = (0..400).map(|_| f64::from(normal(&mut rng))).collect();
        let mean = |weights: &[f32]| {
            let sum: f64 = weights.iter().zip(&values).map(|(&w, v)| f64::from(w) * v).sum();
            sum / weights.iter().map(|&w| f64::from(w)).sum::<f64>()
        };
        let estimate = Resamples::new(400, 2_000, 0).estimate(400, mean);
        let (low, high) = estimate.interval.unwrap();
        // Mean +- 1.96 / sqrt(400).
        assert!((high - low - 0.196).abs() < 0.02, "{low} {high}");
        assert!(low < estimate.value && estimate.value < high);
    }
}
