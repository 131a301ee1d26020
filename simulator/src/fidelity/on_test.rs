//! Measures on test cells, and on those of them that a good policy would choose.

use rayon::prelude::*;

use super::auc::Ranked;
use super::bootstrap::{Estimate, Resamples};
use super::calibration_error::Binned;
use super::cells::{BEST, TestCells};
use super::measure::{Measure, Section};
use super::popularity::SCORES;

/// The scores of [`super::popularity`] in words.
const POPULARITY: [&str; SCORES] = ["likes in log and fit fold", "held-out like-rate in the fit fold"];

pub(super) fn on_test(test: &TestCells, resamples: &Resamples, section: Section, seed: u64) -> Vec<Measure> {
    let made = |method, metric, label: String, estimate| Measure {
        method,
        section,
        metric,
        label,
        estimate,
    };
    let mut measures = Vec::new();
    let by_rotation = by_rotation(test);
    let areas = |users: &[f32]| {
        let mean = |score: usize| {
            let of_score: Vec<f64> = by_rotation
                .iter()
                .map(|ranked| ranked[score].auc(users))
                .collect();
            of_score.iter().sum::<f64>() / of_score.len() as f64
        };
        std::array::from_fn(mean)
    };
    let within = within_users(test);
    let within_means = |users: &[f32]| {
        let (mut sums, mut count) = ([0.0; 1 + SCORES], 0.0);
        for (areas, &weight) in within.iter().zip(users) {
            if let Some(areas) = areas {
                count += f64::from(weight);
                (0..=SCORES).for_each(|at| sums[at] += f64::from(weight) * areas[at]);
            }
        }
        sums.map(|sum| sum / count)
    };
    for (metric, gain_metric, name, rivals) in [
        ("auc", "auc_gain", "AUC", rivals(test, resamples, areas)),
        (
            "auc_within_users",
            "auc_within_users_gain",
            "AUC within users, mean",
            rivals(test, resamples, within_means),
        ),
    ] {
        let [model, popular, gain] = rivals.estimates;
        let popularity = format!("{name} ({})", POPULARITY[rivals.stronger]);
        measures.push(made("user_model", metric, name.to_string(), model));
        measures.push(made("popularity", metric, popularity, popular));
        let label = format!("{name}, user model minus popularity");
        measures.push(made("user_model", gain_metric, label, gain));
    }

    let over = |value: &dyn Fn(usize) -> f64| mean(test, resamples, 0..test.user.len(), value);
    let squared = |cell: usize| (test.predicted(cell) - test.label(cell)).powi(2);
    let bins = Binned::new(test, test.all(), 20);
    let calibration = resamples.estimate(test.users, |users| bins.error(users));
    let noise = Estimate::exact(bins.noise(seed));
    measures.extend([
        made("user_model", "rmse", "RMSE".into(), over(&squared).map(f64::sqrt)),
        made(
            "user_model",
            "calibration_error",
            format!("calibration error, {}", count(bins.bins)),
            calibration,
        ),
        made("user_model", "calibration_noise", NOISE.into(), noise),
        made(
            "user_model",
            "like_rate",
            "like-rate, predicted".into(),
            over(&|cell| test.predicted(cell)),
        ),
        made(
            "observed",
            "like_rate",
            "like-rate, observed".into(),
            over(&|cell| test.label(cell)),
        ),
    ]);
    measures
}

/// What stands beside an error of calibration.
const NOISE: &str = "of it what a perfect model would show (sampling noise)";

fn count(bins: usize) -> String {
    if bins == 1 {
        "1 bin".to_string()
    } else {
        format!("{bins} bins")
    }
}

/// For each rotation its cells in the order of the user model's and of popularity's scores. Models of different
/// rotations are never ranked against each other.
fn by_rotation(test: &TestCells) -> Vec<Vec<Ranked>> {
    let rotations = test.rotation.iter().max().map_or(0, |&last| last + 1);
    (0..rotations)
        .map(|rotation| {
            let mut cells = test.all();
            cells.retain(|&cell| test.rotation[cell as usize] == rotation);
            scores(test)
                .into_par_iter()
                .map(|scores| Ranked::new(test, cells.clone(), scores))
                .collect()
        })
        .collect()
}

