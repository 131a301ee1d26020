//! How often an item is liked, as far as few likes and what is known of items can tell.
//!
//! Counts of likes are Poisson with a rate of the item's own, rates are Gamma with mean exp(a + x . w): a negative binomial
//! regression on x, which is how well the language model knows the item's title, its categories and its traits. An item's
//! popularity is the logarithm of its rate's posterior mean, (n + r) m / (m + r) for n likes, the mean m and the shape r that
//! the items have in common: what is known of items speaks where likes are few, and steps back where they are many.

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;
use statrs::function::gamma::{digamma, ln_gamma};

use super::sources::Source;

/// What one standard deviation of a title's log-probability adds to the logarithm of a rate before any like is seen, and the
/// precision of that: from MovieLens' films (0.6 to 0.9).
const FAME: f64 = 0.7;
const FAME_PRECISION: f64 = 10.0;
/// Precisions of what a unit of a source adds that are tried, the first of them leaving the source out; of the intercept, about
/// [`LEVEL`]; of the shape's logarithm, about 0.
const PRECISIONS: [f64; 5] = [1e9, 100.0, 30.0, 10.0, 3.0];
const LEVEL_PRECISION: f64 = 0.05;
const SHAPE_PRECISION: f64 = 0.5;
const LEVEL: f64 = -3.0;
/// Items that the regression is fit on at most, evenly spread over the catalogue.
const MOST_ROWS: usize = 8_192;
/// Rounds of a step of Newton's method and one of the shape, at most, and the step that ends them.
const ROUNDS: usize = 30;
const DONE: f64 = 1e-5;
/// Partial sums that run side by side.
const LANES: usize = 8;
/// Rows of a piece of a sum over items.
const PIECE: usize = 512;
/// Bounds of the logarithms of rates and of the shape: what is known of an item counts for one like of its own at most, since
/// what is often met and what is liked where it is met are not the same.
const MOST: f64 = 25.0;
const SHAPES: (f64, f64) = (-7.0, 0.0);
const BISECTIONS: usize = 40;

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

/// A regression.
struct Fitted {
    weights: DVector<f64>,
    shape: f64,
    /// The logarithm of the counts' probability, weights integrated out by Laplace's method.
    evidence: f64,
}

impl Popularity {
    /// Of items that were liked `likes` times, with `fame` (standardised log-probabilities of titles, 0 where unknown) and
    /// `sources`. How far each source is trusted is what makes the likes most probable.
    pub(super) fn new(likes: &[f32], fame: Option<&[f32]>, sources: &[Source]) -> Self {
        let items = likes.len();
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
        let mut precision = DVector::from_element(width, PRECISIONS[0]);
        (mean[0], precision[0]) = (LEVEL, LEVEL_PRECISION);
        if fame.is_some() {
            (mean[1], precision[1]) = (FAME, FAME_PRECISION);
        }
        let mut model = Popularity {
            items,
            width,
            table,
            mean,
            precision,
        };
        let mut at = first;
        for source in sources {
            let tried = PRECISIONS.map(|precision| {
                model.precision.rows_mut(at, source.width).fill(precision);
                (model.fit(likes).evidence, precision)
            });
            let best = tried.into_iter().reduce(|a, b| if b.0 > a.0 { b } else { a });
            model
                .precision
                .rows_mut(at, source.width)
                .fill(best.map_or(PRECISIONS[0], |b| b.1));
            at += source.width;
        }
        model
    }

    /// The logarithm of each item's rate of likes, given how often each was liked.
    pub(super) fn of(&self, likes: &[f32]) -> Vec<f32> {
        let Fitted { weights, shape, .. } = self.fit(likes);
        (0..self.items)
            .into_par_iter()
            .map(|item| {
                let log = self.rate(item, &weights);
                (log + ((f64::from(likes[item]) + shape) / (log.exp() + shape)).ln()) as f32
            })
            .collect()
    }

