//! Estimators of slates and MIPS against what Open Bandit Pipeline answers on the same numbers, by the verb that reads them of a table.
//! `scripts/reference-tables` makes the tables.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, UInt32Array};
use common::schema::metrics;

use crate::estimate::write;
use crate::support::answer;

/// An estimator's name, with estimate, lower and upper bound.
type Answer = (String, [f64; 3]);

fn parsed(table: &str) -> (Vec<Vec<f64>>, Vec<Answer>) {
    let (mut rows, mut answers) = (Vec::new(), Vec::new());
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[0] {
            "answer" => answers.push((
                fields[1].to_string(),
                [2, 3, 4].map(|at| fields[at].parse().unwrap()),
            )),
            _ => rows.push(fields[1..].iter().map(|text| text.parse().unwrap()).collect()),
        }
    }
    (rows, answers)
}

fn columns(names: &[&'static str], rows: &[Vec<f64>]) -> RecordBatch {
    let column = |at: usize| rows.iter().map(move |row| row[at]);
    let columns = names.iter().enumerate().map(|(at, name)| -> (&str, ArrayRef) {
        let is_code = ["slate", "position", "category"].contains(name);
        match is_code {
            true => (
                *name,
                Arc::new(UInt32Array::from_iter_values(column(at).map(|code| code as u32))),
            ),
            false => (*name, Arc::new(Float64Array::from_iter_values(column(at)))),
        }
    });
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Runs `estimate` with these flags, and holds it to `answers`.
fn hold(folder: &Path, flags: &str, answers: &[Answer]) {
    let run = format!("estimate --log rounds.parquet {flags} --out metrics.parquet");
    answer(folder, &run, 0);
    let rows = metrics::read(&folder.join("metrics.parquet")).unwrap();
    let value = |metric: &str| rows.iter().find(|row| row.metric == metric).unwrap().value;
    for (name, [estimate, low, high]) in answers {
        let ours = value(name);
        assert!((ours - estimate).abs() < 1e-6, "{name}: {ours} {estimate}");
        // Theirs is a bootstrap that holds the sums of weights still, so that self-normalised ones differ; others are nearly ours.
        if !name.starts_with("sn") {
            let bounds = ["low", "high"].map(|part| value(&format!("{name}/{part}")));
            let slack = 0.1 * (high - low) + 1e-6;
            assert!(
                (bounds[0] - low).abs() < slack && (bounds[1] - high).abs() < slack,
                "{name}: {bounds:?} {low} {high}"
            );
        }
    }
}

#[test]
fn estimators_of_slates_are_open_bandit_pipelines() {
    let folder = tempfile::tempdir().unwrap();
    let (mut rows, answers) = parsed(include_str!("reference/obp-slates.tsv"));
    assert_eq!((rows.len(), answers.len()), (300, 7));
    let names = [
        "slate",
        "position",
        "reward",
        "propensity",
        "target_propensity",
        "position_propensity",
        "target_position_propensity",
        "q_logged",
        "v_target",
    ];
    write(folder.path(), "rounds.parquet", &columns(&names, &rows));
    hold(folder.path(), "--slate slate", &answers);
    // The order of rows is nobody's.
    rows.reverse();
    write(folder.path(), "rounds.parquet", &columns(&names, &rows));
    hold(folder.path(), "--slate slate --overwrite", &answers);
}

#[test]
fn mips_is_open_bandit_pipelines() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, answers) = parsed(include_str!("reference/obp-mips.tsv"));
    assert_eq!((rows.len(), answers.len()), (240, 1));
    // Of what was logged the table tells the category alone: it is taken for the action.
    let names = ["category", "reward", "propensity", "target_propensity"];
    write(folder.path(), "rounds.parquet", &columns(&names, &rows));
    let known =
        "--category category --category-propensity propensity --target-category-propensity target_propensity";
    hold(folder.path(), known, &answers);
    let ips = [("ips".to_string(), answers[0].1)];
    hold(folder.path(), &format!("{known} --overwrite"), &ips);
}
