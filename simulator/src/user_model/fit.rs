//! Fitting the factorisation.
//!
//! Two heads share everything but their biases: the log head says what a user likes in the log, the held-out
//! head what a user likes of what is not in the log, which is what an environment asks. The log's many likes
//! shape vectors and biases; the held-out head's own bias is the base, the log head adds a shift a user and a
//! shift an item, which are dropped after the fit.
//!
//! Loss: the logistic loss of both heads over the sampled cells ([`super::samples`]) plus an L2 penalty, by
//! Adam, one step an epoch over all samples. Sums run in a fixed order whatever the number of workers: by user
//! for the users' gradients, by item for the items'.

use common::stats::dot;
use common::terminal::Progress;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::calibrate::Calibration;
use super::cells::Cells;
use super::features::Features;
use super::optimiser::Tensor;
use super::samples::{self, Sample};
use super::side::Side;
use super::{UserModel, sigmoid};

/// Hyper-parameters. Some are chosen anew for each dataset, see [`super::choose`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Length of the vectors.
    pub rank: usize,
    /// Passes over the samples.
    pub epochs: u64,
    /// Adam's first learning rate; it falls as 1 / (1 + epoch / 50).
    pub learning_rate: f32,
    /// Sampled negatives a like.
    pub negatives: f64,
    /// Penalty of the free vectors.
    pub l2_vector: f32,
    /// Penalty of the free biases.
    pub l2_bias: f32,
    /// Penalty of the log head's shifts.
    pub l2_shift: f32,
    /// Penalty of the features' biases.
    pub l2_feature_bias: f32,
    /// Penalty of the features' vectors.
    pub l2_feature_vector: f32,
    /// Rows that must have a feature for it to count.
    pub feature_support: usize,
    /// Whether the words of titles are features of the items.
    pub title_words: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            rank: 16,
            epochs: 150,
            learning_rate: 0.05,
            negatives: 8.0,
            l2_vector: 4.0,
            l2_bias: 3.0,
            l2_shift: 10.0,
            l2_feature_bias: 10.0,
            l2_feature_vector: 100.0,
            feature_support: 10,
            title_words: false,
        }
    }
}

/// Fits the factorisation to the cells that the fit may see. The result is the held-out head with the features
/// folded in; it is not calibrated.
pub fn fit(
    cells: &Cells,
    user_features: &Features,
    item_features: &Features,
    config: &Config,
    seed: u64,
) -> UserModel {
    let rank = config.rank;
    let draws = samples::draws(cells, config.negatives);
    let mut samples = samples::draw(cells, seed, 0, draws);
    // -ln(pi), see `samples`.
    let correction = draws.map_or(0.0, |draws| (cells.items() as f32 / draws as f32).ln());
    let mut users = Side::new(user_features, config, seed, 0);
    let mut items = Side::new(item_features, config, seed, 1);
    let mut intercept = Tensor::new(vec![rate(&samples).ln() - correction], 0.0);
    let mut log_intercept = Tensor::zeros(1, 0.0);

    let progress = Progress::new("fitting the user model", config.epochs, "epochs");
    for epoch in 0..config.epochs {
        users.add_up(rank);
        items.add_up(rank);
        if epoch > 0 && draws.is_some() {
            samples = samples::draw(cells, seed, epoch, draws);
        }
        let base = intercept.values[0] + correction;
        let log_base = log_intercept.values[0];
        // The gradient of the loss with respect to the logit of (both heads together, the log head alone).
        let errors: Vec<Vec<(f32, f32)>> = samples
            .par_iter()
            .map(|of_user| {
                of_user
                    .iter()
                    .map(|sample| errors(sample, &users, &items, rank, base, log_base))
                    .collect()
            })
            .collect();
        let of_item = samples::by_item(&samples, cells.items());
        users.set_gradients(rank, &items.whole_vector, |user| {
            samples[user]
                .iter()
                .zip(&errors[user])
                .map(|(sample, &(both, log))| (sample.item, both, log))
        });
        items.set_gradients(rank, &users.whole_vector, |item| {
            of_item.row(item).map(|(user, at)| {
                let (both, log) = errors[user as usize][at as usize];
                (user, both, log)
            })
        });
        intercept.gradient[0] = users.bias.gradient.iter().sum();
        log_intercept.gradient[0] = users.shift.gradient.iter().sum();
        let learning_rate = config.learning_rate / (1.0 + epoch as f32 / 50.0);
        let step = epoch as i32 + 1;
        users.update(learning_rate, step);
        items.update(learning_rate, step);
        intercept.update(learning_rate, step);
        log_intercept.update(learning_rate, step);
        progress.add(1);
    }
    users.add_up(rank);
    items.add_up(rank);
    let intercept = intercept.values[0];
    UserModel {
        rank,
        user_vector: users.whole_vector,
        user_bias: users.whole_bias.iter().map(|bias| bias + intercept).collect(),
        item_vector: items.whole_vector,
        item_bias: items.whole_bias,
        calibration: Calibration::identity(),
    }
}

