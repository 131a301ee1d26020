//! How often an item is liked, as far as few likes and what is known of items can tell.
//!
//! Counts of likes are Poisson with a rate of the item's own, rates are Gamma with mean exp(a + x . w): a negative binomial
//! regression on x, which is how well the language model knows the item's title, its categories and its traits. An item's
//! popularity is the logarithm of its rate's posterior mean, (n + r) m / (m + r) for n likes, the mean m and the shape r that
//! the items have in common: what is known of items speaks where likes are few, and steps back where they are many.

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use super::sources::Source;

/// What one standard deviation of a title's log-probability adds to the logarithm of a rate before any like is seen, and the
/// precision of that: from MovieLens' films (0.6 to 0.9).
const FAME: f64 = 0.7;
const FAME_PRECISION: f64 = 10.0;
/// The precision of what a unit of a source adds, about 0; of the intercept, about [`LEVEL`]; of the shape's logarithm, about 0.
const PRECISION: f64 = 1.0;
const LEVEL_PRECISION: f64 = 0.05;
const SHAPE_PRECISION: f64 = 0.5;
const LEVEL: f64 = -3.0;
/// Items that the regression is fit on at most, evenly spread over the catalogue.
const MOST_ROWS: usize = 8_192;
/// Rounds of a step of Newton's method and one of the shape, at most, and the step that ends them.
const ROUNDS: usize = 30;
const DONE: f64 = 1e-6;
/// Rows of a piece of a sum over items.
const PIECE: usize = 512;
/// Bounds of the logarithms of rates and of the shape.
const MOST: f64 = 25.0;
const SHAPES: (f64, f64) = (-7.0, 7.0);
const BISECTIONS: usize = 40;
/// Terms of the sum that the shape is fit by, before its integral.
const TERMS: usize = 64;

/// What popularity is regressed on.
#[derive(Clone, Debug)]
pub(super) struct Popularity {
    items: usize,
    /// Columns of `table`: 1, fame where it is known, the sources.
    width: usize,
    /// `[items, width]`.
    table: Vec<f32>,
    mean: DVector<f64>,
    precision: DVector<f64>,
}

impl Popularity {
    /// Of `items` with `fame` (standardised log-probabilities of titles, 0 where unknown) and `sources`.
    pub(super) fn new(items: usize, fame: Option<&[f32]>, sources: &[Source]) -> Self {
        let first = 1 + usize::from(fame.is_some());
        let width = first + sources.iter().map(|s| s.width).sum::<usize>();
        let mut table = Vec::with_capacity(items * width);
        for item in 0..items {
            table.push(1.0);
            table.extend(fame.map(|fame| fame[item]));
            for source in sources {
                table.extend(&source.table[item * source.width..(item + 1) * source.width]);
            }
        }
        let mut mean = DVector::zeros(width);
        let mut precision = DVector::from_element(width, PRECISION);
        (mean[0], precision[0]) = (LEVEL, LEVEL_PRECISION);
        if fame.is_some() {
            (mean[1], precision[1]) = (FAME, FAME_PRECISION);
        }
        Popularity {
            items,
            width,
            table,
            mean,
            precision,
        }
    }

    /// The logarithm of each item's rate of likes, given how often each was liked.
    pub(super) fn of(&self, likes: &[f32]) -> Vec<f32> {
        let stride = self.items.div_ceil(MOST_ROWS).max(1);
        let rows: Vec<usize> = (0..self.items).step_by(stride).collect();
        let counts: Vec<f64> = rows.iter().map(|&item| f64::from(likes[item])).collect();
        let mut weights = self.mean.clone();
        if let Some(total) = Some(counts.iter().sum::<f64>()).filter(|&total| total > 0.0) {
            weights[0] = (total / rows.len() as f64).ln();
        }
        let mut shape = 1.0;
        for _ in 0..ROUNDS {
            let step = self.step(&rows, &counts, &weights, shape);
            weights += &step;
            let means: Vec<f64> = rows.iter().map(|&item| self.rate(item, &weights).exp()).collect();
            let next = fit_shape(&counts, &means);
            let moved = step.amax().max((next / shape).ln().abs());
            shape = next;
            if moved < DONE {
                break;
            }
        }
        (0..self.items)
            .into_par_iter()
            .map(|item| {
                let log = self.rate(item, &weights);
                (log + ((f64::from(likes[item]) + shape) / (log.exp() + shape)).ln()) as f32
            })
            .collect()
    }

    fn rate(&self, item: usize, weights: &DVector<f64>) -> f64 {
        let row = &self.table[item * self.width..(item + 1) * self.width];
        let sum: f64 = row.iter().zip(weights.iter()).map(|(&x, w)| f64::from(x) * w).sum();
        sum.clamp(-MOST, MOST)
    }

    /// The step of Newton's method, with expected second derivatives, as long as it raises the posterior.
    fn step(&self, rows: &[usize], counts: &[f64], weights: &DVector<f64>, shape: f64) -> DVector<f64> {
        let width = self.width;
        let pieces: Vec<(DVector<f64>, DMatrix<f64>)> = rows
            .par_chunks(PIECE)
            .zip(counts.par_chunks(PIECE))
            .map(|(rows, counts)| {
                let (mut slope, mut curve) = (DVector::zeros(width), DMatrix::zeros(width, width));
                for (&item, count) in rows.iter().zip(counts) {
                    let mean = self.rate(item, weights).exp();
                    let trust = shape / (shape + mean);
                    let row = &self.table[item * width..(item + 1) * width];
                    for (at, &x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                        let x = f64::from(x);
                        slope[at] += x * (count - mean) * trust;
                        let factor = x * mean * trust;
                        for (sum, &y) in curve.column_mut(at).iter_mut().zip(row).skip(at) {
                            *sum += factor * f64::from(y);
                        }
                    }
                }
                (slope, curve)
            })
            .collect();
        let off = &self.mean - weights;
        let mut slope = off.component_mul(&self.precision);
        let mut curve = DMatrix::from_diagonal(&self.precision);
        for (more, piece) in pieces {
            slope += more;
            curve += piece;
        }
        curve.fill_upper_triangle_with_lower_triangle();
        let Some(step) = curve.cholesky().map(|c| c.solve(&slope)) else {
            return DVector::zeros(width);
        };
        let here = self.posterior(rows, counts, weights, shape);
        let mut part = 1.0;
        while part > 1e-3 && self.posterior(rows, counts, &(weights + part * &step), shape) < here {
            part *= 0.5;
        }
        part * step
    }

