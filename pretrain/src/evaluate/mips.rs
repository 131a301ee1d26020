//! Marginalised inverse propensity scoring (Saito and Joachims 2022, arXiv 2202.06317): importance weights over what actions are
//! like, in place of the actions, for catalogues so large that a weight of an action is mostly 0 or huge.
//!
//! ```text
//! MIPS    mean of w(x, e) r,    w(x, e) = p(e|x, pi) / p(e|x, mu),    e: the action's category
//! ```
//!
//! It holds where the action has no direct effect: of two actions of one category, in one state, the same is earned on average. Then
//! its variance is that of IPS or less, and what was never logged may be told by its category. Where actions of a category differ, it is
//! biased by as much as the target prefers, within categories, what is better or worse than the logging policy's.
//!
//! [`estimated`] needs neither distribution: w(x, e) is the mean of the actions' weights over actions of the category as they were
//! logged (as the paper has it, E[w(x, a) | x, e]), here the mean over the rounds of a cell, a category within a context. That the weights are estimated is
//! in the influence.

use super::estimators::{Estimate, kish};

/// The mean of `values` over the rounds of each cell.
fn cell_means(values: &[f64], cell: &[u32]) -> Vec<f64> {
    let cells = cell.iter().max().map_or(0, |most| *most as usize + 1);
    let (mut sums, mut counts) = (vec![0.0; cells], vec![0.0; cells]);
    for (value, &of) in values.iter().zip(cell) {
        sums[of as usize] += value;
        counts[of as usize] += 1.0;
    }
    sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect()
}

/// The estimate from rounds with these rewards, weights of their actions, and cells. With W and R the means of weights and rewards
/// in a cell, the value is the mean of W R over rounds, and a round's influence `W r + w R - W R - value`.
pub fn estimated(reward: &[f64], weight: &[f64], cell: &[u32]) -> Estimate {
    let (weights, rewards) = (cell_means(weight, cell), cell_means(reward, cell));
    let marginal: Vec<f64> = cell.iter().map(|&of| weights[of as usize]).collect();
    let products = marginal.iter().zip(reward).map(|(w, r)| w * r);
    let value = products.sum::<f64>() / reward.len() as f64;
    let influence = (0..reward.len()).map(|at| {
        let (mean_weight, mean_reward) = (marginal[at], rewards[cell[at] as usize]);
        mean_weight * (reward[at] - mean_reward) + weight[at] * mean_reward - value
    });
    Estimate {
        value,
        influence: influence.collect(),
        effective: kish(&marginal),
    }
}

/// One code for each pair of codes that occurs, in the order of first appearance.
pub fn cells(category: &[u32], context: &[u32]) -> Vec<u32> {
    let mut known = std::collections::HashMap::new();
    let pairs = category.iter().zip(context);
    pairs
        .map(|pair| {
            let next = known.len() as u32;
            *known.entry(pair).or_insert(next)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::estimators::{Estimator, Rounds};
    use crate::evaluate::interval::Interval;
    use common::rng::{RngExt, stream};

    #[test]
    fn the_estimate_by_hand() {
        let found = estimated(
            &[1.0, 0.0, 1.0, 1.0],
            &[2.0, 1.0, 0.5, 0.0],
            &cells(&[7, 7, 9, 7], &[0, 0, 0, 1]),
        );
        // Cells of the rounds 0 and 1, 2, and 3: mean weights 1.5, 0.5 and 0.
        assert_eq!(found.value, (1.5 + 0.5) / 4.0);
        assert_eq!(found.effective, 3.5 * 3.5 / (2.0 * 2.25 + 0.25));
        assert!(found.influence.iter().sum::<f64>().abs() < 1e-12);
    }

    /// A cell a round is IPS; one cell is what was logged, times the mean weight.
    #[test]
    fn it_goes_from_ips_to_what_was_logged() {
        let (reward, weight) = ([1.0, 0.0, 1.0, 1.0], [2.0, 1.0, 0.5, 0.0]);
        let ips = Estimator::Ips.estimate(&Rounds {
            reward: &reward,
            weight: &weight,
            logged: &[],
            value: &[],
            cluster: &[],
        });
        assert_eq!(estimated(&reward, &weight, &[0, 1, 2, 3]), ips);
        assert_eq!(
            estimated(&reward, &weight, &[0; 4]).value,
            0.75 * (3.5 / 4.0),
            "and the weights tell nothing"
        );
    }

    /// Sixty actions of three categories: the interval with estimated weights holds the truth as often as it says, and is narrower than
    /// that of IPS, where what is earned depends on the category alone.
    #[test]
    fn its_interval_knows_that_the_weights_are_estimated() {
        let (mut held, mut narrower, logs) = (0, 0, 300);
        let category = |action: usize| action % 3;
        let earns = |action: usize| [0.2, 0.5, 0.8][category(action)];
        let target = |action: usize| [0.2, 0.3, 0.5][category(action)] * [1.0, 19.0][action / 3 % 2];
        let total: f64 = (0..60).map(target).sum();
        let truth: f64 = (0..60).map(|action| target(action) / total * earns(action)).sum();
        for log in 0..logs {
            let mut rng = stream(3, "test/mips", &[log]);
            let (mut reward, mut weight, mut cell) = (vec![], vec![], vec![]);
            for _ in 0..1_000 {
                let action = rng.random_range(0..60);
                reward.push(f64::from(u8::from(rng.random::<f64>() < earns(action))));
                weight.push(target(action) / total * 60.0);
                cell.push(category(action) as u32);
            }
            let cluster: Vec<u32> = (0..1_000).collect();
            let of = |estimate: &Estimate| Interval::of(estimate.value, &estimate.influence, &cluster, 0.95);
            let ours = of(&estimated(&reward, &weight, &cell));
            let ips = Estimator::Ips.estimate(&Rounds {
                reward: &reward,
                weight: &weight,
                logged: &[],
                value: &[],
                cluster: &cluster,
            });
            let ips = of(&ips);
            held += u32::from((ours.low..=ours.high).contains(&truth));
            narrower += u32::from(ours.high - ours.low < ips.high - ips.low);
        }
        // Four standard errors of a share of 300 around 0.95 are 0.05.
        let share = f64::from(held) / logs as f64;
        assert!((0.9..=1.0).contains(&share), "{share}");
        assert!(f64::from(narrower) > 0.95 * logs as f64, "{narrower}");
    }
}
