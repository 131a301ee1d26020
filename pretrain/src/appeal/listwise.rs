//! Weights of features by conditional logit: of the items that a user could have taken, which were liked (McFadden 1974)?
//!
//! A group is a user with candidates; its first ones were liked. With z = w . f of each candidate, those that stand for
//! others not drawn lifted by `offset`, the loss is the sum over liked candidates of log sum exp z - z. The logarithm of a sum
//! over a sample is on average below that of the sum over all, so that weights fit on a sample come out a little too large, all
//! by about the same factor: their order of items stands.

use common::policy::distribution::highest;
use common::policy::elementary::exp;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// Rounds of Newton's method at most, and the gain of the loss below which it is done.
const ROUNDS: usize = 30;
const DONE: f64 = 1e-6;
/// Partial sums that run side by side.
const LANES: usize = 16;
/// The precision of a weight that is not to move.
const FIXED: f64 = 1e12;

/// Candidates of one user.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// Where they begin among all candidates.
    pub(super) start: usize,
    /// Where they end.
    pub(super) end: usize,
    /// How many of them, the first, were liked.
    pub(super) liked: usize,
    /// The logarithm of how many items each of the others stands for.
    pub(super) offset: f32,
}

/// What is known of candidates: a column a feature.
#[derive(Clone, Debug, Default)]
pub(super) struct Problem {
    pub(super) groups: Vec<Group>,
    pub(super) features: Vec<Vec<f32>>,
}

/// What the weights are thought to be before any row is seen.
#[derive(Clone, Debug)]
pub(super) struct Prior {
    pub(super) mean: Vec<f64>,
    /// 1 / variance.
    pub(super) precision: Vec<f64>,
}

/// Loss, its gradient and its second derivatives.
struct Local {
    loss: f64,
    slope: DVector<f64>,
    curve: DMatrix<f64>,
}

impl Problem {
    /// As [`Problem::most_probable`], where the weights at `not_below_0` are 0 if they would be below.
    pub(super) fn fit(&self, prior: &Prior, not_below_0: &[usize]) -> (Vec<f64>, f64) {
        let mut prior = prior.clone();
        loop {
            let (weights, loss) = self.most_probable(&prior);
            let worst = not_below_0
                .iter()
                .copied()
                .min_by(|&a, &b| weights[a].total_cmp(&weights[b]));
            match worst.filter(|&at| weights[at] < -1e-6 && prior.precision[at] < FIXED) {
                Some(at) => (prior.mean[at], prior.precision[at]) = (0.0, FIXED),
                None => return (weights, loss),
            }
        }
    }

    /// The weights of most posterior probability, and their penalised loss.
    fn most_probable(&self, prior: &Prior) -> (Vec<f64>, f64) {
        let mut weights = DVector::from_column_slice(&prior.mean);
        let mut here = self.local(&weights, prior);
        for _ in 0..ROUNDS {
            let Some(step) = here.curve.clone().cholesky().map(|c| c.solve(&here.slope)) else {
                break;
            };
            // The loss is convex: some part of the step lowers it.
            let mut part = 1.0;
            let next = loop {
                let tried = &weights - part * &step;
                let there = self.local(&tried, prior);
                if there.loss <= here.loss || part < 1e-4 {
                    break (tried, there);
                }
                part *= 0.5;
            };
            let gain = here.loss - next.1.loss;
            if gain < 0.0 {
                break;
            }
            (weights, here) = next;
            if gain < DONE * here.loss.abs() {
                break;
            }
        }
        (weights.iter().copied().collect(), here.loss)
    }

    fn local(&self, weights: &DVector<f64>, prior: &Prior) -> Local {
        let width = weights.len();
        let parts: Vec<Local> = self
            .groups
            .par_iter()
            .map(|group| self.of_group(group, weights))
            .collect();
        let mut total = Local {
            loss: 0.0,
            slope: DVector::zeros(width),
            curve: DMatrix::zeros(width, width),
        };
        for part in parts {
            total.loss += part.loss;
            total.slope += part.slope;
            total.curve += part.curve;
        }
        for at in 0..width {
            let off = weights[at] - prior.mean[at];
            total.loss += 0.5 * prior.precision[at] * off * off;
            total.slope[at] += prior.precision[at] * off;
            total.curve[(at, at)] += prior.precision[at];
        }
        total
    }

