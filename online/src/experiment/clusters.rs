//! Sums over users, whose answers belong together: ratios of sums, and their variance with users as the independent units.

use common::ids::{Dictionary, IdKind};
use serde::{Deserialize, Serialize};

/// `N` sums for each user, and what variances need of them, kept up to date in a few operations per change.
#[derive(Debug, Clone)]
pub(crate) struct Clusters<const N: usize> {
    users: Dictionary,
    rows: Vec<[f64; N]>,
    totals: [f64; N],
    /// Sums over users of products of their sums.
    products: [[f64; N]; N],
}

/// A user's sums on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved(String, Vec<f64>);

impl<const N: usize> Default for Clusters<N> {
    fn default() -> Self {
        Clusters {
            users: Dictionary::new(IdKind::Text),
            rows: Vec::new(),
            totals: [0.0; N],
            products: [[0.0; N]; N],
        }
    }
}

impl<const N: usize> Clusters<N> {
    /// Adds to the sums of `user`.
    pub(crate) fn add(&mut self, user: &str, more: [f64; N]) {
        let code = self.users.intern(user) as usize;
        if code == self.rows.len() {
            self.rows.push([0.0; N]);
        }
        let before = self.rows[code];
        for (sum, more) in self.rows[code].iter_mut().zip(more) {
            *sum += more;
        }
        let after = self.rows[code];
        for a in 0..N {
            self.totals[a] += more[a];
            for b in 0..N {
                self.products[a][b] += after[a] * after[b] - before[a] * before[b];
            }
        }
    }

    /// How many users there are.
    pub(crate) fn users(&self) -> usize {
        self.rows.len()
    }

    /// The sum of sum `of` over all users.
    pub(crate) fn total(&self, of: usize) -> f64 {
        self.totals[of]
    }

    /// The variance of a sum over users of `weights` times their sums, where that has the mean 0: the square of each user's,
    /// with n / (n - 1).
    pub(crate) fn variance(&self, weights: [f64; N]) -> f64 {
        let products = self.products.iter().zip(weights);
        let squares: f64 = products
            .map(|(row, weight)| weight * row.iter().zip(weights).map(|(p, w)| p * w).sum::<f64>())
            .sum();
        let users = self.rows.len() as f64;
        // Rounding may leave a little less than nothing.
        (squares * users / (users - 1.0)).max(0.0)
    }

    /// Each user's sums, by id.
    pub(crate) fn save(&self) -> Vec<Saved> {
        let rows = self.users.ids().zip(&self.rows);
        let mut saved: Vec<Saved> = rows
            .map(|(user, row)| Saved(user.to_string(), row.to_vec()))
            .collect();
        saved.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        saved
    }

    /// What [`Clusters::save`] gave; none where a row has another width.
    pub(crate) fn restore(saved: &[Saved]) -> Option<Self> {
        let mut clusters = Clusters::default();
        for Saved(user, row) in saved {
            clusters.add(user, row.as_slice().try_into().ok()?);
        }
        Some(clusters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variances_are_those_of_the_users_sums_whatever_the_order() {
        let mut clusters = Clusters::<2>::default();
        for (user, more) in [
            ("b", [1.0, 0.0]),
            ("a", [1.0, 1.0]),
            ("b", [2.0, 1.0]),
            ("c", [1.0, 0.5]),
        ] {
            clusters.add(user, more);
        }
        assert_eq!(
            (clusters.users(), clusters.total(0), clusters.total(1)),
            (3, 5.0, 2.5)
        );
        // Users' sums: a (1, 1), b (3, 1), c (1, 0.5); the ratio is 0.5; residuals 0.5, -0.5, 0.
        let variance = clusters.variance([-0.5, 1.0]);
        assert!((variance - 0.5 * 1.5).abs() < 1e-12, "{variance}");
        let again = Clusters::<2>::restore(&clusters.save()).unwrap();
        assert_eq!(again.save(), clusters.save());
        assert!((again.variance([-0.5, 1.0]) - variance).abs() < 1e-12);
        assert!(Clusters::<3>::restore(&clusters.save()).is_none());
    }
}
