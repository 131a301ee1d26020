//! `simulator fit` and `simulator fidelity`: the same bytes whatever the workers, and an environment that knows more
//! than popularity does.

mod common;

use ::common::schema::metrics;
use common::{contents, environment, fail, import, raw_dataset, simulator, succeed, text};

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
    let words = [
        "fidelity",
        "--data",
        text(&data),
        "--environment",
        text(&environment),
        "--out",
        text(&file),
    ];
    let table = succeed(&[words.as_slice(), &["--resamples", "200"]].concat());
    let measured = metrics::read(&file).unwrap();
    let value = |method: &str, metric: &str| {
        measured
            .iter()
            .find(|m| m.method == method && m.metric == metric)
            .unwrap_or_else(|| panic!("{metric}"))
            .value
    };
    // Two tastes, which popularity cannot tell apart.
    assert!(value("user_model", "auc") > 0.75, "{table}");
    assert!(value("user_model", "auc_gain_low") > 0.0, "{table}");
    assert!(value("user_model", "auc_low") <= value("user_model", "auc"));
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

#[test]
fn an_environment_of_another_dataset_is_refused() {
    let (out, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, environment) = environment(out.path());
    let data = import(raw_dataset().path(), other.path(), &["--log-share", "0.7"]);
    let error = fail(
        2,
        &[
            "fidelity",
            "--data",
            text(&data),
            "--environment",
            text(&environment),
        ],
    );
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
    let error = fail(
        2,
        &[
            "fidelity",
            "--data",
            text(empty.path()),
            "--environment",
            text(empty.path()),
        ],
    );
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
