//! `pretrain estimate`: what it reads of anybody's table, what it leaves out, and when it gives no answer.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use common::rng::{RngExt, stream};
use common::schema::metrics;
use parquet::arrow::ArrowWriter;

use crate::support::{answer, files, says};

pub(crate) fn write(folder: &Path, name: &str, batch: &RecordBatch) {
    let file = File::create(folder.join(name)).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn numbers(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

fn value(folder: &Path, name: &str, metric: &str) -> f64 {
    let rows = metrics::read(&folder.join(name)).unwrap();
    let row = rows.iter().find(|row| row.metric == metric);
    row.unwrap_or_else(|| panic!("no {metric}")).value
}

fn has(folder: &Path, name: &str, metric: &str) -> bool {
    let rows = metrics::read(&folder.join(name)).unwrap();
    rows.iter().any(|row| row.metric == metric)
}

const ACTIONS: usize = 40;

/// A thousand rounds of a hundred users under names of their own: a uniform policy over 40 actions of four kinds logs, the target does
/// three quarters of the time what is of the best kind. An action earns 0.2, 0.4, 0.6 or 0.8 by its kind alone.
fn clicks() -> RecordBatch {
    let mut rng = stream(1, "test/estimate", &[]);
    let kind = |action: usize| action % 4;
    let target = |action: usize| [1.0, 1.0, 1.0, 9.0][kind(action)] / 12.0 / 10.0;
    let earns = |action: usize| 0.2 * (1 + kind(action)) as f64;
    let actions: Vec<usize> = (0..1_000).map(|_| rng.random_range(0..ACTIONS)).collect();
    let clicked: Vec<f64> = actions
        .iter()
        .map(|&action| f64::from(u8::from(rng.random::<f64>() < earns(action))))
        .collect();
    let each = |of: &dyn Fn(usize) -> f64| numbers(actions.iter().map(|&action| of(action)));
    let shop = Int64Array::from_iter_values((0..1_000).map(|round| round / 10));
    let kinds = actions
        .iter()
        .map(|&action| ["socks", "hats", "shoes", "coats"][kind(action)]);
    RecordBatch::try_from_iter([
        ("click", numbers(clicked)),
        ("pscore", each(&|_| 1.0 / ACTIONS as f64)),
        ("bts", each(&target)),
        ("shop", Arc::new(shop) as ArrayRef),
        ("kind", Arc::new(StringArray::from_iter_values(kinds)) as ArrayRef),
        ("model", each(&earns)),
        ("model of bts", each(&|_| (0.2 + 0.4 + 0.6 + 9.0 * 0.8) / 12.0)),
        ("p kind", each(&|_| 0.25)),
        ("bts kind", each(&|action| 10.0 * target(action))),
    ])
    .unwrap()
}

const CLICKS: &str =
    "estimate --log clicks.parquet --reward click --propensity pscore --target-propensity bts --cluster shop";
const TRUTH: f64 = (0.2 + 0.4 + 0.6 + 9.0 * 0.8) / 12.0;

#[test]
fn a_table_of_anybodys_is_mapped_by_flags_and_what_is_left_out_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "clicks.parquet", &clicks());
    let (stdout, stderr) = answer(folder, &format!("{CLICKS} --out few.parquet"), 0);
    says(
        &stdout,
        &[
            "ips",
            "snips",
            "95 % interval",
            "target, seed 0",
            "mean weight",
            "logged",
        ],
    );
    says(
        &stderr,
        &[
            "left out: dm, dr and switch",
            "`q_logged` and `v_target`",
            "left out: mips",
            "--category",
        ],
    );
    assert!(!has(folder, "few.parquet", "dr") && !has(folder, "few.parquet", "mips"));
    assert_eq!(value(folder, "few.parquet", "rounds"), 1_000.0);
    assert_eq!(value(folder, "few.parquet", "clusters"), 100.0);
    let more = [
        "--model-logged=model",
        "--model-target=model of bts",
        "--category=kind",
        "--category-propensity=p kind",
        "--target-category-propensity=bts kind",
        "--out=all.parquet",
    ];
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pretrain"))
        .current_dir(folder)
        .args(CLICKS.split(' ').chain(more))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !stderr.contains("left out"),
        "{stderr}"
    );
    for name in ["ips", "snips", "dm", "dr", "switch", "mips"] {
        let of = |part: &str| value(folder, "all.parquet", &format!("{name}{part}"));
        assert!((of("") - TRUTH).abs() < 0.15, "{name}: {}", of(""));
        assert!(of("/low") <= of("") && of("") <= of("/high"), "{name}");
    }
    assert_eq!(
        value(folder, "all.parquet", "ips"),
        value(folder, "few.parquet", "ips"),
        "more columns change nothing that was there"
    );
    // Within a kind all actions have one weight here: weights that are estimated are those that are known.
    answer(
        folder,
        &format!("{CLICKS} --category kind --out estimated.parquet"),
        0,
    );
    let [known, estimated] =
        ["all", "estimated"].map(|name| value(folder, &format!("{name}.parquet"), "mips"));
    assert!((known - estimated).abs() < 1e-9, "{known} {estimated}");
    assert_eq!(value(folder, "estimated.parquet", "mips cells"), 4.0);
    answer(
        folder,
        &format!("{CLICKS} --category kind --context shop --out within.parquet"),
        0,
    );
    assert!(value(folder, "within.parquet", "mips cells") > 200.0);
}

