//! Linear discriminants with users as classes.

use common::{Error, Result};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::features::Features;

/// Who likes what: for each user the liked items, as rows of the features, every item once.
pub(super) struct Likes {
    of_users: Vec<Vec<u32>>,
}

impl Likes {
    /// Of these users.
    pub(super) fn new(of_users: Vec<Vec<u32>>) -> Self {
        Likes { of_users }
    }

    /// How many likes there are.
    pub(super) fn count(&self) -> usize {
        self.of_users.iter().map(Vec::len).sum()
    }

    /// How many users like something.
    pub(super) fn users(&self) -> usize {
        self.of_users.iter().filter(|liked| !liked.is_empty()).count()
    }
}

/// Directions in which users differ, those with the largest share of variance between users first.
pub(super) struct Discriminants {
    /// width x dimensions, each column scaled by the root of its share.
    weights: DMatrix<f64>,
    mean: DVector<f64>,
    shares: Vec<f64>,
}

impl Discriminants {
    /// Fits `dimensions` directions to the likes of the items that `takes_part` allows.
    ///
    /// With h the features of an item, N likes, n_u of them of user u, and all sums over likes,
    /// total covariance B = 1/N sum h h^T - m m^T, and between covariance
    /// A = 1/N sum_u 1/(n_u - 1) sum_(i != j of u) h_i h_j^T - m m^T, unbiased, for no item is paired with itself;
    /// the directions solve A w = share (B + ridge tr(B)/p I) w.
    ///
    /// # Errors
    /// When no user has two likes that take part.
    pub(super) fn fit(
        features: &Features,
        likes: &Likes,
        dimensions: usize,
        ridge: f64,
        takes_part: impl Fn(u32) -> bool,
    ) -> Result<Self> {
        let width = features.width();
        let mut sums: Vec<f64> = Vec::new();
        // Of each item: how many likes, and how much the products with itself weigh in the users' sums.
        let mut count = vec![0.0; features.len()];
        let mut itself = vec![0.0; features.len()];
        for liked in &likes.of_users {
            let liked: Vec<usize> = liked
                .iter()
                .filter(|&&item| takes_part(item))
                .map(|&item| item as usize)
                .collect();
            if liked.len() < 2 {
                continue;
            }
            let weight = 1.0 / (liked.len() - 1) as f64;
            let start = sums.len();
            sums.resize(start + width, 0.0);
            for &item in &liked {
                count[item] += 1.0;
                itself[item] += weight;
                let row = features.row(item);
                sums[start..]
                    .iter_mut()
                    .zip(row)
                    .for_each(|(sum, value)| *sum += value * weight.sqrt());
            }
        }
        let total: f64 = count.iter().sum();
        if total == 0.0 {
            return Err(Error::data(
                "no user likes two items that have a profile: there is nothing to fit to",
            )
            .hint("states with a larger --window, or of a longer log, hold more likes"));
        }
        let mut mean = DVector::zeros(width);
        let (mut once, mut paired) = (Vec::new(), Vec::new());
        for item in (0..features.len()).filter(|&item| count[item] > 0.0) {
            let row = DVector::from_column_slice(features.row(item));
            once.extend((&row * (count[item] / total).sqrt()).iter());
            paired.extend((&row * (itself[item] / total).sqrt()).iter());
            mean += row * (count[item] / total);
        }
        let outer = &mean * mean.transpose();
        let products = |rows: Vec<f64>| {
            let rows = DMatrix::from_column_slice(width, rows.len() / width, &rows);
            &rows * rows.transpose()
        };
        let between = products(sums) / total - products(paired) - &outer;
        let mut spread = products(once) - &outer;
        let ridge = ridge * spread.trace() / width as f64;
        (0..width).for_each(|at| spread[(at, at)] += ridge.max(1e-9));
        let (weights, shares) = solve(between, spread, dimensions)?;
        Ok(Discriminants {
            weights,
            mean,
            shares,
        })
    }

    /// How many directions there are.
    pub(super) fn dimensions(&self) -> usize {
        self.shares.len()
    }

    /// The share of variance that is between users, in [0, 1], of each direction.
    pub(super) fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The refined traits of a row of features.
    pub(super) fn apply(&self, row: &[f64]) -> Vec<f64> {
        let row = DVector::from_column_slice(row) - &self.mean;
        self.weights.tr_mul(&row).iter().copied().collect()
    }
}

/// The leading generalised eigenvectors of the symmetric pair, scaled by the roots of their values.
fn solve(between: DMatrix<f64>, spread: DMatrix<f64>, dimensions: usize) -> Result<(DMatrix<f64>, Vec<f64>)> {
    let degenerate = || {
        Error::data("the traits cannot be told apart: their covariance is degenerate")
            .hint("a larger --ridge helps where traits say the same")
    };
    let factor = spread.cholesky().ok_or_else(degenerate)?.unpack();
    // L^-1 A L^-T
    let half = factor.solve_lower_triangular(&between).ok_or_else(degenerate)?;
    let symmetric = factor
        .solve_lower_triangular(&half.transpose())
        .ok_or_else(degenerate)?;
    let symmetric = (&symmetric + symmetric.transpose()) * 0.5;
    let found = SymmetricEigen::new(symmetric);
    let mut order: Vec<usize> = (0..found.eigenvalues.len()).collect();
    order.sort_by(|&a, &b| {
        found.eigenvalues[b]
            .total_cmp(&found.eigenvalues[a])
            .then(a.cmp(&b))
    });
    order.truncate(dimensions);
    let shares: Vec<f64> = order
        .iter()
        .map(|&at| found.eigenvalues[at].clamp(0.0, 1.0))
        .collect();
    let mut leading = DMatrix::zeros(found.eigenvectors.nrows(), order.len());
    for (to, &at) in order.iter().enumerate() {
        let column = found.eigenvectors.column(at);
        // The sign of an eigenvector is arbitrary: its largest entry is made positive.
        let sign = column.iter().copied().fold(
            0.0_f64,
            |most, value| {
                if value.abs() > most.abs() { value } else { most }
            },
        );
        leading.set_column(to, &(column * (shares[to].sqrt() * sign.signum())));
    }
    let weights = factor
        .transpose()
        .solve_upper_triangular(&leading)
        .ok_or_else(degenerate)?;
    if weights.iter().any(|weight| !weight.is_finite()) {
        return Err(degenerate());
    }
    Ok((weights, shares))
}
