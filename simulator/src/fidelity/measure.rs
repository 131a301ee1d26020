//! All measures of an environment.

use common::schema::metrics::Metric;
use common::terminal::Progress;
use rayon::prelude::*;

use super::auc::Ranked;
use super::bootstrap::{Estimate, Resamples};
use super::calibration_error::Binned;
use super::groups;
use crate::dataset::Dataset;
use crate::environment::Environment;
use crate::environment::returns::{self, Returns};
use crate::environment::rules::Rules;
use crate::user_model::cells::{Cells, Fold};

/// Cells that are looked at, at most; beyond it users are sampled.
const MOST_CELLS: usize = 1 << 26;
/// A policy's choice, for the measures at the top: the items of an episode under the rule `fixed`.
const BEST: usize = 10;

/// Where a measure is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The cells of the test fold.
    Test,
    /// Those of them that are among a user's ten most probable items: what a good policy would choose.
    Best,
    /// All cells outside the log.
    All,
}

impl Section {
    /// The split in the metrics.
    fn split(self) -> &'static str {
        match self {
            Section::Test | Section::Best => "test",
            Section::All => "all",
        }
    }
}

/// One measure: who is measured, on which cells, what.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// `user_model`, `popularity`, `oracle`, `random`, `observed` or `environment`.
    pub method: &'static str,
    /// Where it was measured.
    pub section: Section,
    /// Its name in the metrics.
    pub metric: &'static str,
    /// What it is, for people.
    pub label: String,
    /// The value.
    pub estimate: Estimate,
}

impl Measure {
    /// As rows of metrics: the value, and the ends of the interval as `..._low` and `..._high`.
    pub fn rows(&self, environment: &str, seed: u64) -> Vec<Metric> {
        let row = |metric: String, value: f64| Metric {
            environment: environment.to_string(),
            method: self.method.to_string(),
            seed,
            split: self.section.split().to_string(),
            metric,
            step: 0,
            value,
        };
        let mut rows = vec![row(self.metric.to_string(), self.estimate.value)];
        if let Some((low, high)) = self.estimate.interval {
            rows.push(row(format!("{}_low", self.metric), low));
            rows.push(row(format!("{}_high", self.metric), high));
        }
        rows
    }
}

/// What one user's open cells give.
struct OfUser {
    test: Vec<TestCell>,
    returns: Returns,
    cells: usize,
    likes: usize,
    expected_likes: f64,
}

struct TestCell {
    probability: f32,
    popularity: f32,
    liked: bool,
    best: bool,
}

/// The test cells of all sampled users, a struct of arrays.
#[derive(Default)]
struct TestCells {
    /// Place of the user among the sampled ones.
    user: Vec<u32>,
    probability: Vec<f32>,
    popularity: Vec<f32>,
    liked: Vec<bool>,
    best: Vec<u32>,
}

/// Measures `environment` on the test fold of `dataset`, which it must have been fit on.
pub fn measure(
    dataset: &Dataset,
    environment: &Environment,
    rules: &Rules,
    resamples: u32,
    seed: u64,
) -> Vec<Measure> {
    let cells = Cells::new(dataset, environment.seed);
    let users = cells.sampled_users(MOST_CELLS);
    let popularity = likes_that_the_fit_saw(&cells);
    let by_popularity = returns::by_popularity(environment);
    let progress = Progress::new("measuring fidelity", users.len() as u64, "users");
    let of_users: Vec<OfUser> = users
        .par_iter()
        .map(|&user| {
            progress.add(1);
            of_user(environment, &cells, rules, &popularity, &by_popularity, user)
        })
        .collect();
    drop(progress);

    let test = gather(&of_users);
    let resamples = Resamples::new(users.len(), resamples, seed);
    let mut measures = on_test_fold(&test, users.len(), &resamples);
    measures.extend(at_the_top(&test, users.len(), &resamples));
    measures.extend(over_all(dataset, &cells, rules, &users, &of_users));
    measures
}

/// The strongest popularity there is: likes of the log and of the fit fold.
fn likes_that_the_fit_saw(cells: &Cells) -> Vec<f32> {
    let mut likes = vec![0.0; cells.items()];
    for user in 0..cells.users() as u32 {
        let log = cells.log_liked.row(user as usize).iter();
        let held_out = cells.held_out_liked.row(user as usize).iter();
        let held_out = held_out.filter(|&&item| cells.fold(user, item) == Fold::Fit);
        log.chain(held_out).for_each(|&item| likes[item as usize] += 1.0);
    }
    likes
}