#[test]
fn machines_get_json_and_what_is_done_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "clicks.parquet", &clicks());
    let run = format!("{CLICKS} --format json --name bts");
    let (one, _) = answer(folder, &format!("{run} --workers 1 --out one/metrics.parquet"), 0);
    let (two, _) = answer(folder, &format!("{run} --workers 2 --out two/metrics.parquet"), 0);
    assert_eq!(one, two);
    assert!(files(&folder.join("one")) == files(&folder.join("two")));
    let values: serde_json::Value = serde_json::from_str(&one).unwrap();
    let ips = values
        .as_array()
        .unwrap()
        .iter()
        .find(|v| v["metric"] == "ips")
        .unwrap();
    assert_eq!(
        (&ips["policy"], &ips["confidence"]),
        (&"bts".into(), &0.95.into())
    );
    let (again, stderr) = answer(folder, &format!("{run} --out one/metrics.parquet"), 0);
    says(&stderr, &["already done"]);
    assert_eq!(again, one);
    let other = format!("{run} --max-weight 1 --out one/metrics.parquet");
    says(&answer(folder, &other, 2).1, &["another run", "--overwrite"]);
    answer(folder, &format!("{run} --max-weight 1 --out clipped.parquet"), 0);
    assert!(value(folder, "clipped.parquet", "clipped weights") > 0.0);
    assert!(value(folder, "clipped.parquet", "ips") < value(folder, "one/metrics.parquet", "ips"));
}

/// Rounds of which the target would have done those with weight 1 for certain.
fn rounds(reward: &[f64], target: &[f64]) -> RecordBatch {
    RecordBatch::try_from_iter([
        ("reward", numbers(reward.iter().copied())),
        ("propensity", numbers(reward.iter().map(|_| 0.5))),
        ("target_propensity", numbers(target.iter().copied())),
    ])
    .unwrap()
}

#[test]
fn no_evidence_is_neither_a_gain_nor_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "none.parquet", &rounds(&[1.0; 9], &[0.0; 9]));
    // The second time it is done already, and no more of an answer.
    for _ in 0..2 {
        let (stdout, stderr) = answer(folder, "estimate --log none.parquet --out none.metrics", 3);
        says(&stdout, &["ips", "NaN"]);
        says(&stderr, &["no evidence", "neither more nor less", "hint:"]);
    }
    assert!(value(folder, "none.metrics", "ips").is_nan());
    assert_eq!(value(folder, "none.metrics", "logged"), 1.0);
    // Little evidence is some: it is warned of, and refused where that is asked for.
    write(
        folder,
        "few.parquet",
        &rounds(&[1.0; 9], &[[0.5].as_slice(), &[0.0; 8]].concat()),
    );
    let (_, stderr) = answer(folder, "estimate --log few.parquet", 0);
    says(
        &stderr,
        &["ips 1.0", "should be 1", "never logged", "no column of clusters"],
    );
    let least = "estimate --log few.parquet --min-effective 5";
    says(&answer(folder, least, 3).1, &["at most 1.0", "--min-effective 5"]);
}