    fn fit(&self, likes: &[f32]) -> Fitted {
        let stride = self.items.div_ceil(MOST_ROWS).max(1);
        let rows: Vec<usize> = (0..self.items).step_by(stride).collect();
        let counts: Vec<f64> = rows.iter().map(|&item| f64::from(likes[item])).collect();
        let mut weights = self.mean.clone();
        let total: f64 = counts.iter().sum();
        if total > 0.0 {
            weights[0] = (total / rows.len() as f64).ln();
        }
        let (mut shape, mut evidence) = (1.0, 0.0);
        for _ in 0..ROUNDS {
            let (slope, curve) = self.slope(&rows, &counts, &weights, shape);
            let Some(root) = curve.cholesky() else { break };
            let step = self.downhill(&rows, &counts, &weights, shape, root.solve(&slope));
            weights += &step;
            let log_volume = root.l_dirty().diagonal().map(f64::ln).sum();
            let means: Vec<f64> = rows.iter().map(|&item| self.rate(item, &weights).exp()).collect();
            let next = fit_shape(&counts, &means);
            let moved = step.amax().max((next / shape).ln().abs());
            shape = next;
            evidence = self.posterior(&rows, &counts, &weights, shape) - log_volume;
            if moved < DONE {
                break;
            }
        }
        evidence += 0.5 * self.precision.map(f64::ln).sum();
        Fitted {
            weights,
            shape,
            evidence,
        }
    }

    fn rate(&self, item: usize, weights: &DVector<f64>) -> f64 {
        let row = &self.table[item * self.width..(item + 1) * self.width];
        let (rows, rest) = row.as_chunks::<LANES>();
        let (of_rows, of_rest) = weights.as_slice().as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for (xs, ws) in rows.iter().zip(of_rows) {
            for lane in 0..LANES {
                sums[lane] += f64::from(xs[lane]) * ws[lane];
            }
        }
        let rest: f64 = rest.iter().zip(of_rest).map(|(&x, w)| f64::from(x) * w).sum();
        (sums.iter().sum::<f64>() + rest).clamp(-MOST, MOST)
    }

    /// The slope of the logarithm of the posterior, and its expected second derivatives with the other sign.
    fn slope(
        &self,
        rows: &[usize],
        counts: &[f64],
        weights: &DVector<f64>,
        shape: f64,
    ) -> (DVector<f64>, DMatrix<f64>) {
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
                        // The lower triangle, column by column.
                        let below = &mut curve.as_mut_slice()[at * width + at..(at + 1) * width];
                        for (sum, &y) in below.iter_mut().zip(&row[at..]) {
                            *sum += factor * f64::from(y);
                        }
                    }
                }
                (slope, curve)
            })
            .collect();
        let mut slope = (&self.mean - weights).component_mul(&self.precision);
        let mut curve = DMatrix::from_diagonal(&self.precision);
        for (more, piece) in pieces {
            slope += more;
            curve += piece;
        }
        curve.fill_upper_triangle_with_lower_triangle();
        (slope, curve)
    }

    /// The part of `step` that does not lower the posterior.
    fn downhill(
        &self,
        rows: &[usize],
        counts: &[f64],
        weights: &DVector<f64>,
        shape: f64,
        step: DVector<f64>,
    ) -> DVector<f64> {
        let here = self.posterior(rows, counts, weights, shape);
        let mut part = 1.0;
        while part > 1e-3 && self.posterior(rows, counts, &(weights + part * &step), shape) < here {
            part *= 0.5;
        }
        part * step
    }

    /// The logarithm of the posterior, but for what does not depend on weights and shape.
    fn posterior(&self, rows: &[usize], counts: &[f64], weights: &DVector<f64>, shape: f64) -> f64 {
        let level = shape * shape.ln() - ln_gamma(shape);
        let pieces: Vec<f64> = rows
            .par_chunks(PIECE)
            .zip(counts.par_chunks(PIECE))
            .map(|(rows, counts)| {
                let one = |(&item, n): (&usize, &f64)| {
                    let log = self.rate(item, weights);
                    ln_gamma(n + shape) + level + n * log - (n + shape) * (shape + log.exp()).ln()
                };
                rows.iter().zip(counts).map(one).sum()
            })
            .collect();
        let off = weights - &self.mean;
        let prior = off.component_mul(&off).dot(&self.precision) + SHAPE_PRECISION * shape.ln().powi(2);
        pieces.iter().sum::<f64>() - 0.5 * prior
    }
}

