//! Matrix factorisation of implicit feedback by alternating least squares (Hu, Koren and Volinsky 2008), as the package
//! `implicit` states it: the least sum over all pairs of c (p - x_u . y_i)^2 + ridge (|X|^2 + |Y|^2), where p is 1 with the
//! confidence c = alpha for a like, and 0 with the confidence 1 for every other pair. Where a pair counts something else than
//! a like, p is that.

use common::rng::{RngExt, stream};
use common::{Error, Result};
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use super::AlsConfig;
use super::policy::Vectors;
use crate::appeal::{Log, Rows};

/// Rows of a piece of a sum over rows.
const PIECE: usize = 1_024;

/// The factors of items, and of users in their memories: users, then items, [`AlsConfig::iterations`] times, each half
/// solved exactly.
///
/// # Errors
/// Equations without a solution.
pub(super) fn vectors(log: &Log, config: &AlsConfig, seed: u64) -> Result<Vectors> {
    let columns = log.likes.transposed();
    let factors = config.factors;
    let mut items = start(columns.len(), factors, seed);
    let mut users = vec![0.0; log.likes.len() * factors];
    for _ in 0..config.iterations {
        users = half(&log.likes, &items, config)?;
        items = half(&columns, &users, config)?;
    }
    let single = |table: &[f64]| table.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    Ok(Vectors::of_known_users(factors, single(&items), single(&users)))
}

/// Small positive numbers, as `implicit` starts from; single precision, so that a policy of no iterations holds them.
fn start(rows: usize, factors: usize, seed: u64) -> Vec<f64> {
    let mut rng = stream(seed, "pretrain/als", &[]);
    (0..rows * factors)
        .map(|_| f64::from(0.01 * rng.random::<f32>()))
        .collect()
}

/// The factors of `rows` that solve their normal equations, given those of the columns: with A = Y'Y + ridge I plus
/// (alpha - 1) y y' over the liked, x = A^-1 (alpha times the sum of the liked y).
fn half(rows: &Rows, other: &[f64], config: &AlsConfig) -> Result<Vec<f64>> {
    let (factors, alpha) = (config.factors, f64::from(config.alpha));
    let mut base = DMatrix::identity(factors, factors) * f64::from(config.ridge);
    let pieces: Vec<DMatrix<f64>> = other
        .par_chunks(factors * PIECE)
        .map(|piece| {
            let y = DMatrix::from_column_slice(factors, piece.len() / factors, piece);
            &y * y.transpose()
        })
        .collect();
    for piece in pieces {
        base += piece;
    }
    // Where a like counts as much as any other pair all rows have the same matrix.
    let shared = base.clone().cholesky();
    let solved: Option<Vec<Vec<f64>>> = (0..rows.len())
        .into_par_iter()
        .map(|row| {
            let mut right = DVector::zeros(factors);
            let mut own = (alpha != 1.0 && !rows.row(row).is_empty()).then(|| base.clone());
            for (column, value) in rows.entries(row) {
                let start = column as usize * factors;
                let y = DVector::from_column_slice(&other[start..start + factors]);
                if let Some(own) = &mut own {
                    own.ger(alpha - 1.0, &y, &y, 1.0);
                }
                right.axpy(alpha * f64::from(value), &y, 1.0);
            }
            let solution = match own {
                Some(own) => own.cholesky()?.solve(&right),
                None => shared.as_ref()?.solve(&right),
            };
            Some(solution.as_slice().to_vec())
        })
        .collect();
    solved.map(|rows| rows.concat()).ok_or_else(|| {
        Error::usage("the normal equations of alternating least squares have no single solution")
            .hint("take a larger --ridge")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::tests::{example, log_of};

    const CONFIG: AlsConfig = AlsConfig {
        factors: 5,
        ridge: 0.05,
        alpha: 7.0,
        iterations: 6,
    };

    fn objective(rows: &Rows, users: &[f64], items: &[f64], config: &AlsConfig) -> f64 {
        let k = config.factors;
        let mut sum = f64::from(config.ridge) * users.iter().chain(items).map(|x| x * x).sum::<f64>();
        for (user, x) in users.chunks_exact(k).enumerate() {
            for (item, y) in items.chunks_exact(k).enumerate() {
                let liked = rows.row(user).contains(&(item as u32));
                let (c, p) = if liked {
                    (f64::from(config.alpha), 1.0)
                } else {
                    (1.0, 0.0)
                };
                sum += c * (p - x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>()).powi(2);
            }
        }
        sum
    }

    /// The gradient of the objective by a user's factors is 0 after their half step, by finite differences, and no half step
    /// raises the objective.
    #[test]
    fn normal_equations_hold_after_a_half_step() {
        for alpha in [1.0, CONFIG.alpha] {
            let config = AlsConfig { alpha, ..CONFIG };
            let rows = example(25, 18);
            let columns = rows.transposed();
            let mut items = start(18, config.factors, 3);
            let mut last = f64::INFINITY;
            for _ in 0..4 {
                let mut users = half(&rows, &items, &config).unwrap();
                for at in 0..users.len() {
                    let (x, step) = (users[at], 1e-4);
                    users[at] = x + step;
                    let above = objective(&rows, &users, &items, &config);
                    users[at] = x - step;
                    let slope = (above - objective(&rows, &users, &items, &config)) / (2.0 * step);
                    users[at] = x;
                    assert!(slope.abs() < 1e-5, "{at}: {slope}");
                }
                items = half(&columns, &users, &config).unwrap();
                let now = objective(&rows, &users, &items, &config);
                assert!(now <= last);
                last = now;
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_factors_and_another_one_others() {
        let log = log_of(example(25, 18));
        let of = |seed| vectors(&log, &CONFIG, seed).unwrap().item;
        assert!(of(1) == of(1) && of(1) != of(2));
    }
}
