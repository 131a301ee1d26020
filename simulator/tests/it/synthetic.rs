//! `simulator import synthetic`: the same bytes whatever the workers, and data that tell the truth they were drawn from.

use std::path::Path;

use crate::support::{agent, contents, fail, simulator, succeed, text};
use common::schema::interactions::{self, Interactions, Kind};
use common::schema::{items, table, users};
use simulator::environment::Environment;

const USERS: u32 = 20_000;
const ITEMS: u32 = 300;
const LOG: usize = 25;
const HELD_OUT: usize = 8;
const LIKE_RATE: f64 = 0.12;

fn make(out: &Path, extra: &[&str]) {
    let words = [
        "import",
        "synthetic",
        "--out",
        text(out),
        "--rank",
        "8",
        "--topics",
        "12",
    ];
    let sizes = ["--users", "20000", "--items", "300", "--log-length", "25"];
    let rest = ["--held-out", "8", "--like-rate", "0.12"];
    succeed(&[&words, sizes.as_slice(), &rest, extra].concat());
}

struct Made {
    _folder: tempfile::TempDir,
    environment: Environment,
    log: Interactions,
    truth: Interactions,
}

impl Made {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), &[]);
        let part = |name: &str| folder.path().join(name);
        Made {
            environment: Environment::load(&part("environment")).unwrap().0,
            log: interactions::read_log(&part("log/interactions.parquet"), None).unwrap(),
            truth: interactions::read_truth(&part("truth/interactions.parquet")).unwrap(),
            _folder: folder,
        }
    }

    /// The true probability of row `row` of `part`.
    fn probability(&self, part: &Interactions, row: usize) -> f64 {
        let user = self
            .environment
            .users
            .code(part.users.id(part.user[row]))
            .unwrap();
        let item = self
            .environment
            .items
            .code(part.items.id(part.item[row]))
            .unwrap();
        f64::from(self.environment.model.probability(user, item))
    }

    /// The sum of a user's true probabilities over all items.
    fn over_all_items(&self, user: u32) -> f64 {
        let items = 0..ITEMS;
        items
            .map(|item| f64::from(self.environment.model.probability(user, item)))
            .sum()
    }
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[test]
fn the_same_bytes_for_one_worker_and_three_and_others_for_another_seed() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str, extra: &[&str]| {
        let out = folder.path().join(name);
        make(&out, extra);
        contents(&out)
    };
    let one = made("one", &["--workers", "1"]);
    assert_eq!(one.len(), 8);
    assert!(
        one == made("three", &["--workers", "3"]),
        "workers change the data"
    );
    let other = made("other", &["--seed", "1"]);
    assert!(
        one.iter().zip(&other).all(|(a, b)| a.1 != b.1),
        "the seed changes every file"
    );
}

#[test]
fn the_parts_fit_together_and_say_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), &[]);
    let part = |name: &str| folder.path().join(name);
    let (environment, manifest) = Environment::load(&part("environment")).unwrap();
    assert_eq!(
        (environment.name.as_str(), manifest.inputs.len()),
        ("synthetic", 4)
    );
    let (log_path, truth_path) = (
        part("log/interactions.parquet"),
        part("truth/interactions.parquet"),
    );
    let said = table::read_manifest(&log_path).unwrap().unwrap().config;
    assert_eq!(
        (&said["dataset"], &said["unrated"]),
        (&"synthetic".into(), &"unknown".into())
    );

    let log = interactions::read_log(&log_path, None).unwrap();
    let truth = interactions::read_truth(&truth_path).unwrap();
    assert_eq!(
        (log.len(), truth.len()),
        (USERS as usize * LOG, USERS as usize * HELD_OUT)
    );
    assert_eq!((log.kind.kind, log.kind.like_threshold), (Kind::Click, 1.0));
    assert!(
        interactions::read_log(&truth_path, None).is_err(),
        "truth is not a log"
    );
    // Each user's log is what the environment takes as consumed, and nothing held out is in it.
    let mut likes = vec![0; ITEMS as usize];
    for (user, rows) in log.rows_by_user().iter().enumerate() {
        let code = |row: &usize| log.items.id(log.item[*row]).parse::<u32>().unwrap();
        let mut shown: Vec<u32> = rows.iter().map(code).collect();
        rows.iter()
            .filter(|&&row| log.is_like(row))
            .for_each(|row| likes[code(row) as usize] += 1);
        shown.sort_unstable();
        assert_eq!(shown, environment.consumed.row(user));
    }
    assert_eq!(likes, environment.popularity);
    for row in 0..truth.len() {
        let user: usize = truth.users.id(truth.user[row]).parse().unwrap();
        assert!(
            !environment
                .consumed
                .contains(user, truth.items.id(truth.item[row]).parse().unwrap())
        );
    }

    // Titles and texts tell the category; ids alone are the ids of the whole.
    let catalogue = items::read(&part("log/items.parquet")).unwrap();
    assert_eq!(catalogue.ids.len(), ITEMS as usize);
    for item in 0..ITEMS as usize {
        let topic = &catalogue.categories[item][0];
        assert!(catalogue.title[item].contains(topic), "{}", catalogue.title[item]);
        assert!(catalogue.text[item].as_ref().unwrap().contains(topic));
    }
    assert!(
        items::read_ids(&part("log/items.parquet"))
            .unwrap()
            .ids()
            .eq(catalogue.ids.ids())
    );
    let people = users::read(&part("environment/users.parquet")).unwrap();
    assert!(people.attributes.iter().all(|of| of.len() == 3));
    assert!(people.ids.ids().eq(environment.users.ids()));
}