#[test]
fn bad_input_is_refused_with_its_place_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "good.parquet", &rounds(&[1.0; 4], &[0.5; 4]));
    write(
        folder,
        "bad.parquet",
        &rounds(&[1.0; 4], &[0.5, 0.5, f64::NAN, 0.5]),
    );
    let run = |flags: &str, code| {
        let (stdout, stderr) = answer(folder, &format!("estimate {flags} --out out.parquet"), code);
        assert!(stdout.is_empty(), "{stdout}");
        stderr
    };
    says(
        &run("--log bad.parquet", 42),
        &[
            "error:",
            "bad.parquet",
            "column target_propensity",
            "row group 0",
            "row 2",
            "hint:",
        ],
    );
    says(
        &run("--log good.parquet --reward click", 42),
        &["`click` is missing", "the file has `reward`", "--reward COLUMN"],
    );
    says(&run("--log nowhere", 2), &["nowhere"]);
    says(
        &run("--log good.parquet --cluster propensity", 42),
        &["propensity"],
    );
    says(&run("--log good.parquet --position place", 2), &["--slate"]);
    says(&run("--log good.parquet --context place", 2), &["--category"]);
    says(
        &run("--log good.parquet --slate a --category b", 2),
        &["cannot be used"],
    );
    says(
        &run("--log good.parquet --confidence 95", 2),
        &["between 0 and 1"],
    );
    says(&run("--log good.parquet --max-weight 0", 2), &["above 0"]);
    let one = RecordBatch::try_from_iter([
        ("user_id", Arc::new(StringArray::from(vec!["u"; 4])) as ArrayRef),
        ("reward", numbers([1.0; 4])),
        ("propensity", numbers([0.5; 4])),
        ("target_propensity", numbers([0.5; 4])),
    ]);
    write(folder, "one.parquet", &one.unwrap());
    says(
        &run("--log one.parquet", 42),
        &["single cluster", "--cluster COLUMN"],
    );
    assert!(!folder.join("out.parquet").exists());
}

#[test]
fn slates_without_more_columns_have_estimators_that_need_none() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lists = |slate: &[i64], position: &[i64]| {
        let ids = |values: &[i64]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
        RecordBatch::try_from_iter([
            ("request_id", ids(slate)),
            ("position", ids(position)),
            ("feedback", numbers([1.0, 0.0, 0.0, 1.0])),
            ("propensity", numbers([0.5, 0.25, 0.5, 0.5])),
            ("new", numbers([0.25, 0.5, 0.5, 0.75])),
        ])
        .unwrap()
    };
    write(folder, "events.parquet", &lists(&[1, 1, 2, 2], &[0, 1, 0, 1]));
    let run = "estimate --log events.parquet --slate request_id --reward feedback --target-propensity new";
    let (_, stderr) = answer(folder, &format!("{run} --out m.parquet"), 0);
    says(
        &stderr,
        &[
            "iips and sniips",
            "`position_propensity`",
            "cascade-dr",
            "`q_logged`",
        ],
    );
    // Weights of the slates 0.5 * 2 and 1 * 1.5; down to each position 0.5, 1, 1 and 1.5.
    assert_eq!(value(folder, "m.parquet", "sips"), (1.0 + 1.5) / 2.0);
    assert_eq!(value(folder, "m.parquet", "rips"), (0.5 + 1.5) / 2.0);
    assert_eq!(value(folder, "m.parquet", "snsips"), 1.0);
    assert_eq!(value(folder, "m.parquet", "slates"), 2.0);
    assert_eq!(value(folder, "m.parquet", "logged"), 1.0);
    assert!(!has(folder, "m.parquet", "iips") && !has(folder, "m.parquet", "cascade-dr"));
    // An item that nobody answered is missing from the log.
    write(folder, "events.parquet", &lists(&[1, 1, 2, 3], &[0, 1, 0, 1]));
    says(
        &answer(folder, run, 42).1,
        &[
            "the slate `3`",
            "none at 0",
            "column position",
            "row 3",
            "--first-position",
        ],
    );
}

#[test]
fn help_explains_every_estimator_and_flag() {
    let folder = tempfile::tempdir().unwrap();
    let (help, _) = answer(folder.path(), "estimate --help", 0);
    says(
        &help,
        &[
            "Examples:",
            "SIPS",
            "RIPS",
            "IIPS",
            "cascade-DR",
            "MIPS",
            "--slate",
            "given those",
            "q_logged",
            "user_id",
        ],
    );
}