/// The most probable shape of rates with `means` that gave `counts`, by bisection of the slope in its logarithm.
fn fit_shape(counts: &[f64], means: &[f64]) -> f64 {
    let slope = |log: f64| {
        let r = log.exp();
        let level = digamma(r);
        let one = |(n, m): (&f64, &f64)| {
            let gamma = if *n > 0.0 { digamma(n + r) - level } else { 0.0 };
            gamma + (r / (r + m)).ln() + 1.0 - (r + n) / (r + m)
        };
        r * counts.iter().zip(means).map(one).sum::<f64>() - SHAPE_PRECISION * log
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

/// What the likes alone say: the logarithm of one more than each item's.
pub(super) fn counted(likes: &[f32]) -> Vec<f32> {
    likes.iter().map(|n| n.ln_1p()).collect()
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
            let found = Popularity::new(&counts, None, &[source]).of(&counts);
            // The posterior mean of a Gamma of shape 1 and mean m is (n + 1) m / (m + 1).
            for (item, (found, n)) in found.iter().zip(&counts).enumerate() {
                let m = (level + if item % 2 == 0 { 1.0 } else { -1.0 }).exp();
                let truth = ((n + 1.0) * m / (m + 1.0)).ln();
                assert!((found - truth).abs() < 0.2, "{level} {item}: {found} {truth}");
            }
        }
    }

    #[test]
    fn a_source_that_says_nothing_of_the_counts_is_left_out() {
        let (mut source, counts) = counts(0.0);
        let rates = |source: Source| Popularity::new(&counts, None, &[source]).of(&counts);
        let told = rates(source.clone());
        // Every second pair of items changes places: the kinds then tell nothing.
        source
            .table
            .chunks_exact_mut(4)
            .for_each(|four| four.copy_from_slice(&[1.0, 1.0, -1.0, -1.0]));
        let nothing = rates(source);
        let alone = Popularity::new(&counts, None, &[]).of(&counts);
        let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart(&nothing, &alone) < 0.1, "{}", apart(&nothing, &alone));
        assert!(apart(&told, &alone) > 0.5);
    }

    #[test]
    fn without_a_like_fame_decides_and_with_many_it_does_not() {
        let mut rng = stream(2, "test", &[]);
        let fame: Vec<f32> = (0..500).map(|_| normal(&mut rng)).collect();
        let none = vec![0.0; 500];
        let model = Popularity::new(&none, Some(&fame), &[]);
        let none = model.of(&none);
        for (a, b) in fame
            .windows(2)
            .map(|f| f[0] < f[1])
            .zip(none.windows(2).map(|p| p[0] < p[1]))
        {
            assert_eq!(a, b);
        }
        let many: Vec<f32> = (0..500).map(|item| (100 + item) as f32).collect();
        for (found, n) in model.of(&many).iter().zip(&many) {
            assert!((found - n.ln()).abs() < 0.02, "{found} {n}");
        }
    }

    #[test]
    fn no_items_and_wild_numbers_give_finite_rates() {
        assert!(Popularity::new(&[], None, &[]).of(&[]).is_empty());
        let likes = [1e7, 0.0, 3.0];
        let model = Popularity::new(&likes, Some(&[1e6, -1e6, 0.0]), &[]);
        assert!(model.of(&likes).iter().all(|x| x.is_finite()));
    }
}