#[test]
fn held_out_feedback_agrees_with_the_truth_and_the_like_rate() {
    let made = Made::new();
    let differences: Vec<f64> = (0..made.truth.len())
        .map(|row| f64::from(made.truth.feedback[row]) - made.probability(&made.truth, row))
        .collect();
    let (mean, error) = mean_and_error(&differences);
    assert!(mean.abs() < 4.0 * error, "{mean} +- {error}");
    assert!(error < 0.01 * LIKE_RATE, "{error}: too few rows to tell");
    let sum: f64 = (0..USERS).map(|user| made.over_all_items(user)).sum();
    let rate = sum / f64::from(USERS) / f64::from(ITEMS);
    assert!((rate / LIKE_RATE - 1.0).abs() < 0.02, "{rate}");
}

/// Des Raj's estimate for draws without replacement (Journal of the American Statistical Association 51, 1956): after k - 1
/// draws, what these earned plus the k-th reward over its propensity is an unbiased estimate of the sum over all items,
/// whatever the k - 1 were. A user's estimate is the mean over k, and users are independent.
#[test]
fn recorded_propensities_estimate_the_uniform_policy_without_bias() {
    let made = Made::new();
    let log = &made.log;
    let estimate = |propensity: &dyn Fn(usize, usize) -> f64| {
        let of_user = |rows: &Vec<usize>| {
            let (mut earned, mut sum) = (0.0, 0.0);
            for (step, &row) in rows.iter().enumerate() {
                let reward = f64::from(log.feedback[row]);
                sum += earned + reward / propensity(row, step);
                earned += reward;
            }
            sum / rows.len() as f64
        };
        let by_user = log.rows_by_user();
        let differences: Vec<f64> = by_user
            .iter()
            .zip(0..)
            .map(|(rows, user)| (of_user(rows) - made.over_all_items(user)) / f64::from(ITEMS))
            .collect();
        mean_and_error(&differences)
    };
    let recorded = |row: usize| f64::from(log.propensity[row].unwrap());
    let (bias, error) = estimate(&|row, _| recorded(row));
    assert!(error < 0.02 * LIKE_RATE, "{error}: too few rows to tell");
    assert!(bias.abs() < 4.0 * error, "{bias} +- {error}");

    // What the test can see: propensities that take no account of the earlier draws, or of popularity, are found out.
    let (bias, error) = estimate(&|row, step| recorded(row) * (1.0 - 0.01 * step as f64));
    assert!(bias.abs() > 6.0 * error, "{bias} +- {error}");
    let (bias, error) = estimate(&|_, step| 1.0 / (f64::from(ITEMS) - step as f64));
    assert!(bias.abs() > 6.0 * error, "{bias} +- {error}");
}

#[test]
fn agents_play_in_it_and_a_second_run_is_done() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), &[]);
    let (environment, metrics) = (folder.path().join("environment"), folder.path().join("m.parquet"));
    let agent = agent::command("");
    let words = [
        "run",
        "--environment",
        text(&environment),
        "--method",
        "random",
        "--agent",
        &agent,
    ];
    succeed(
        &[
            words.as_slice(),
            &["--seeds", "1", "--episodes", "50", "--out", text(&metrics)],
        ]
        .concat(),
    );
    let again = [
        "import",
        "synthetic",
        "--out",
        text(folder.path()),
        "--rank",
        "8",
        "--topics",
        "12",
    ];
    let sizes = [
        "--users",
        "20000",
        "--items",
        "300",
        "--log-length",
        "25",
        "--held-out",
        "8",
    ];
    let again = [again.as_slice(), &sizes].concat();
    let same = simulator(&[again.as_slice(), &["--like-rate", "0.12"]].concat());
    let told = String::from_utf8_lossy(&same.stderr)
        .matches("already done")
        .count();
    assert!(same.status.success() && told == 5, "{told}");
    assert!(fail(2, &[again.as_slice(), &["--like-rate", "0.2"]].concat()).contains("--overwrite"));
}

#[test]
fn sizes_that_do_not_go_together_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "import",
        "synthetic",
        "--out",
        text(folder.path()),
        "--items",
        "30",
    ];
    let error = fail(2, &words);
    assert!(
        error.contains("more than half") && error.contains("--log-length"),
        "{error}"
    );
}
