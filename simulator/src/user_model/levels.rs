//! How far to trust what the fit says of a user's level, and of the user's taste.
//!
//! A logit is the user's mean over all items plus the item's deviation from it. The means rest on many cells each,
//! the deviations on few, so that a fit tends to spread a user's items too wide while it tells the users apart too
//! little. One map of logits cannot put both right: its like-rates would agree over all cells, and be too high among
//! each user's best. So both parts get a slope of their own, by logistic regression on cells that the fit did not see
//! (Platt, 1999, with two scores for one).
//!
//! Where nearly all cells are a no ([`Unrated::Negative`]) the mean logit is made by the many items that a user would
//! never take up and says little of the level, so there the logit stays in one piece, with one slope: on Industrial
//! and Scientific two slopes predicted a like-rate of 0.0116 among users' best ten items, where one predicted 0.0131
//! and 0.0162 was observed; on Coat, two predicted 0.45 and one 0.52, and 0.46 was observed.

use common::stats::{dot, logistic, softplus};
use rayon::prelude::*;

use super::UserModel;
use super::calibrate::PIECE_OF_SUMS;
use crate::dataset::Unrated;

/// A cell that the fit did not see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unseen {
    /// The user's level, see [`means`].
    pub(super) mean: f32,
    /// The cell's logit minus that mean.
    pub(super) deviation: f32,
    /// Whether it was liked.
    pub(super) liked: bool,
}

/// Slopes of the two parts, and what they leave of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Levels {
    /// Slope of users' means.
    pub(super) level: f32,
    /// Slope of deviations; positive.
    pub(super) spread: f32,
    /// Mean log loss of the cells under these slopes and the best intercept.
    pub(super) log_loss: f64,
}

/// The mean logit of each user over all items; 0 where the logit stays in one piece.
pub(super) fn means(model: &UserModel, unrated: Unrated) -> Vec<f32> {
    if unrated == Unrated::Negative {
        return vec![0.0; model.users()];
    }
    let items = model.items().max(1) as f64;
    let mut vector = vec![0.0f64; model.rank];
    for row in model.item_vector.chunks(model.rank) {
        vector
            .iter_mut()
            .zip(row)
            .for_each(|(sum, y)| *sum += f64::from(*y));
    }
    let vector: Vec<f32> = vector.iter().map(|sum| (sum / items) as f32).collect();
    let bias = (model.item_bias.iter().map(|&c| f64::from(c)).sum::<f64>() / items) as f32;
    let of_user = |(x, b): (&[f32], &f32)| b + bias + dot(x, &vector);
    model
        .user_vector
        .chunks(model.rank)
        .zip(&model.user_bias)
        .map(of_user)
        .collect()
}

impl UserModel {
    /// Multiplies users' [`means`] by `level` and deviations from them by `spread`.
    pub(super) fn rescale(&mut self, unrated: Unrated, level: f32, spread: f32) {
        let means = means(self, unrated);
        for (bias, mean) in self.user_bias.iter_mut().zip(means) {
            *bias = spread * *bias + (level - spread) * mean;
        }
        self.user_vector.iter_mut().for_each(|x| *x *= spread);
        self.item_bias.iter_mut().for_each(|c| *c *= spread);
    }
}

/// The slopes that suit `cells` best, by Newton's method with step halving.
pub(super) fn fit(cells: &[Unseen]) -> Levels {
    let mut at = [1.0, 1.0, 0.0];
    let mut best = pass(cells, at);
    for _ in 0..100 {
        let step = solve(best.hessian, best.gradient);
        let moved = |scale: f64| [0, 1, 2].map(|k| at[k] - scale * step[k]);
        let mut scale = 1.0;
        let mut next = pass(cells, moved(scale));
        while (next.loss > best.loss || next.loss.is_nan()) && scale > 1e-6 {
            scale *= 0.5;
            next = pass(cells, moved(scale));
        }
        let better = next.loss < best.loss - 1e-9 * best.loss;
        if !better {
            break;
        }
        (at, best) = (moved(scale), next);
    }
    Levels {
        level: at[0].max(0.0) as f32,
        spread: at[1].max(1e-3) as f32,
        log_loss: best.loss / cells.len().max(1) as f64,
    }
}

/// Loss, gradient and Hessian, summed over cells.
#[derive(Clone, Copy)]
struct Pass {
    loss: f64,
    gradient: [f64; 3],
    hessian: [[f64; 3]; 3],
}

