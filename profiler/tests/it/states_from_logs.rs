//! `profiler states`: what it makes of a log, and what it refuses.

use std::path::Path;

use crate::support::{column, profiler, table, with, write};
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use common::manifest::Manifest;
use common::rng::{self, RngExt};
use common::schema::interactions::{self, Feedback, Interactions};
use common::schema::states::{self, States};
use profiler::states::{Config, run};
use tempfile::TempDir;

fn small_log() -> RecordBatch {
    // User 7 has two rows at one time: their order is that of the rows.
    table([
        ("user_id", column(Int64Array::from(vec![7, 3, 7, 7, 3]))),
        (
            "item_id",
            column(StringArray::from(vec!["c", "x", "a", "b", "y"])),
        ),
        ("timestamp", column(Int64Array::from(vec![20, 5, 10, 20, 4]))),
        ("feedback", numbers([5.0, 3.0, 1.0, 4.0, 4.0])),
    ])
}

fn numbers(values: [f64; 5]) -> ArrayRef {
    column(Float64Array::from_iter_values(values))
}

fn folder(frame: &RecordBatch) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("log.parquet"), frame);
    folder
}

fn read(folder: &TempDir) -> States {
    states::read(&folder.path().join("states.parquet")).unwrap()
}

#[test]
fn the_last_interactions_by_time_ties_in_row_order() {
    let folder = folder(&small_log());
    let run = "states --log log.parquet --out states.parquet --window 2 --like-threshold 4";
    profiler(folder.path(), run).done();
    let states = read(&folder);
    assert!(states.users.ids().eq(["7", "3"]));
    assert_eq!(states.users.kind(), common::ids::IdKind::Integer);
    assert_eq!(states.items, [["c", "b"], ["y", "x"]]);
    assert_eq!(states.feedback, [[5.0, 4.0], [4.0, 3.0]]);
    assert_eq!(states.liked, [[true, true], [true, false]]);
    assert_eq!(states.interactions, [3, 2]);
    assert_eq!(
        states.state_hash[1],
        states::state_hash(&["y", "x"], &[true, false])
    );
    let again = profiler(folder.path(), run).done();
    assert!(again.stderr.contains("already done"), "{}", again.stderr);
}

#[test]
fn parts_in_a_folder_or_a_glob_are_one_log() {
    let whole = folder(&small_log());
    let parts = tempfile::tempdir().unwrap();
    let frame = small_log();
    write(&parts.path().join("log/part-0.parquet"), &frame.slice(0, 3));
    write(&parts.path().join("log/part-1.parquet"), &frame.slice(3, 2));
    profiler(
        whole.path(),
        "states --log log.parquet --out states.parquet --like-threshold 4",
    )
    .done();
    profiler(
        parts.path(),
        "states --log log --out states.parquet --like-threshold 4",
    )
    .done();
    profiler(
        parts.path(),
        "states --log log/*.parquet --out glob.parquet --like-threshold 4",
    )
    .done();
    let (one, other) = (read(&whole), read(&parts));
    assert_eq!((one.items, one.state_hash), (other.items, other.state_hash));
    let bytes = |name: &str| std::fs::read(parts.path().join(name)).unwrap();
    assert_eq!(bytes("states.parquet"), bytes("glob.parquet"));
}

#[test]
fn times_of_any_unit_and_other_number_types_are_read() {
    let mut frame = small_log();
    let expected = {
        let folder = folder(&frame);
        profiler(
            folder.path(),
            "states --log log.parquet --out states.parquet --like-threshold 4",
        )
        .done();
        read(&folder)
    };
    let milliseconds = [20, 5, 10, 20, 4].map(|time| time * 1_000_000);
    frame = with(
        &frame,
        "timestamp",
        column(TimestampNanosecondArray::from(milliseconds.to_vec())),
    );
    frame = with(&frame, "feedback", column(Int32Array::from(vec![5, 3, 1, 4, 4])));
    frame = with(&frame, "user_id", column(Int32Array::from(vec![7, 3, 7, 7, 3])));
    let folder = folder(&frame);
    profiler(
        folder.path(),
        "states --log log.parquet --out states.parquet --like-threshold 4",
    )
    .done();
    let states = read(&folder);
    assert_eq!((states.items, states.liked), (expected.items, expected.liked));
}