    /// The logarithm of the posterior at a fixed shape, but for what does not depend on the weights.
    fn posterior(&self, rows: &[usize], counts: &[f64], weights: &DVector<f64>, shape: f64) -> f64 {
        let pieces: Vec<f64> = rows
            .par_chunks(PIECE)
            .zip(counts.par_chunks(PIECE))
            .map(|(rows, counts)| {
                let one = |(&item, count): (&usize, &f64)| {
                    let log = self.rate(item, weights);
                    count * log - (count + shape) * (shape + log.exp()).ln()
                };
                rows.iter().zip(counts).map(one).sum()
            })
            .collect();
        let off = weights - &self.mean;
        pieces.iter().sum::<f64>() - 0.5 * off.component_mul(&off).dot(&self.precision)
    }
}

/// The most probable shape of rates with `means` that gave `counts`, by bisection of the slope in its logarithm.
fn fit_shape(counts: &[f64], means: &[f64]) -> f64 {
    // The slope of ln Gamma(n + r) - ln Gamma(r) is the sum of 1 / (r + k) over k < n: how many counts are above each k, and
    // for the rest of large ones its integral.
    let mut above = [0.0; TERMS];
    for &count in counts {
        for above in &mut above[..(count as usize).min(TERMS)] {
            *above += 1.0;
        }
    }
    let terms = TERMS as f64;
    let slope = |log: f64| {
        let r = log.exp();
        let one = |(n, m): (&f64, &f64)| {
            let large = if *n > terms {
                ((n + r - 0.5) / (terms + r - 0.5)).ln()
            } else {
                0.0
            };
            large + (r / (r + m)).ln() + 1.0 - (r + n) / (r + m)
        };
        let small = above.iter().zip(0..).map(|(n, k)| n / (r + f64::from(k)));
        let sum = small.sum::<f64>() + counts.iter().zip(means).map(one).sum::<f64>();
        r * sum - SHAPE_PRECISION * log
    };
    let (mut low, mut high) = SHAPES;
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        if slope(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (0.5 * (low + high)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::rng::{RngExt, normal, stream};

    /// Items of two kinds, the liked one e^2 times as popular; a gamma of shape 1 is an exponential.
    fn counts(level: f32) -> (Source, Vec<f32>) {
        let mut rng = stream(1, "test", &[]);
        let (mut table, mut counts) = (Vec::new(), Vec::new());
        for item in 0..3000 {
            let kind = if item % 2 == 0 { 1.0 } else { -1.0 };
            table.push(kind);
            let rate = (level + kind).exp() * -(1.0 - rng.random::<f32>()).ln();
            // A Poisson number, by the exponential waits that fit into the rate.
            let (mut left, mut count) = (rate, -1.0);
            while left >= 0.0 {
                left += (1.0 - rng.random::<f32>()).ln();
                count += 1.0;
            }
            counts.push(count);
        }
        let source = Source {
            name: "kinds",
            width: 1,
            table,
            users: Vec::new(),
        };
        (source, counts)
    }

    #[test]
    fn rates_are_those_that_made_the_counts() {
        for level in [-1.5, 0.0, 6.5] {
            let (source, counts) = counts(level);
            let found = Popularity::new(counts.len(), None, &[source]).of(&counts);
            // The posterior mean of a Gamma of shape 1 and mean m is (n + 1) m / (m + 1).
            for (item, (found, n)) in found.iter().zip(&counts).enumerate() {
                let m = (level + if item % 2 == 0 { 1.0 } else { -1.0 }).exp();
                let truth = ((n + 1.0) * m / (m + 1.0)).ln();
                assert!((found - truth).abs() < 0.15, "{level} {item}: {found} {truth}");
            }
        }
    }

    #[test]
    fn without_a_like_fame_decides_and_with_many_it_does_not() {
        let mut rng = stream(2, "test", &[]);
        let fame: Vec<f32> = (0..500).map(|_| normal(&mut rng)).collect();
        let model = Popularity::new(fame.len(), Some(&fame), &[]);
        let none = model.of(&vec![0.0; 500]);
        for (a, b) in fame.windows(2).map(|f| f[0] < f[1]).zip(none.windows(2).map(|p| p[0] < p[1])) {
            assert_eq!(a, b);
        }
        let many: Vec<f32> = (0..500).map(|item| (100 + item) as f32).collect();
        for (found, n) in model.of(&many).iter().zip(&many) {
            assert!((found - n.ln()).abs() < 0.02, "{found} {n}");
        }
    }

    #[test]
    fn no_items_and_wild_numbers_give_finite_rates() {
        assert!(Popularity::new(0, None, &[]).of(&[]).is_empty());
        let model = Popularity::new(3, Some(&[1e6, -1e6, 0.0]), &[]);
        assert!(model.of(&[1e7, 0.0, 3.0]).iter().all(|x| x.is_finite()));
    }
}
