//! The reward model of DM, DR and SWITCH: a small factorisation of the held-out log itself, cross-fitted over users.

use rayon::prelude::*;

use super::factors::{Coefficients, Ridge, WIDTH, feature, rows_by_item};
use super::later::Later;

/// Parts that the users are cut into; a user's rewards are modelled by items as the other parts' users found them.
const FOLDS: usize = 5;

/// `q(x, a) = m + e_a + u_x + f_a . g_x`: the mean reward m, item a's effect e_a and factors f_a, all three from the users
/// of other folds, and the user's effect u_x and factors g_x, a ridge regression of that user's earlier rewards on them.
///
/// No row has a part in its own prediction, and no policy in any: policies that are compared share the model. It is
/// crude on purpose. DR and SWITCH with a high threshold are unbiased for any such model where propensities are true; DM
/// is as good as it.
#[derive(Clone, Debug)]
pub(crate) struct CrossFit {
    /// m and each (e_a, f_a), of each fold.
    folds: Vec<Fold>,
    /// (u_x, g_x) before each row.
    users: Vec<[f32; WIDTH]>,
}

/// What the users outside a fold say of items.
#[derive(Clone, Debug)]
struct Fold {
    mean: f64,
    penalty: f64,
    items: Vec<[f32; WIDTH]>,
}

impl CrossFit {
    /// Fits the model to the rewards of `later`, over `items` items.
    pub(crate) fn fit(later: &Later, items: usize) -> Self {
        let folds = FOLDS.min(later.users.len());
        let by_item = rows_by_item(later);
        let of_fold = |fold: usize| {
            let ridge = Ridge::of(later, &by_item, |user| user as usize % folds != fold);
            let items = ridge.items(items, fold as u64);
            Fold {
                mean: ridge.mean,
                penalty: ridge.penalty,
                items: items.iter().map(|of_item| of_item.map(|c| c as f32)).collect(),
            }
        };
        let mut model = CrossFit {
            folds: (0..folds).into_par_iter().map(of_fold).collect(),
            users: Vec::new(),
        };
        let of_user = |user: usize| model.walk(later, user);
        let users: Vec<_> = (0..later.users.len()).into_par_iter().map(of_user).collect();
        model.users = users.into_iter().flatten().collect();
        model
    }

    /// (u_x, g_x) before each of the user's rows, from those before it.
    fn walk(&self, later: &Later, user: usize) -> Vec<[f32; WIDTH]> {
        let fold = &self.folds[user % self.folds.len()];
        let mut seen = Coefficients::new(fold.penalty);
        let before = later.rows(user).map(|row| {
            let known = seen.solve().map(|c| c as f32);
            let item = later.item[row].map(|item| fold.items[item as usize].map(f64::from));
            let effect = item.map_or(0.0, |item| item[0]);
            seen.push(&feature(item.as_ref()), later.reward[row] - fold.mean - effect);
            known
        });
        before.collect()
    }

    fn fold(&self, later: &Later, row: usize) -> &Fold {
        &self.folds[later.user[row] as usize % self.folds.len()]
    }

    /// q at `row` for an item, or an average of items, with these (e, f).
    fn predict(&self, later: &Later, row: usize, item: &[f64; WIDTH]) -> f64 {
        let user = &self.users[row];
        let factors = item.iter().zip(user).skip(1);
        let affinity: f64 = factors.map(|(f, g)| f * f64::from(*g)).sum();
        self.fold(later, row).mean + item[0] + f64::from(user[0]) + affinity
    }

    /// The modelled reward of `item` in place of the one logged at `row`; an unknown item is as the mean.
    pub(crate) fn reward(&self, later: &Later, row: usize, item: Option<u32>) -> f64 {
        let fold = self.fold(later, row);
        let item = item.map_or([0.0; WIDTH], |item| fold.items[item as usize].map(f64::from));
        self.predict(later, row, &item)
    }

    /// The expectation over items drawn with `probabilities`: q is linear in (e_a, f_a).
    pub(crate) fn expectation(&self, later: &Later, row: usize, probabilities: &[f32]) -> f64 {
        let mut mean = [0.0; WIDTH];
        for (p, item) in probabilities.iter().zip(&self.fold(later, row).items) {
            for (sum, c) in mean.iter_mut().zip(item) {
                *sum += f64::from(*p) * f64::from(*c);
            }
        }
        self.predict(later, row, &mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 40 users of two kinds who meet 12 of 20 items each and like those of their own kind.
    fn two_kinds() -> Later {
        let users: Vec<Vec<(Option<u32>, bool)>> = (0..40_u32)
            .map(|user| {
                let item = |turn: u32| (user * 7 + turn * 3) % 20;
                (0..12)
                    .map(|turn| (Some(item(turn)), item(turn) % 2 == user / 5 % 2))
                    .collect()
            })
            .collect();
        Later::of(&users.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    #[test]
    fn what_a_user_liked_so_far_tells_what_it_will_like() {
        let later = two_kinds();
        let model = CrossFit::fit(&later, 20);
        for user in 0..40 {
            let rows = later.rows(user);
            let of_kind = |kind: u32, row: usize| model.reward(&later, row, Some(kind));
            let (first, last) = (rows.start, rows.end - 1);
            let own = user as u32 / 5 % 2;
            let gap = |row: usize| of_kind(own, row) - of_kind(1 - own, row);
            assert!(
                gap(first).abs() < 0.2,
                "nothing is known of the user: {}",
                gap(first)
            );
            assert!(gap(last) > 0.2, "user {user}: {}", gap(last));
        }
    }

    #[test]
    fn an_expectation_is_the_mean_of_rewards_and_an_unknown_item_the_users_mean() {
        let later = two_kinds();
        let model = CrossFit::fit(&later, 20);
        let mut probabilities = [0.0; 20];
        (probabilities[3], probabilities[8]) = (0.25, 0.75);
        let expected = 0.25 * model.reward(&later, 30, Some(3)) + 0.75 * model.reward(&later, 30, Some(8));
        assert!((model.expectation(&later, 30, &probabilities) - expected).abs() < 1e-6);
        assert!((model.reward(&later, 0, None) - 0.5).abs() < 0.1);
    }

    /// Whatever a user's last reward is, the model of that user's rows is the same.
    #[test]
    fn no_reward_has_a_part_in_its_own_prediction() {
        let later = two_kinds();
        let mut other = later.clone();
        let last = later.rows(7).end - 1;
        other.reward[last] = 1.0 - other.reward[last];
        let (one, two) = (CrossFit::fit(&later, 20), CrossFit::fit(&other, 20));
        for row in later.rows(7) {
            let item = later.item[row];
            assert!((one.reward(&later, row, item) - two.reward(&other, row, item)).abs() < 1e-6);
        }
    }
}
