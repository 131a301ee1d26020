//! `simulator fit` and `simulator fidelity`: the same bytes whatever the workers, an environment that knows more than
//! popularity does, and one where pairs without a rating say nothing.

use std::path::Path;

use crate::support::{contents, environment, fail, import, raw_dataset, simulator, succeed, text, write};
use common::schema::metrics;
use tempfile::TempDir;

/// The words that measure `environment`, and those of `extra`.
fn fidelity_words<'a>(data: &'a Path, environment: &'a Path, extra: &[&'a str]) -> Vec<&'a str> {
    let words = [
        "fidelity",
        "--data",
        text(data),
        "--environment",
        text(environment),
    ];
    [words.as_slice(), extra].concat()
}

#[test]
fn the_environment_is_the_same_for_one_worker_and_three() {
    let out = tempfile::tempdir().unwrap();
    let data = import(raw_dataset().path(), out.path(), &[]);
    let fit = |name: &str, workers: &str, seed: &str| {
        let folder = out.path().join(name);
        let words = [
            "fit",
            "--data",
            text(&data),
            "--out",
            text(&folder),
            "--rank",
            "4",
            "--epochs",
            "40",
            "--workers",
            workers,
        ];
        succeed(&[words.as_slice(), &["--seed", seed]].concat());
        contents(&folder)
    };
    let one = fit("one", "1", "0");
    assert!(one == fit("three", "3", "0"), "workers change the environment");
    assert!(one != fit("other", "3", "1"), "the seed does not matter");
}

#[test]
fn fidelity_shows_what_the_model_knows() {
    let out = tempfile::tempdir().unwrap();
    let (data, environment) = environment(out.path());
    let file = out.path().join("fidelity.parquet");
    let words = fidelity_words(&data, &environment, &["--out", text(&file)]);
    let table = succeed(&[words.as_slice(), &["--resamples", "200"]].concat());
    let value = values(&file);
    // Two tastes, which popularity cannot tell apart. So few likes are cross-fitted without being asked.
    for split in ["test", "cross_fitted"] {
        assert!(value(split, "user_model", "auc") > 0.75, "{table}");
        assert!(value(split, "user_model", "auc_low") <= value(split, "user_model", "auc"));
    }
    assert!(
        value("cross_fitted", "user_model", "auc_gain_low") > 0.0,
        "{table}"
    );
    assert_eq!(value("bars", "environment", "bar_auc_gain"), 1.0, "{table}");
    let value = |method: &str, metric: &str| value("all", method, metric);
    let (predicted, observed) = (
        value("user_model", "like_rate_all"),
        value("observed", "like_rate_all"),
    );
    assert!(
        (predicted / observed - 1.0).abs() < 0.25,
        "{predicted} {observed}"
    );
    assert!(value("oracle", "expected_return") > value("popularity", "expected_return"));
    assert!(value("oracle", "expected_return") > value("random", "expected_return"));
    assert!(table.contains("AUC") && table.contains("saturation"), "{table}");

    let again = succeed(&[words.as_slice(), &["--resamples", "200", "--workers", "1"]].concat());
    assert_eq!(again, table, "a second run prints the same table");
}

/// The value of (split, method, metric) in a metrics file.
fn values(file: &Path) -> impl Fn(&str, &str, &str) -> f64 {
    let measured = metrics::read(file).unwrap();
    move |split, method, metric| {
        let found = measured
            .iter()
            .find(|m| (m.split.as_str(), m.method.as_str(), m.metric.as_str()) == (split, method, metric));
        found.unwrap_or_else(|| panic!("{split} {method} {metric}")).value
    }
}

#[test]
fn one_fold_is_the_environment_alone() {
    let out = tempfile::tempdir().unwrap();
    let (data, environment) = environment(out.path());
    let (all, one) = (out.path().join("all.parquet"), out.path().join("one.parquet"));
    let measured = |file: &Path, extra: &[&str]| {
        let words = fidelity_words(&data, &environment, &["--resamples", "20", "--out", text(file)]);
        succeed(&[words.as_slice(), extra].concat())
    };
    let table = measured(&one, &["--folds", "1"]);
    assert!(!table.contains("cross-fitted:"), "{table}");
    assert!(measured(&all, &[]).contains("cross-fitted:"));
    let of_test = |file: &Path| values(file)("test", "user_model", "auc");
    assert_eq!(
        of_test(&all),
        of_test(&one),
        "the other folds leave the environment's own as it is"
    );
}