    fn of_group(&self, group: &Group, weights: &DVector<f64>) -> Local {
        let (width, count) = (weights.len(), group.end - group.start);
        let columns: Vec<&[f32]> = self.features.iter().map(|f| &f[group.start..group.end]).collect();
        let mut z = vec![0.0f32; count];
        for (column, weight) in columns.iter().zip(weights.iter()) {
            for (z, x) in z.iter_mut().zip(*column) {
                *z += *weight as f32 * x;
            }
        }
        let liked = summed([&z[..group.liked]]);
        z[group.liked..].iter_mut().for_each(|z| *z += group.offset);
        let most = highest(&z);
        z.iter_mut().for_each(|z| *z = exp(*z - most));
        let sum = summed([&z]);
        let times = group.liked as f64;
        let means: Vec<f64> = columns.iter().map(|column| summed([column, &z]) / sum).collect();
        let slope = |at: usize, _: usize| times * means[at] - summed([&columns[at][..group.liked]]);
        let curve = DMatrix::from_fn(width, width, |row, column| {
            if column > row {
                return 0.0;
            }
            let mean = summed([columns[row], columns[column], &z]) / sum;
            times * (mean - means[row] * means[column])
        });
        Local {
            loss: times * (f64::from(most) + sum.ln()) - liked,
            slope: DVector::from_fn(width, slope),
            curve: DMatrix::from_fn(width, width, |r, c| curve[(r.max(c), r.min(c))]),
        }
    }
}

/// The sum of the products of `of`, which are of one length, in an order that depends on nothing but that length.
#[inline(always)]
fn summed<const N: usize>(of: [&[f32]; N]) -> f64 {
    let count = of[0].len();
    let parts: [(&[[f32; LANES]], &[f32]); N] = of.map(|values| values[..count].as_chunks::<LANES>());
    let mut sums = [0.0f64; LANES];
    for at in 0..count / LANES {
        let blocks: [&[f32; LANES]; N] = std::array::from_fn(|n| &parts[n].0[at]);
        let mut products = *blocks[0];
        for block in &blocks[1..] {
            for lane in 0..LANES {
                products[lane] *= block[lane];
            }
        }
        for lane in 0..LANES {
            sums[lane] += f64::from(products[lane]);
        }
    }
    let rest = (count - count % LANES)..count;
    let product = |at: usize| of.iter().map(|values| values[at]).product::<f32>();
    sums.iter().sum::<f64>() + rest.map(|at| f64::from(product(at))).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::rng::{RngExt, normal, stream};

    /// Users choose one of 50 items by softmax of 1.5 f_0 - 0.5 f_1; f_2 says nothing.
    fn problem(users: usize, keep: usize) -> Problem {
        let mut rng = stream(1, "test", &[]);
        let (mut groups, mut features) = (Vec::new(), vec![Vec::new(); 3]);
        for _ in 0..users {
            let rows: Vec<[f32; 3]> = (0..50)
                .map(|_| [normal(&mut rng), normal(&mut rng), normal(&mut rng)])
                .collect();
            let weights: Vec<f32> = rows.iter().map(|r| (1.5 * r[0] - 0.5 * r[1]).exp()).collect();
            let mut left = rng.random::<f32>() * weights.iter().sum::<f32>();
            let chosen = weights
                .iter()
                .position(|w| {
                    left -= w;
                    left < 0.0
                })
                .unwrap_or(49);
            let others = (0..50).filter(|&i| i != chosen).take(keep);
            let start = features[0].len();
            for row in std::iter::once(chosen).chain(others).map(|i| rows[i]) {
                features.iter_mut().zip(row).for_each(|(f, x)| f.push(x));
            }
            groups.push(Group {
                start,
                end: features[0].len(),
                liked: 1,
                offset: (49.0 / keep as f32).ln(),
            });
        }
        Problem { groups, features }
    }

    #[test]
    fn weights_are_those_that_users_chose_by_on_all_items_and_on_a_sample() {
        let prior = Prior {
            mean: vec![0.0; 3],
            precision: vec![1.0; 3],
        };
        let (weights, _) = problem(3000, 49).fit(&prior, &[]);
        for (found, truth) in weights.iter().zip([1.5, -0.5, 0.0]) {
            assert!((found - truth).abs() < 0.1, "{weights:?}");
        }
        // A third of the items: all weights come out larger, by the same factor.
        let (sampled, _) = problem(3000, 15).fit(&prior, &[]);
        let factor = sampled[0] / weights[0];
        assert!((1.0..1.3).contains(&factor), "{sampled:?}");
        assert!(
            (sampled[1] / weights[1] - factor).abs() < 0.1 && sampled[2].abs() < 0.1,
            "{sampled:?}"
        );
        let (weights, _) = problem(1, 49).most_probable(&Prior {
            mean: vec![1.0, 0.0, 0.0],
            precision: vec![1e6; 3],
        });
        assert!(
            (weights[0] - 1.0).abs() < 1e-3,
            "few rows leave the prior: {weights:?}"
        );
    }
}
