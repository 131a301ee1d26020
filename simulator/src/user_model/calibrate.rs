//! Calibration: from the factorisation's logit to one whose probabilities match observed like-rates.
//!
//! Most cells have a tiny probability, and the few that matter to a policy lie at the top, so that bins of equal
//! size would put all of them into one. The steps: Platt's logistic map (Platt, 1999); bins of equal expected
//! number of likes along it, and in each the shift that makes expected and observed likes agree; isotonic
//! regression over the bins (pool adjacent violators, Zadrozny and Elkan, KDD 2002) so that the order of cells
//! is kept; linear interpolation between bins; a last shift that makes the overall like-rate agree exactly.

use common::stats::{logistic, softplus};
use common::{Error, Result};
use rayon::prelude::*;

/// A piecewise linear, increasing map of logits.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Slope beyond the first and the last knot; positive.
    pub slope: f32,
    /// (logit, calibrated logit), both increasing; at least one.
    pub knots: Vec<(f32, f32)>,
}

impl Calibration {
    /// The map that changes nothing.
    pub fn identity() -> Self {
        Calibration {
            slope: 1.0,
            knots: vec![(0.0, 0.0)],
        }
    }

    /// The calibrated logit.
    pub fn apply(&self, logit: f32) -> f32 {
        let above = self.knots.partition_point(|&(x, _)| x <= logit);
        if above == 0 || above == self.knots.len() {
            let (x, y) = self.knots[above.saturating_sub(1)];
            return y + self.slope * (logit - x);
        }
        let ((x0, y0), (x1, y1)) = (self.knots[above - 1], self.knots[above]);
        y0 + (y1 - y0) * (logit - x0) / (x1 - x0)
    }
}

/// Most bins, and the expected likes that a bin needs.
const MOST_BINS: usize = 20;
const LIKES_A_BIN: usize = 50;
/// Fewer likes than this say nothing about calibration.
const FEWEST_LIKES: usize = 10;
/// The prior precision of a bin's shift; it keeps a bin without any like finite.
const SHIFT_PRECISION: f64 = 1.0;

/// Fits the map to `cells`: (logit, liked).
///
/// # Errors
/// When there are too few likes, or nothing but likes.
pub fn fit(mut cells: Vec<(f32, bool)>) -> Result<Calibration> {
    let likes = cells.iter().filter(|(_, liked)| *liked).count();
    if likes < FEWEST_LIKES || likes == cells.len() {
        return Err(Error::data(format!(
            "the calibration fold has {likes} likes among {} cells: too few to calibrate on, {FEWEST_LIKES} are needed",
            cells.len()
        ))
        .hint("import a larger dataset, hold out more (a lower --log-share), or lower the like threshold"));
    }
    cells.par_sort_by(|a, b| a.0.total_cmp(&b.0));
    let (slope, intercept) = platt(&cells);
    let platt_logit = |logit: f32| slope * f64::from(logit) + intercept;

    let bins = (likes / LIKES_A_BIN).clamp(1, MOST_BINS);
    let blocks = bin(&cells, bins, platt_logit);
    let mut knots: Vec<(f32, f32)> = pool(blocks).iter().map(|b| (b.x as f32, b.y as f32)).collect();
    knots.dedup_by(|later, earlier| later.0 <= earlier.0);
    let mut calibration = Calibration {
        slope: slope as f32,
        knots,
    };
    let shift = shift_to_match(&cells, |logit| f64::from(calibration.apply(logit)), 0.0);
    for knot in &mut calibration.knots {
        knot.1 += shift as f32;
    }
    Ok(calibration)
}

/// Cells a parallel piece; fixed, so that sums do not depend on the number of workers.
pub(super) const PIECE_OF_SUMS: usize = 1 << 16;

