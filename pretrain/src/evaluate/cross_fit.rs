//! The reward model of DM, DR and SWITCH: a small regression on the held-out log itself, cross-fitted over users.

use super::later::Later;

/// Parts that the users are cut into; a user's rewards are modelled by the other parts' rewards of the same items.
const FOLDS: usize = 5;
/// Rewards at the general mean that every item and user is credited with.
const PRIOR: f64 = 10.0;

/// `q(x, a) = m + e_a + u_x`: the mean reward m and item a's effect e_a, both from the users of other folds, and the
/// effect u_x of the user, from that user's earlier interactions alone. An effect is the mean of what is left of the
/// rewards, shrunk to 0 by [`PRIOR`] rewards without any effect (the posterior mean under a normal prior).
///
/// No row has a part in its own prediction, and no policy in any: policies that are compared share the model. It is
/// crude on purpose. DR and SWITCH are unbiased for any such model where propensities are true; DM is as good as it.
#[derive(Clone, Debug)]
pub(crate) struct CrossFit {
    /// m of each fold.
    mean: Vec<f64>,
    /// m + e_a of each fold and item.
    items: Vec<Vec<f32>>,
    /// u_x of each row.
    user: Vec<f64>,
}

impl CrossFit {
    /// Fits the model to the rewards of `later`, over `items` items.
    pub(crate) fn fit(later: &Later, items: usize) -> Self {
        let folds = FOLDS.min(later.users.len());
        let fitted = (0..folds).map(|fold| fit_items(later, items, fold, folds));
        let (mean, items) = fitted.unzip();
        let mut model = CrossFit {
            mean,
            items,
            user: Vec::with_capacity(later.len()),
        };
        for user in 0..later.users.len() {
            let (mut sum, mut count) = (0.0, 0.0);
            for row in later.rows(user) {
                model.user.push(sum / (count + PRIOR));
                sum += later.reward[row] - model.item(later, row, later.item[row]);
                count += 1.0;
            }
        }
        model
    }

    fn fold(&self, later: &Later, row: usize) -> usize {
        later.user[row] as usize % self.mean.len()
    }

    fn item(&self, later: &Later, row: usize, item: Option<u32>) -> f64 {
        let fold = self.fold(later, row);
        item.map_or(self.mean[fold], |item| f64::from(self.items[fold][item as usize]))
    }

    /// The modelled reward of `item` in place of the one logged at `row`; of an unknown item it is the mean.
    pub(crate) fn reward(&self, later: &Later, row: usize, item: Option<u32>) -> f64 {
        self.item(later, row, item) + self.user[row]
    }

    /// The expectation over items drawn with `probabilities`.
    pub(crate) fn expectation(&self, later: &Later, row: usize, probabilities: &[f32]) -> f64 {
        let items = &self.items[self.fold(later, row)];
        let products = probabilities.iter().zip(items);
        let sum: f64 = products
            .map(|(p, reward)| f64::from(*p) * f64::from(*reward))
            .sum();
        sum + self.user[row]
    }
}

/// m and each m + e_a from the users outside `fold`.
fn fit_items(later: &Later, items: usize, fold: usize, folds: usize) -> (f64, Vec<f32>) {
    let others = || (0..later.len()).filter(|&row| later.user[row] as usize % folds != fold);
    let (sum, count) = others().fold((0.0, 0.0), |(sum, count), row| {
        (sum + later.reward[row], count + 1.0)
    });
    let mean = sum / f64::max(count, 1.0);
    let mut effects = vec![(0.0, PRIOR); items];
    for row in others() {
        if let Some(item) = later.item[row] {
            let (sum, count) = &mut effects[item as usize];
            *sum += later.reward[row] - mean;
            *count += 1.0;
        }
    }
    let items = effects
        .into_iter()
        .map(|(sum, count)| (mean + sum / count) as f32);
    (mean, items.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two users, so two folds: each is modelled by the other.
    #[test]
    fn each_effect_by_hand() {
        let later = Later::of(&[
            &[(Some(0), true), (Some(1), false), (None, true)],
            &[
                (Some(1), true),
                (Some(1), true),
                (Some(0), false),
                (Some(2), false),
            ],
        ]);
        let model = CrossFit::fit(&later, 3);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        // User 0, by user 1's rewards: mean 0.5; item 0: -0.5 / 11; item 1: 1 / 12; item 2: -0.5 / 11.
        close(model.reward(&later, 0, Some(0)), 0.5 - 0.5 / 11.0);
        close(model.reward(&later, 0, None), 0.5);
        let after_one = (1.0 - (0.5 - 0.5 / 11.0)) / 11.0;
        close(model.reward(&later, 1, Some(1)), 0.5 + 1.0 / 12.0 + after_one);
        close(
            model.expectation(&later, 1, &[0.5, 0.5, 0.0]),
            0.5 * (model.reward(&later, 1, Some(0)) + model.reward(&later, 1, Some(1))),
        );
        // User 1, by user 0's: mean 2/3, item 1 -2/3 / 11; nobody else met item 2.
        close(model.reward(&later, 3, Some(1)), 2.0 / 3.0 - 2.0 / 3.0 / 11.0);
        close(model.reward(&later, 3, Some(2)), 2.0 / 3.0);
    }
}