/// The share of likes among samples, above 0 and below 1: where the intercept starts.
fn rate(samples: &[Vec<Sample>]) -> f32 {
    let liked = |sample: &Sample| sample.held_out.or(sample.log) == Some(true);
    let likes = samples.iter().flatten().filter(|sample| liked(sample)).count();
    let all: usize = samples.iter().map(Vec::len).sum();
    (likes as f32 + 1.0) / (all as f32 + 2.0)
}

fn errors(sample: &Sample, users: &Side, items: &Side, rank: usize, base: f32, log_base: f32) -> (f32, f32) {
    let (user, item) = (sample.user as usize, sample.item as usize);
    let x = &users.whole_vector[user * rank..(user + 1) * rank];
    let y = &items.whole_vector[item * rank..(item + 1) * rank];
    let logit = base + users.whole_bias[user] + items.whole_bias[item] + dot(x, y);
    let error = |logit: f32, label: Option<bool>| {
        label.map_or(0.0, |label| sigmoid(logit) - f32::from(u8::from(label)))
    };
    let held_out = error(logit, sample.held_out);
    let log = error(
        logit + log_base + users.shift.values[user] + items.shift.values[item],
        sample.log,
    );
    (held_out + log, log)
}

#[cfg(test)]
mod tests {
    use super::super::cells::Fold;
    use super::super::cells::tests::dataset;
    use super::*;
    use crate::dataset::{Dataset, Rated};

    /// Users and items of two tastes; a user likes most of the items of the own taste and none of the other.
    fn two_tastes() -> Dataset {
        let (users, items) = (60u32, 80u32);
        let (mut log, mut held_out) = (Vec::new(), Vec::new());
        for user in 0..users {
            for item in 0..items {
                let same = user % 2 == item % 2;
                match (user * 7 + item * 13) % 5 {
                    0 | 1 if same => log.push(Rated {
                        user,
                        item,
                        liked: true,
                    }),
                    2 | 3 if same => held_out.push(Rated {
                        user,
                        item,
                        liked: true,
                    }),
                    4 if !same => held_out.push(Rated {
                        user,
                        item,
                        liked: false,
                    }),
                    _ => {}
                }
            }
        }
        dataset(users as usize, items as usize, log, held_out)
    }

    fn fit_two_tastes(seed: u64) -> UserModel {
        let data = two_tastes();
        let cells = Cells::new(&data, seed);
        let (users, items) = (
            Features::of_users(&data.users, 1),
            Features::of_items(&data.items, false, 1),
        );
        let config = Config {
            rank: 4,
            epochs: 120,
            l2_vector: 0.5,
            ..Config::default()
        };
        fit(&cells, &users, &items, &config, seed)
    }

    #[test]
    fn tastes_are_told_apart_on_cells_that_the_fit_did_not_see() {
        let data = two_tastes();
        let cells = Cells::new(&data, 0);
        let fitted = fit_two_tastes(0);
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for user in 0..60u32 {
            let test = (0..80).filter(|&item| cells.fold(user, item) == Fold::Test);
            for item in test.filter(|&item| !cells.log.contains(user as usize, item)) {
                let logit = fitted.logit(user, item);
                if user % 2 == item % 2 {
                    own.push(logit)
                } else {
                    other.push(logit)
                }
            }
        }
        let mean = |logits: &[f32]| logits.iter().sum::<f32>() / logits.len() as f32;
        assert!(mean(&own) > mean(&other) + 2.0, "{} {}", mean(&own), mean(&other));
    }

    #[test]
    fn where_unrated_cells_say_nothing_the_rate_is_that_of_the_ratings() {
        // Of 10,000 cells 3,000 are rated at random, 30 % of them liked: the model must say 0.3, not 0.09.
        let rated = (0..10_000u32).filter(|cell| cell * 7_919 % 10_007 < 3_000);
        let rated = rated.map(|cell| Rated {
            user: cell / 100,
            item: cell % 100,
            liked: cell * 104_729 % 10_007 < 3_002,
        });
        let data = Dataset {
            unrated: crate::dataset::Unrated::Unknown,
            ..dataset(100, 100, vec![], rated.collect())
        };
        let (users, items) = (
            Features::of_users(&data.users, 1),
            Features::of_items(&data.items, false, 1),
        );
        let fitted = fit(&Cells::new(&data, 0), &users, &items, &Config::default(), 0);
        let mean = (0..10_000)
            .map(|cell| fitted.probability(cell / 100, cell % 100))
            .sum::<f32>()
            / 10_000.0;
        assert!((mean - 0.3).abs() < 0.03, "{mean}");
    }

    #[test]
    fn workers_do_not_change_a_bit() {
        let with = |workers| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(workers)
                .build()
                .unwrap();
            pool.install(|| fit_two_tastes(1))
        };
        assert_eq!(with(1), with(3));
    }
}