/// The sum of `of_cell` over `cells`, added up in a fixed order.
fn sum<const N: usize>(cells: &[(f32, bool)], of_cell: impl Fn(&(f32, bool)) -> [f64; N] + Sync) -> [f64; N] {
    let add = |a: [f64; N], b: [f64; N]| std::array::from_fn(|at| a[at] + b[at]);
    let pieces: Vec<[f64; N]> = cells
        .par_chunks(PIECE_OF_SUMS)
        .map(|piece| piece.iter().map(&of_cell).fold([0.0; N], add))
        .collect();
    pieces.into_iter().fold([0.0; N], add)
}

fn log_loss(cells: &[(f32, bool)], slope: f64, intercept: f64) -> f64 {
    let [loss] = sum(cells, |&(logit, liked)| {
        let z = slope * f64::from(logit) + intercept;
        [softplus(if liked { -z } else { z })]
    });
    loss
}

/// Slope and intercept of Platt's map, by Newton's method with step halving. The slope is kept positive.
fn platt(cells: &[(f32, bool)]) -> (f64, f64) {
    let (mut slope, mut intercept) = (1.0, 0.0);
    let mut best = log_loss(cells, slope, intercept);
    for _ in 0..100 {
        let [g0, g1, h00, h01, h11] = sum(cells, |&(logit, liked)| {
            let x = f64::from(logit);
            let p = logistic(slope * x + intercept);
            let (error, weight) = (p - f64::from(u8::from(liked)), p * (1.0 - p));
            [error * x, error, weight * x * x, weight * x, weight]
        });
        let (h00, h11) = (h00 + 1e-9, h11 + 1e-9);
        let determinant = h00 * h11 - h01 * h01;
        let step = (
            (h11 * g0 - h01 * g1) / determinant,
            (h00 * g1 - h01 * g0) / determinant,
        );
        let mut scale = 1.0;
        let mut next = log_loss(cells, slope - step.0, intercept - step.1);
        while (next > best || next.is_nan()) && scale > 1e-6 {
            scale *= 0.5;
            next = log_loss(cells, slope - scale * step.0, intercept - scale * step.1);
        }
        let better = next < best - 1e-9 * best;
        if !better {
            break;
        }
        (slope, intercept, best) = (slope - scale * step.0, intercept - scale * step.1, next);
    }
    (slope.max(1e-3), intercept)
}

/// A stretch of cells of similar logit: its place x, its calibrated logit y, its expected likes.
#[derive(Clone, Copy, Debug)]
struct Block {
    x: f64,
    y: f64,
    weight: f64,
}

/// Cuts sorted cells into bins of equal expected likes.
fn bin(cells: &[(f32, bool)], bins: usize, platt_logit: impl Fn(f32) -> f64 + Sync) -> Vec<Block> {
    let expected: Vec<f64> = cells
        .iter()
        .map(|&(logit, _)| logistic(platt_logit(logit)))
        .collect();
    let total: f64 = expected.iter().sum();
    let mut blocks = Vec::with_capacity(bins);
    let (mut from, mut sum) = (0, 0.0);
    for (at, p) in expected.iter().enumerate() {
        sum += p;
        let full = sum >= total * (blocks.len() + 1) as f64 / bins as f64 && blocks.len() + 1 < bins;
        if full || at + 1 == cells.len() {
            let (of_bin, of_bin_expected) = (&cells[from..=at], &expected[from..=at]);
            let weight: f64 = of_bin_expected.iter().sum();
            let x = of_bin
                .iter()
                .zip(of_bin_expected)
                .map(|(cell, p)| f64::from(cell.0) * p)
                .sum::<f64>()
                / weight;
            let shift = shift_to_match(of_bin, &platt_logit, SHIFT_PRECISION);
            blocks.push(Block {
                x,
                y: platt_logit(x as f32) + shift,
                weight,
            });
            from = at + 1;
        }
    }
    blocks
}

