//! Effects and factors of items and users by alternating ridge regressions.

use common::rng::{normal, stream};
use nalgebra::{SMatrix, SVector};

use super::later::Later;

/// An effect and seven factors: eight numbers, which a vector unit takes at once.
pub(super) const WIDTH: usize = 8;
/// Rewards at the mean that every item and user is credited with: the penalty of effects.
const PRIOR: f64 = 10.0;
/// Rounds of the alternation; it settles in a few.
const ROUNDS: usize = 10;

/// One ridge regression on (1, factors), as it grows: penalty [`PRIOR`] for the effect and another one for the factors.
pub(super) struct Coefficients {
    gram: SMatrix<f64, WIDTH, WIDTH>,
    moment: SVector<f64, WIDTH>,
}

/// (1, factors) of an item or user with these coefficients; of an unknown one (1, 0, ...).
pub(super) fn feature(coefficients: Option<&[f64; WIDTH]>) -> [f64; WIDTH] {
    let mut feature = coefficients.copied().unwrap_or_default();
    feature[0] = 1.0;
    feature
}

impl Coefficients {
    pub(super) fn new(factors: f64) -> Self {
        let mut penalty = SVector::repeat(factors);
        penalty[0] = PRIOR;
        Coefficients {
            gram: SMatrix::from_diagonal(&penalty),
            moment: SVector::zeros(),
        }
    }

    pub(super) fn push(&mut self, feature: &[f64; WIDTH], target: f64) {
        let feature = SVector::from(*feature);
        self.gram += feature * feature.transpose();
        self.moment += feature * target;
    }

    pub(super) fn solve(&self) -> [f64; WIDTH] {
        // With positive penalties there always is a decomposition.
        let solved = self.gram.cholesky().map(|gram| gram.solve(&self.moment));
        solved.unwrap_or_default().into()
    }
}

/// The rows with a known item, as (item, row), in the order of items.
pub(super) fn rows_by_item(later: &Later) -> Vec<(u32, usize)> {
    let rows = later.item.iter().enumerate();
    let mut rows: Vec<(u32, usize)> = rows.filter_map(|(row, item)| Some(((*item)?, row))).collect();
    rows.sort_unstable();
    rows
}

/// The rewards of some users, to be factorised.
pub(super) struct Ridge<'a, F> {
    later: &'a Later,
    by_item: &'a [(u32, usize)],
    taken: F,
    /// The mean reward.
    pub(super) mean: f64,
    /// The penalty of factors: with the standard deviation s of n rewards of U users and I items it is
    /// `s (sqrt(n / U) + sqrt(n / I))`, about what the largest singular value of as much noise would be, so that noise
    /// makes no factors (as in Candes and Plan 2010, Matrix Completion with Noise).
    pub(super) penalty: f64,
}

impl<'a, F: Fn(u32) -> bool> Ridge<'a, F> {
    /// Over the users that are `taken`.
    pub(super) fn of(later: &'a Later, by_item: &'a [(u32, usize)], taken: F) -> Self {
        let rows = || (0..later.len()).filter(|&row| taken(later.user[row]));
        let (sum, squares, count) = rows()
            .map(|row| later.reward[row])
            .fold((0.0, 0.0, 0.0), |(sum, squares, count), reward| {
                (sum + reward, squares + reward * reward, count + 1.0)
            });
        let users = (0..later.users.len() as u32).filter(|&user| taken(user)).count();
        let of_items = by_item.chunk_by(|a, b| a.0 == b.0);
        let met = |of_item: &&[(u32, usize)]| of_item.iter().any(|(_, row)| taken(later.user[*row]));
        let items = of_items.filter(met).count();
        let mean = sum / f64::max(count, 1.0);
        let deviation = (squares / f64::max(count, 1.0) - mean * mean).max(0.0).sqrt();
        let each = |of: usize| (count / of.max(1) as f64).sqrt();
        Ridge {
            mean,
            // Equal rewards leave nothing to factorise: any penalty will do.
            penalty: (deviation * (each(users) + each(items))).max(1e-3),
            later,
            by_item,
            taken,
        }
    }

    /// Effect and factors of each of `items` items; zeros of those that nobody met. The factors begin at random, from a
    /// stream of their own for each `number`.
    pub(super) fn items(&self, items: usize, number: u64) -> Vec<[f64; WIDTH]> {
        let mut rng = stream(0, "evaluate/factors", &[number]);
        let mut found = vec![[0.0; WIDTH]; items];
        for of_item in self.by_item.chunk_by(|a, b| a.0 == b.0) {
            let factors = &mut found[of_item[0].0 as usize];
            factors[1..].fill_with(|| f64::from(normal(&mut rng)) / (WIDTH as f64).sqrt());
        }
        let mut users = vec![[0.0; WIDTH]; self.later.users.len()];
        for _ in 0..ROUNDS {
            self.fit_users(&found, &mut users);
            self.fit_items(&users, &mut found);
        }
        found
    }

    fn fit_users(&self, items: &[[f64; WIDTH]], users: &mut [[f64; WIDTH]]) {
        for (user, of_user) in users
            .iter_mut()
            .enumerate()
            .filter(|(user, _)| (self.taken)(*user as u32))
        {
            let mut ridge = Coefficients::new(self.penalty);
            for row in self.later.rows(user) {
                let item = self.later.item[row].map(|item| &items[item as usize]);
                let effect = item.map_or(0.0, |item| item[0]);
                ridge.push(&feature(item), self.later.reward[row] - self.mean - effect);
            }
            *of_user = ridge.solve();
        }
    }

    fn fit_items(&self, users: &[[f64; WIDTH]], items: &mut [[f64; WIDTH]]) {
        for of_item in self.by_item.chunk_by(|a, b| a.0 == b.0) {
            let mut ridge = Coefficients::new(self.penalty);
            for &(_, row) in of_item
                .iter()
                .filter(|(_, row)| (self.taken)(self.later.user[*row]))
            {
                let user = &users[self.later.user[row] as usize];
                ridge.push(&feature(Some(user)), self.later.reward[row] - self.mean - user[0]);
            }
            items[of_item[0].0 as usize] = ridge.solve();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_alone_is_a_mean_shrunk_by_the_prior() {
        let mut ridge = Coefficients::new(3.0);
        for target in [1.0, 1.0, 0.0, 1.0, 1.0] {
            ridge.push(&feature(None), target);
        }
        let solved = ridge.solve();
        assert!((solved[0] - 4.0 / 15.0).abs() < 1e-12 && solved[1..] == [0.0; WIDTH - 1]);
    }

    #[test]
    fn a_factor_is_a_ridge_regression() {
        let mut feature = [0.0; WIDTH];
        feature[2] = 2.0;
        let mut ridge = Coefficients::new(4.0);
        ridge.push(&feature, 1.0);
        ridge.push(&feature, 3.0);
        // sum x y / (sum x^2 + penalty) = 8 / 12.
        assert!((ridge.solve()[2] - 8.0 / 12.0).abs() < 1e-12);
    }

    #[test]
    fn the_penalty_is_about_the_noise_of_as_many_rewards() {
        let row = |liked| (Some(u32::from(liked)), liked);
        let users = [[row(true), row(false)]; 5];
        let later = Later::of(&users.iter().map(|rows| &rows[..]).collect::<Vec<_>>());
        let by_item = rows_by_item(&later);
        let ridge = Ridge::of(&later, &by_item, |user| user > 0);
        assert!((ridge.penalty - 0.5 * (2.0_f64.sqrt() + 2.0)).abs() < 1e-12);
    }
}