/// The user model's scores, then popularity's.
fn scores(test: &TestCells) -> Vec<&[f32]> {
    let popularity = test.popularity.iter().map(Vec::as_slice);
    std::iter::once(test.probability.as_slice())
        .chain(popularity)
        .collect()
}

/// For each user the areas of the user model and of popularity's scores among the user's own cells, where defined.
fn within_users(test: &TestCells) -> Vec<Option<[f64; 1 + SCORES]>> {
    let once = vec![1.0; test.users];
    let area = |cells: std::ops::Range<u32>, scores| Ranked::new(test, cells.collect(), scores).auc(&once);
    test.by_user()
        .into_par_iter()
        .map(|cells| {
            let scores = scores(test);
            let areas: [f64; 1 + SCORES] = std::array::from_fn(|at| area(cells.clone(), scores[at]));
            areas[0].is_finite().then_some(areas)
        })
        .collect()
}

/// The user model against the stronger of popularity's scores.
struct Rivals {
    /// Which score that is.
    stronger: usize,
    /// User model, popularity, and the difference, from the same resamples.
    estimates: [Estimate; 3],
}

fn rivals(
    test: &TestCells,
    resamples: &Resamples,
    statistics: impl Fn(&[f32]) -> [f64; 1 + SCORES] + Sync,
) -> Rivals {
    let [model, first, second, over_first, over_second] = resamples.estimates(test.users, |users| {
        let [model, first, second] = statistics(users);
        [model, first, second, model - first, model - second]
    });
    if second.value > first.value {
        Rivals {
            stronger: 1,
            estimates: [model, second, over_second],
        }
    } else {
        Rivals {
            stronger: 0,
            estimates: [model, first, over_first],
        }
    }
}

/// The mean of `value` over `cells`: sums by user are made once, the resamples weigh them.
fn mean(
    test: &TestCells,
    resamples: &Resamples,
    cells: impl Iterator<Item = usize>,
    value: impl Fn(usize) -> f64,
) -> Estimate {
    let mut of_users = vec![(0.0, 0.0); test.users];
    for cell in cells {
        let (sum, count) = &mut of_users[test.user[cell] as usize];
        *sum += value(cell);
        *count += 1.0;
    }
    resamples.estimate(test.users, |users| {
        let (mut sum, mut count) = (0.0, 0.0);
        for ((of_user, cells), &weight) in of_users.iter().zip(users) {
            sum += f64::from(weight) * of_user;
            count += f64::from(weight) * cells;
        }
        sum / count
    })
}

pub(super) fn at_the_top(
    test: &TestCells,
    resamples: &Resamples,
    section: Section,
    seed: u64,
) -> Vec<Measure> {
    // With their number: where unrated pairs say nothing, few of the best may be known, and intervals over users tell
    // little of so few.
    let of = format!("each user's best {BEST} ({} cells)", test.best.len());
    let made = |method, metric, label: String, estimate| Measure {
        method,
        section,
        metric,
        label,
        estimate,
    };
    if test.best.is_empty() {
        return Vec::new();
    }
    let best = Binned::new(test, test.best.clone(), 10);
    let calibration = resamples.estimate(test.users, |users| best.error(users));
    let over = |value: &dyn Fn(usize) -> f64| {
        mean(
            test,
            resamples,
            test.best.iter().map(|&cell| cell as usize),
            value,
        )
    };
    let noise = Estimate::exact(best.noise(seed));
    vec![
        made(
            "user_model",
            "calibration_error_best",
            format!("calibration error, {of}, {}", count(best.bins)),
            calibration,
        ),
        made("user_model", "calibration_noise_best", NOISE.to_string(), noise),
        made(
            "user_model",
            "like_rate_best",
            format!("like-rate, predicted, {of}"),
            over(&|cell| test.predicted(cell)),
        ),
        made(
            "observed",
            "like_rate_best",
            format!("like-rate, observed, {of}"),
            over(&|cell| test.label(cell)),
        ),
    ]
}