/// The shift of all logits that makes expected and observed likes agree, shrunk towards 0 by a normal prior.
fn shift_to_match(cells: &[(f32, bool)], logit: impl Fn(f32) -> f64 + Sync, precision: f64) -> f64 {
    let likes = cells.iter().filter(|(_, liked)| *liked).count() as f64;
    let mut shift = 0.0;
    for _ in 0..100 {
        let [expected, weight] = sum(cells, |&(x, _)| {
            let p = logistic(logit(x) + shift);
            [p, p * (1.0 - p)]
        });
        let weight = weight + precision;
        // Steps of at most 1 keep Newton's method from leaping over the flat ends of the logistic curve.
        let step = ((expected - likes + precision * shift) / weight.max(1e-12)).clamp(-1.0, 1.0);
        shift -= step;
        if step.abs() < 1e-10 {
            break;
        }
    }
    shift
}

/// Pools adjacent blocks until y increases with x.
fn pool(blocks: Vec<Block>) -> Vec<Block> {
    let mut pooled: Vec<Block> = Vec::with_capacity(blocks.len());
    for mut block in blocks {
        while let Some(last) = pooled.last().copied().filter(|last| last.y >= block.y) {
            pooled.pop();
            let weight = last.weight + block.weight;
            let mean = |a: f64, b: f64| (a * last.weight + b * block.weight) / weight;
            block = Block {
                x: mean(last.x, block.x),
                y: mean(last.y, block.y),
                weight,
            };
        }
        pooled.push(block);
    }
    pooled
}

#[cfg(test)]
mod tests {
    use common::rng::{RngExt, stream};

    use super::*;

    /// Cells whose true probability is sigmoid(0.6 z - 1), less than that at the top.
    fn distorted(count: usize) -> Vec<(f32, bool)> {
        let mut rng = stream(0, "test", &[]);
        let mut draw = || {
            let z: f32 = rng.random_range(-8.0..4.0);
            let truth = (0.6 * z - 1.0).min(0.3);
            (z, rng.random::<f64>() < logistic(f64::from(truth)))
        };
        (0..count).map(|_| draw()).collect()
    }

    #[test]
    fn bent_probabilities_are_straightened() {
        let calibration = fit(distorted(200_000)).unwrap();
        for z in [-6.0f32, -3.0, 0.0, 1.0, 2.5, 3.5] {
            let (truth, found) = ((0.6 * z - 1.0).min(0.3), calibration.apply(z));
            let (truth, found) = (logistic(f64::from(truth)), logistic(f64::from(found)));
            assert!((truth - found).abs() < 0.05, "at {z}: {truth} {found}");
        }
    }

    #[test]
    fn the_overall_rate_agrees_and_the_order_is_kept() {
        let cells = distorted(20_000);
        let calibration = fit(cells.clone()).unwrap();
        let expected: f64 = cells
            .iter()
            .map(|&(z, _)| logistic(f64::from(calibration.apply(z))))
            .sum();
        let likes = cells.iter().filter(|(_, liked)| *liked).count() as f64;
        assert!((expected / likes - 1.0).abs() < 1e-3, "{expected} {likes}");
        let calibrated: Vec<f32> = (-200..200).map(|i| calibration.apply(i as f32 / 10.0)).collect();
        assert!(calibrated.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_useless_logit_still_gives_the_right_rate() {
        let mut rng = stream(0, "test", &[1]);
        let cells: Vec<(f32, bool)> = (0..10_000)
            .map(|_| (rng.random(), rng.random::<f32>() < 0.1))
            .collect();
        let rate = cells.iter().filter(|c| c.1).count() as f64 / 1e4;
        let calibration = fit(cells).unwrap();
        assert!((logistic(f64::from(calibration.apply(0.5))) - rate).abs() < 0.02);
    }

    #[test]
    fn too_few_likes_are_refused() {
        let error = fit(vec![(0.0, true), (1.0, false)]).unwrap_err().to_string();
        assert!(
            error.contains("1 likes among 2 cells") && error.contains("--log-share"),
            "{error}"
        );
    }
}
