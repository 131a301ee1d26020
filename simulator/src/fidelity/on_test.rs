//! Measures on the test fold, and on those of its cells that a good policy would choose.

use rayon::prelude::*;

use super::auc::Ranked;
use super::bootstrap::{Estimate, Resamples};
use super::calibration_error::Binned;
use super::measure::{Measure, Section};
use super::test_cells::{BEST, TestCells, mean};

pub(super) fn on_test_fold(test: &TestCells, resamples: &Resamples) -> Vec<Measure> {
    let made = |method, metric, label: &str, estimate: Estimate| Measure {
        method,
        section: Section::Test,
        metric,
        label: label.to_string(),
        estimate,
    };
    let count = test.user.len();
    let (model, popular) = (Ranked::new(&test.probability), Ranked::new(&test.popularity));
    let areas = |users: &[f32]| [&model, &popular].map(|ranked| ranked.auc(&test.liked, test.weight(users)));
    let [model_auc, popular_auc, gain] = paired(test, resamples, areas);
    let within = within_users(test);
    let within_means = |users: &[f32]| {
        let (mut sums, mut count) = ([0.0; 2], 0.0);
        for (areas, &weight) in within.iter().zip(users) {
            if let Some(areas) = areas {
                count += f64::from(weight);
                sums = [0, 1].map(|at| sums[at] + f64::from(weight) * areas[at]);
            }
        }
        sums.map(|sum| sum / count)
    };
    let [model_within, popular_within, gain_within] = paired(test, resamples, within_means);
    let bins = Binned::new((0..count as u32).collect(), &test.probability, 20);
    let over = |value: &(dyn Fn(usize) -> f64 + Sync)| {
        resamples.estimate(test.users, |users| mean(0..count, test.weight(users), value))
    };
    let squared = |cell: usize| (test.predicted(cell) - test.label(cell)).powi(2);
    let calibration = resamples.estimate(test.users, |users| {
        bins.error(&test.probability, &test.liked, test.weight(users))
    });
    vec![
        made("user_model", "auc", "AUC", model_auc),
        made("popularity", "auc", "AUC", popular_auc),
        made("user_model", "auc_gain", "AUC, user model minus popularity", gain),
        made(
            "user_model",
            "auc_within_users",
            "AUC within users, mean",
            model_within,
        ),
        made(
            "popularity",
            "auc_within_users",
            "AUC within users, mean",
            popular_within,
        ),
        made(
            "user_model",
            "auc_within_users_gain",
            "AUC within users, user model minus popularity",
            gain_within,
        ),
        made("user_model", "rmse", "RMSE", over(&squared).map(f64::sqrt)),
        made(
            "user_model",
            "calibration_error",
            "calibration error, 20 bins of equal size",
            calibration,
        ),
        made(
            "user_model",
            "like_rate",
            "like-rate, predicted",
            over(&|cell| test.predicted(cell)),
        ),
        made(
            "observed",
            "like_rate",
            "like-rate, observed",
            over(&|cell| test.label(cell)),
        ),
    ]
}

/// Estimates of two statistics and of the first minus the second, from the same resamples.
fn paired(
    test: &TestCells,
    resamples: &Resamples,
    statistics: impl Fn(&[f32]) -> [f64; 2] + Sync,
) -> [Estimate; 3] {
    resamples.estimates(test.users, |users| {
        let [first, second] = statistics(users);
        [first, second, first - second]
    })
}

/// For each user the areas of (user model, popularity) among the user's own test cells, where they are defined.
fn within_users(test: &TestCells) -> Vec<Option<[f64; 2]>> {
    test.by_user()
        .into_par_iter()
        .map(|cells| {
            let areas = [&test.probability, &test.popularity]
                .map(|scores| Ranked::new(&scores[cells.clone()]).auc(&test.liked[cells.clone()], |_| 1.0));
            areas[0].is_finite().then_some(areas)
        })
        .collect()
}

pub(super) fn at_the_top(test: &TestCells, resamples: &Resamples, seed: u64) -> Vec<Measure> {
    let of = format!("each user's best {BEST}");
    let made = |method, metric, label: String, estimate| Measure {
        method,
        section: Section::Best,
        metric,
        label,
        estimate,
    };
    let best = Binned::new(test.best.clone(), &test.probability, 10);
    let calibration = resamples.estimate(test.users, |users| {
        best.error(&test.probability, &test.liked, test.weight(users))
    });
    let over = |value: &(dyn Fn(usize) -> f64 + Sync)| {
        let cells = || test.best.iter().map(|&cell| cell as usize);
        resamples.estimate(test.users, |users| mean(cells(), test.weight(users), value))
    };
    let noise = Estimate {
        value: best.noise(&test.probability, seed),
        interval: None,
    };
    vec![
        made(
            "user_model",
            "calibration_error_best",
            format!("calibration error, {of}, 10 bins"),
            calibration,
        ),
        made(
            "user_model",
            "calibration_noise_best",
            "of it what a perfect model would show (sampling noise)".to_string(),
            noise,
        ),
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