#[test]
fn the_like_threshold_of_the_log_is_used_and_can_be_overridden() {
    let folder = tempfile::tempdir().unwrap();
    write_log(&folder, interactions::LOG);
    profiler(folder.path(), "states --log log.parquet --out states.parquet").done();
    assert_eq!(read(&folder).liked, [[false, true]]);
    profiler(
        folder.path(),
        "states --log log.parquet --out states.parquet --like-threshold 2 --overwrite",
    )
    .done();
    assert_eq!(read(&folder).liked, [[true, true]]);
    profiler(folder.path(), "states --log log.parquet --out states.parquet").refused(2, &["--overwrite"]);
    assert_eq!(
        read(&folder).liked,
        [[true, true]],
        "a refused run must leave the output as it was"
    );
}

fn write_log(folder: &TempDir, artifact: &str) {
    let mut log = Interactions {
        users: Default::default(),
        items: Default::default(),
        user: vec![0, 0],
        item: vec![0, 1],
        timestamp: vec![1, 2],
        feedback: vec![2.0, 3.0],
        propensity: vec![None, None],
        kind: Feedback {
            kind: interactions::Kind::Rating,
            like_threshold: 3.0,
        },
    };
    log.users.intern("u");
    log.items.intern("a");
    log.items.intern("b");
    interactions::write(
        &folder.path().join("log.parquet"),
        &Manifest::new(artifact, "test"),
        &log,
    )
    .unwrap();
}

#[test]
fn held_out_truth_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_log(&folder, interactions::TRUTH);
    profiler(folder.path(), "states --log log.parquet --out states.parquet")
        .refused(2, &["truth", "log.parquet"]);
    assert!(!folder.path().join("states.parquet").exists());
}

fn refused(frame: &RecordBatch, code: i32, words: &[&str]) {
    let folder = folder(frame);
    std::fs::write(folder.path().join("kept.parquet"), b"earlier").unwrap();
    profiler(
        folder.path(),
        "states --log log.parquet --out states.parquet --like-threshold 4",
    )
    .refused(code, words);
    assert!(!folder.path().join("states.parquet").exists());
}

#[test]
fn bad_columns_are_named() {
    let missing = &["column `feedback` is missing", "log.parquet", "hint:"];
    refused(&small_log().project(&[0, 1, 2]).unwrap(), 42, missing);
    let text = column(StringArray::from(vec!["a", "b", "c", "d", "e"]));
    refused(
        &with(&small_log(), "feedback", text),
        42,
        &[
            "`a` is not a",
            "number",
            "column feedback",
            "row group 0",
            "row 0",
            "log.parquet",
        ],
    );
    let truth = column(BooleanArray::from(vec![true, false, true, false, true]));
    refused(
        &with(&small_log(), "item_id", truth),
        42,
        &["column `item_id`", "text or integers"],
    );
}

#[test]
fn bad_rows_are_named() {
    let with = |name: &str, values: ArrayRef| with(&small_log(), name, values);
    let nan = numbers([1.0, 2.0, f64::NAN, 4.0, f64::INFINITY]);
    refused(
        &with("feedback", nan),
        42,
        &["NaN", "log.parquet", "column feedback", "row 2"],
    );
    let null = column(StringArray::from(vec![
        Some("a"),
        Some("b"),
        Some("c"),
        None,
        Some("e"),
    ]));
    refused(&with("item_id", null), 42, &["null", "column item_id", "row 3"]);
    let null = column(Int64Array::from(vec![Some(1), None, Some(3), Some(4), Some(5)]));
    refused(&with("user_id", null), 42, &["null", "column user_id", "row 1"]);
    let empty = column(StringArray::from(vec!["", "b", "c", "d", "e"]));
    refused(&with("item_id", empty), 42, &["empty", "column item_id", "row 0"]);
    let null = column(Int64Array::from(vec![Some(1), Some(2), Some(3), Some(4), None]));
    refused(
        &with("timestamp", null),
        42,
        &["null", "column timestamp", "row 4"],
    );
}