fn of_user(
    environment: &Environment,
    cells: &Cells,
    rules: &Rules,
    popularity: &[f32],
    by_popularity: &[u32],
    user: u32,
) -> OfUser {
    let open: Vec<(u32, bool, f32)> =
        cells.open(user).map(|(item, liked)| (item, liked, environment.model.probability(user, item))).collect();
    let mut sorted: Vec<f32> = open.iter().map(|cell| cell.2).collect();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let bar = sorted.get(BEST - 1).copied().unwrap_or(0.0);
    let test = open.iter().filter(|cell| cells.fold(user, cell.0) == Fold::Test);
    OfUser {
        test: test
            .map(|&(item, liked, probability)| TestCell {
                probability,
                popularity: popularity[item as usize],
                liked,
                best: probability >= bar,
            })
            .collect(),
        returns: returns::of_user(environment, rules, by_popularity, user),
        cells: open.len(),
        likes: open.iter().filter(|cell| cell.1).count(),
        expected_likes: open.iter().map(|cell| f64::from(cell.2)).sum(),
    }
}

fn gather(of_users: &[OfUser]) -> TestCells {
    let mut all = TestCells::default();
    for (of_user, user) in of_users.iter().zip(0..) {
        for cell in &of_user.test {
            if cell.best {
                all.best.push(all.user.len() as u32);
            }
            all.user.push(user);
            all.probability.push(cell.probability);
            all.popularity.push(cell.popularity);
            all.liked.push(cell.liked);
        }
    }
    all
}

fn on_test_fold(test: &TestCells, users: usize, resamples: &Resamples) -> Vec<Measure> {
    let made = |method, metric, label: &str, estimate| Measure {
        method,
        section: Section::Test,
        metric,
        label: label.to_string(),
        estimate,
    };
    let estimate = |statistic: &(dyn Fn(&dyn Fn(usize) -> f64) -> f64 + Sync)| {
        resamples.estimate(users, |weights| statistic(&|cell| f64::from(weights[test.user[cell] as usize])))
    };
    let (model, popular) = (Ranked::new(&test.probability), Ranked::new(&test.popularity));
    let (model, popular) = (&model, &popular);
    let within = within_users(test, users);
    let mean_within = |weights: &[f32], of: &dyn Fn(&(f64, f64)) -> f64| {
        let (mut sum, mut count) = (0.0, 0.0);
        for (areas, &weight) in within.iter().zip(weights) {
            if let Some(areas) = areas {
                sum += f64::from(weight) * of(areas);
                count += f64::from(weight);
            }
        }
        sum / count
    };
    let all = Binned::new((0..test.user.len() as u32).collect(), &test.probability, 20);
    let mean = |weight: &dyn Fn(usize) -> f64, value: &dyn Fn(usize) -> f64| {
        let (mut sum, mut count) = (0.0, 0.0);
        for cell in 0..test.user.len() {
            sum += weight(cell) * value(cell);
            count += weight(cell);
        }
        sum / count
    };
    let label = |cell: usize| f64::from(u8::from(test.liked[cell]));
    let predicted = |cell: usize| f64::from(test.probability[cell]);
    let squared = |cell: usize| (predicted(cell) - label(cell)).powi(2);
    vec![
        made("user_model", "auc", "AUC", estimate(&|w| model.auc(&test.liked, w))),
        made("popularity", "auc", "AUC", estimate(&|w| popular.auc(&test.liked, w))),
        made(
            "user_model",
            "auc_gain",
            "AUC, user model minus popularity",
            estimate(&|w| model.auc(&test.liked, w) - popular.auc(&test.liked, w)),
        ),
        made(
            "user_model",
            "auc_within_users",
            "AUC within users, mean",
            resamples.estimate(users, |w| mean_within(w, &|areas| areas.0)),
        ),
        made(
            "popularity",
            "auc_within_users",
            "AUC within users, mean",
            resamples.estimate(users, |w| mean_within(w, &|areas| areas.1)),
        ),
        made(
            "user_model",
            "auc_within_users_gain",
            "AUC within users, user model minus popularity",
            resamples.estimate(users, |w| mean_within(w, &|areas| areas.0 - areas.1)),
        ),
        made("user_model", "rmse", "RMSE", estimate(&|w| mean(w, &squared).sqrt())),
        made(
            "user_model",
            "calibration_error",
            "calibration error, 20 bins of equal size",
            estimate(&|w| all.error(&test.probability, &test.liked, w)),
        ),
        made("user_model", "like_rate", "like-rate, predicted", estimate(&|w| mean(w, &predicted))),
        made("observed", "like_rate", "like-rate, observed", estimate(&|w| mean(w, &label))),
    ]
}