fn pass(cells: &[Unseen], at: [f64; 3]) -> Pass {
    let none = Pass {
        loss: 0.0,
        gradient: [0.0; 3],
        hessian: [[0.0; 3]; 3],
    };
    let of_piece = |piece: &[Unseen]| {
        let mut sums = none;
        for cell in piece {
            let x = [f64::from(cell.mean), f64::from(cell.deviation), 1.0];
            let z = at[0] * x[0] + at[1] * x[1] + at[2];
            sums.loss += softplus(if cell.liked { -z } else { z });
            let p = logistic(z);
            let (error, weight) = (p - f64::from(u8::from(cell.liked)), p * (1.0 - p));
            for j in 0..3 {
                sums.gradient[j] += error * x[j];
                for k in 0..3 {
                    sums.hessian[j][k] += weight * x[j] * x[k];
                }
            }
        }
        sums
    };
    // Pieces of a fixed size, added up in order: sums do not depend on the number of workers.
    let pieces: Vec<Pass> = cells.par_chunks(PIECE_OF_SUMS).map(of_piece).collect();
    pieces.into_iter().fold(none, |mut sum, piece| {
        sum.loss += piece.loss;
        for j in 0..3 {
            sum.gradient[j] += piece.gradient[j];
            for k in 0..3 {
                sum.hessian[j][k] += piece.hessian[j][k];
            }
        }
        sum
    })
}

/// Solves a symmetric system by elimination. The small ridge keeps it solvable where all means are equal.
fn solve(mut a: [[f64; 3]; 3], mut b: [f64; 3]) -> [f64; 3] {
    for (k, row) in a.iter_mut().enumerate() {
        row[k] += 1e-6 * (1.0 + row[k]);
    }
    for k in 0..3 {
        for j in k + 1..3 {
            let factor = a[j][k] / a[k][k];
            let pivot = a[k];
            a[j].iter_mut()
                .zip(pivot)
                .for_each(|(value, above)| *value -= factor * above);
            b[j] -= factor * b[k];
        }
    }
    for k in (0..3).rev() {
        let known: f64 = (k + 1..3).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / a[k][k];
    }
    b
}

#[cfg(test)]
mod tests {
    use common::rng::{RngExt, normal, stream};

    use super::super::calibrate::Calibration;
    use super::*;

    /// 400 users of 100 cells each; the truth is 1.5 times the mean and half of the deviation.
    fn drawn() -> Vec<Unseen> {
        let mut rng = stream(0, "test", &[]);
        let mut cells = Vec::new();
        for _ in 0..400 {
            let mean = normal(&mut rng) - 1.0;
            for _ in 0..100 {
                let deviation = 2.0 * normal(&mut rng);
                let p = logistic(f64::from(1.5 * mean + 0.5 * deviation + 0.3));
                let liked = rng.random::<f64>() < p;
                cells.push(Unseen {
                    mean,
                    deviation,
                    liked,
                });
            }
        }
        cells
    }

    #[test]
    fn both_slopes_are_found_and_loss_does_not_depend_on_scale() {
        let cells = drawn();
        let found = fit(&cells);
        assert!(
            (found.level - 1.5).abs() < 0.1 && (found.spread - 0.5).abs() < 0.03,
            "{found:?}"
        );
        let scaled = |cell: &Unseen| Unseen {
            mean: 3.0 * cell.mean - 5.0,
            deviation: 0.2 * cell.deviation,
            ..*cell
        };
        let again = fit(&cells.iter().map(scaled).collect::<Vec<_>>());
        assert!(
            (again.log_loss / found.log_loss - 1.0).abs() < 1e-4,
            "{again:?} {found:?}"
        );
        let mixed = |cell: &Unseen| Unseen {
            deviation: cell.deviation.abs(),
            ..*cell
        };
        let worse = fit(&cells.iter().map(mixed).collect::<Vec<_>>());
        assert!(worse.log_loss > 1.05 * found.log_loss);
    }

    #[test]
    fn a_model_is_rescaled_about_its_users_means() {
        let mut model = UserModel {
            rank: 1,
            user_vector: vec![0.5, -1.0],
            user_bias: vec![0.3, -2.0],
            item_vector: vec![1.0, 2.0, 6.0],
            item_bias: vec![0.1, -0.4, 0.0],
            calibration: Calibration::identity(),
        };
        let before = (means(&model, Unrated::Unknown), model.clone());
        let mut whole = model.clone();
        whole.rescale(Unrated::Negative, 1.5, 0.5);
        assert!((whole.logit(1, 2) - 0.5 * model.logit(1, 2)).abs() < 1e-5);
        model.rescale(Unrated::Unknown, 1.5, 0.5);
        for (user, item) in (0..2).flat_map(|user| (0..3).map(move |item| (user, item))) {
            let mean = before.0[user as usize];
            let expected = 1.5 * mean + 0.5 * (before.1.logit(user, item) - mean);
            assert!((model.logit(user, item) - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn equal_means_and_no_cells_are_no_trouble() {
        let cells: Vec<Unseen> = drawn()
            .into_iter()
            .map(|cell| Unseen { mean: 0.0, ..cell })
            .collect();
        let found = fit(&cells);
        assert!(found.level.is_finite() && found.spread > 0.2, "{found:?}");
        assert!(fit(&[]).spread.is_finite());
    }
}