#[test]
fn a_bad_row_of_a_later_part_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let bad = with(&small_log(), "feedback", numbers([1.0, f64::NAN, 1.0, 1.0, 1.0]));
    write(&folder.path().join("log/a.parquet"), &small_log());
    write(&folder.path().join("log/b.parquet"), &bad);
    profiler(
        folder.path(),
        "states --log log --out states.parquet --like-threshold 4",
    )
    .refused(42, &["b.parquet", "row 1"]);
}

#[test]
fn empty_cut_and_absent_logs_are_refused() {
    refused(&small_log().slice(0, 0), 42, &["empty", "log.parquet"]);
    let folder = folder(&small_log());
    let path = folder.path().join("log.parquet");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let run = "states --log log.parquet --out states.parquet --like-threshold 4";
    profiler(folder.path(), run).refused(42, &["log.parquet", "hint:"]);
    profiler(folder.path(), &run.replace("log.parquet", "none.parquet"))
        .refused(2, &["none.parquet", "hint:"]);
    let unknown = "states --log log.parquet --out states.parquet";
    std::fs::write(&path, &bytes).unwrap();
    profiler(folder.path(), unknown).refused(2, &["--like-threshold"]);
}

/// In this process, as many runs follow.
fn config(folder: &Path) -> Config {
    Config {
        log: Some(folder.join("log.parquet")),
        users: None,
        window: 10,
        hold_out: 1,
        like_threshold: Some(1.0),
        out: folder.join("states.parquet"),
        workers: 2,
        seed: 0,
        overwrite: true,
        sharding: Default::default(),
        max_bad: common::bad_rows::MaxBad::default(),
    }
}

#[test]
fn changed_bytes_end_in_one_error() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.parquet");
    let users = (0..500).map(|row| format!("user {}", row % 37));
    let frame = table([
        ("user_id", column(StringArray::from_iter_values(users))),
        (
            "item_id",
            column(Int64Array::from_iter_values((0..500).map(|row| row * 7 % 90))),
        ),
        ("timestamp", column(Int64Array::from_iter_values(0..500))),
        (
            "feedback",
            column(Float64Array::from_iter_values(
                (0..500).map(|row| f64::from(row % 3)),
            )),
        ),
    ]);
    write(&log, &frame);
    run(&config(folder.path())).unwrap();
    let whole = std::fs::read(&log).unwrap();
    let mut rng = rng::stream(0, "test/damage", &[]);
    let mut refused = 0;
    for _ in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = rng.random();
        }
        std::fs::write(&log, &bytes).unwrap();
        if let Err(error) = run(&config(folder.path())) {
            refused += 1;
            assert!(error.to_string().contains("log.parquet"), "{error}");
        }
    }
    assert!(refused > 5, "{refused} of 60 were refused");
}

#[test]
fn a_log_without_rows_gives_empty_states_to_users_that_are_given() {
    let folder = folder(&small_log().slice(0, 0));
    let run = "states --log log.parquet --out states.parquet --like-threshold 4";
    profiler(folder.path(), run).refused(42, &["the log is empty", "log.parquet", "hint: ", "--users"]);
    write(
        &folder.path().join("users.parquet"),
        &table([("user_id", column(Int64Array::from(vec![9, 4])))]),
    );
    let no_log = run.replace("--log log.parquet ", "");
    profiler(folder.path(), &no_log).refused(2, &["--log"]);
    for (run, more) in [(run, ""), (run, " --hold-out 2"), (&no_log, "")] {
        let run = format!("{run} --users users.parquet --overwrite{more}");
        profiler(folder.path(), &run).done();
        let states = read(&folder);
        assert!(states.users.ids().eq(["9", "4"]));
        assert_eq!(states.users.kind(), common::ids::IdKind::Integer);
        assert_eq!((states.items[1].len(), states.interactions[1]), (0, 0));
        assert_eq!(states.state_hash[0], states::state_hash::<&str>(&[], &[]));
    }
}