/// A Coat-like folder: 60 users of two genders rate 10 of 40 coats that they chose, nearly all liked ones, and 16 that
/// were shown at random, of which they like 3 of 4 of their gender's and 1 of 8 others.
fn shown_at_random() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| write(folder.path(), name, content);
    file(
        "item_features_map.txt",
        "gender:men\ngender:women\njackettype:parkas\ncolor:black\nonfrontpage:no",
    );
    file(
        "user_features_map.txt",
        "gender:men\ngender:women\nage:20-30\nfashioninterest:very",
    );
    file("item_features.ascii", &"1 0 1 1 1\n0 1 1 1 1\n".repeat(20));
    file("user_features.ascii", &"1 0 1 1\n0 1 1 1\n".repeat(30));
    let likes = |user: usize, item: usize| match (user * 29 + item * 17) % 8 {
        0 => true,
        draw => user % 2 == item % 2 && draw < 6,
    };
    let matrix = |rated: &dyn Fn(usize, usize) -> bool| {
        let cell = |user: usize, item: usize| match (rated(user, item), likes(user, item)) {
            (false, _) => "0",
            (true, false) => "2",
            (true, true) => "5",
        };
        let row = |user: usize| (0..40).map(|item| cell(user, item)).collect::<Vec<_>>().join(" ") + "\n";
        (0..60).map(row).collect::<String>()
    };
    let chosen = matrix(&|user, item| likes(user, item) && (user * 7 + item * 3) % 40 < 25);
    let random = matrix(&|user, item| (user * 13 + item * 23) % 40 < 16);
    file("train.ascii", &chosen);
    file("test.ascii", &random);
    folder
}

#[test]
fn where_pairs_without_a_rating_say_nothing_the_like_rate_is_that_of_the_ratings() {
    let (raw, out) = (shown_at_random(), tempfile::tempdir().unwrap());
    let (data, environment) = (out.path().join("data"), out.path().join("environment"));
    let file = out.path().join("fidelity.parquet");
    succeed(&[
        "import",
        "coat",
        "--input",
        text(raw.path()),
        "--out",
        text(&data),
    ]);
    let fit = [
        "fit",
        "--data",
        text(&data),
        "--out",
        text(&environment),
        "--epochs",
        "60",
    ];
    succeed(&fit);
    assert!(environment.join("choice.json").exists());
    let words = fidelity_words(&data, &environment, &["--resamples", "50", "--out", text(&file)]);
    let table = succeed(&words);
    let value = values(&file);
    let (predicted, observed) = (
        value("cross_fitted", "user_model", "like_rate"),
        value("cross_fitted", "observed", "like_rate"),
    );
    assert!(observed > 0.15, "{table}");
    assert!((predicted - observed).abs() < 0.03, "{table}");
    // Ten random items give ten times the like-rate of what is left, which the ratings are a fair sample of.
    let random = value("all", "random", "expected_return");
    assert!((random / 10.0 - observed).abs() < 0.06, "{random} {table}");
    assert!(
        value("cross_fitted", "user_model", "auc_gain_low") > 0.0,
        "{table}"
    );
}

#[test]
fn an_environment_of_another_dataset_is_refused() {
    let (out, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, environment) = environment(out.path());
    let data = import(raw_dataset().path(), other.path(), &["--log-share", "0.7"]);
    let error = fail(2, &fidelity_words(&data, &environment, &[]));
    assert!(error.contains("do not belong together"), "{error}");
}

#[test]
fn parts_of_different_imports_are_refused() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = import(raw_dataset().path(), one.path(), &[]);
    let foreign = import(raw_dataset().path(), other.path(), &["--log-share", "0.7"]);
    std::fs::copy(
        foreign.join("truth/interactions.parquet"),
        data.join("truth/interactions.parquet"),
    )
    .unwrap();
    let folder = one.path().join("environment");
    let error = fail(2, &["fit", "--data", text(&data), "--out", text(&folder)]);
    assert!(error.contains("different imports"), "{error}");
}

#[test]
fn a_dataset_cut_short_leaves_the_old_environment() {
    let out = tempfile::tempdir().unwrap();
    let (data, environment) = environment(out.path());
    let before = contents(&environment);
    let log = data.join("log/interactions.parquet");
    let bytes = std::fs::read(&log).unwrap();
    std::fs::write(&log, &bytes[..bytes.len() / 2]).unwrap();
    let error = fail(
        42,
        &[
            "fit",
            "--data",
            text(&data),
            "--out",
            text(&environment),
            "--overwrite",
        ],
    );
    assert!(
        error.contains("interactions.parquet") && error.contains("cut short"),
        "{error}"
    );
    assert!(contents(&environment) == before);
}

#[test]
fn a_wrong_folder_is_wrong_usage_with_a_hint() {
    let empty = tempfile::tempdir().unwrap();
    let out = empty.path().join("environment");
    let error = fail(2, &["fit", "--data", text(empty.path()), "--out", text(&out)]);
    assert!(error.contains("simulator import"), "{error}");
    let error = fail(2, &fidelity_words(empty.path(), empty.path(), &[]));
    assert!(error.contains("simulator fit"), "{error}");
}

#[test]
fn help_names_every_verb() {
    let output = simulator(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    for verb in ["import", "fit", "fidelity", "run", "report"] {
        assert!(help.contains(verb), "{help}");
    }
}