/// For each user the areas of (user model, popularity) among the user's own test cells, where they are defined.
fn within_users(test: &TestCells, users: usize) -> Vec<Option<(f64, f64)>> {
    let starts: Vec<usize> = (0..=users as u32).map(|user| test.user.partition_point(|&u| u < user)).collect();
    (0..users)
        .into_par_iter()
        .map(|user| {
            let cells = starts[user]..starts[user + 1];
            let area = |scores: &[f32]| Ranked::new(&scores[cells.clone()]).auc(&test.liked[cells.clone()], |_| 1.0);
            let areas = (area(&test.probability), area(&test.popularity));
            areas.0.is_finite().then_some(areas)
        })
        .collect()
}

fn at_the_top(test: &TestCells, users: usize, resamples: &Resamples) -> Vec<Measure> {
    let made = |method, metric, label: String, statistic: &(dyn Fn(&dyn Fn(usize) -> f64) -> f64 + Sync)| Measure {
        method,
        section: Section::Best,
        metric,
        label,
        estimate: resamples
            .estimate(users, |weights| statistic(&|cell| f64::from(weights[test.user[cell] as usize]))),
    };
    let best = Binned::new(test.best.clone(), &test.probability, 10);
    let mean = |weight: &dyn Fn(usize) -> f64, value: &dyn Fn(usize) -> f64| {
        let of_cell = |&cell: &u32| (weight(cell as usize) * value(cell as usize), weight(cell as usize));
        let (sum, count) = best.cells().iter().map(of_cell).fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
        sum / count
    };
    let predicted = |cell: usize| f64::from(test.probability[cell]);
    let observed = |cell: usize| f64::from(u8::from(test.liked[cell]));
    let of = format!("each user's best {BEST}");
    vec![
        made("user_model", "calibration_error_best", format!("calibration error, {of}, 10 bins"), &|w| {
            best.error(&test.probability, &test.liked, w)
        }),
        made("user_model", "like_rate_best", format!("like-rate, predicted, {of}"), &|w| mean(w, &predicted)),
        made("observed", "like_rate_best", format!("like-rate, observed, {of}"), &|w| mean(w, &observed)),
    ]
}

fn over_all(dataset: &Dataset, cells: &Cells, rules: &Rules, users: &[u32], of_users: &[OfUser]) -> Vec<Measure> {
    let made = |method, metric, label: String, value| Measure {
        method,
        section: Section::All,
        metric,
        label,
        estimate: Estimate { value, interval: None },
    };
    let sum = |of: &dyn Fn(&OfUser) -> f64| of_users.iter().map(of).sum::<f64>();
    let count = sum(&|user| user.cells as f64);
    let returns: Vec<Returns> = of_users.iter().map(|user| user.returns).collect();
    let oracle: Vec<f64> = returns.iter().map(|returns| returns.oracle).collect();
    let mean = returns::mean(&returns);
    let without = groups::without_reward(&dataset.users, &cells.log, users, &oracle);
    let expected = format!("expected return of {} steps", rules.horizon);
    let none = format!("users whose best return is below {}", groups::POSSIBLE_RETURN);
    let mut measures = vec![
        made("user_model", "like_rate_all", "like-rate, predicted".into(), sum(&|user| user.expected_likes) / count),
        made("observed", "like_rate_all", "like-rate, observed".into(), sum(&|user| user.likes as f64) / count),
        made("oracle", "expected_return", expected.clone(), mean.oracle),
        made("popularity", "expected_return", expected.clone(), mean.popularity),
        made("random", "expected_return", expected, mean.random),
        made("oracle", "times_random", "return, times random's".into(), mean.oracle / mean.random),
        made("popularity", "times_random", "return, times random's".into(), mean.popularity / mean.random),
        made(
            "environment",
            "saturation",
            "saturation: the oracle's likes a step".into(),
            mean.oracle / f64::from(rules.horizon),
        ),
        made("environment", "users_without_reward", format!("share of {none}"), without.overall),
    ];
    if let Some((group, share)) = without.worst {
        let label = format!("the same in the worst group ({group})");
        measures.push(made("environment", "users_without_reward_worst_group", label, share));
    }
    measures
}
