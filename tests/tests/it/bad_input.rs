//! Bad input to any tool gives one clear error with its place and a hint, the exit code of the design, and leaves
//! earlier output as it was.

use std::path::Path;
use std::sync::Arc;

use common::manifest::Manifest;
use common::schema::interactions::{self, Feedback, Interactions, Kind};
use tests::{fail, films, succeed};

const USAGE: i32 = 2;
const DATA: i32 = 42;

/// A folder with imported data and states.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    films::import(folder.path());
    succeed(
        folder.path(),
        "profiler",
        "states --log data/log/interactions.parquet --out states.parquet",
    );
    folder
}

fn says(stderr: &str, words: &[&str]) {
    for word in words {
        assert!(stderr.contains(word), "`{word}` is not in:\n{stderr}");
    }
}

#[test]
fn a_wrong_path_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    for (tool, arguments) in [
        ("simulator", "import movielens --input none --out data"),
        ("simulator", "fit --data none --out environment"),
        ("simulator", "report --metrics none --out report.html"),
        ("profiler", "states --log none.parquet --out states.parquet"),
        (
            "profiler",
            "traits --model none.gguf --items none --states none --domain film --out profiles.parquet",
        ),
        (
            "pretrain",
            "train --method bc --log none --traits none --out policies",
        ),
        ("pretrain", "estimate --log none --out metrics.parquet"),
        ("online", "inspect --policy none --user 1"),
    ] {
        let stderr = fail(folder.path(), tool, arguments, USAGE);
        says(&stderr, &["error:", "none"]);
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "something was written"
    );
}

#[test]
fn held_out_truth_is_refused_by_profiler_and_pretrain() {
    let folder = prepared();
    let stderr = fail(
        folder.path(),
        "profiler",
        "states --log data/truth/interactions.parquet --out other.parquet",
        USAGE,
    );
    says(&stderr, &["truth", "hint:"]);
    let stderr = fail(
        folder.path(),
        "pretrain",
        "train --method bc --log data/truth/interactions.parquet --traits none --out policies",
        USAGE,
    );
    says(&stderr, &["truth", "hint:"]);
    let stderr = fail(
        folder.path(),
        "pretrain",
        "estimate --log data/truth/interactions.parquet --reward feedback",
        USAGE,
    );
    says(&stderr, &["truth", "hint:"]);
}

#[test]
fn a_log_without_feedback_and_one_of_a_wrong_type_are_bad_data() {
    use arrow::array::{Int64Array, RecordBatch, StringArray};
    let folder = tempfile::tempdir().unwrap();
    let ids = || Arc::new(StringArray::from(vec!["a", "b"])) as arrow::array::ArrayRef;
    let times = || Arc::new(Int64Array::from(vec![1, 2])) as arrow::array::ArrayRef;
    let columns = vec![("user_id", ids()), ("item_id", ids()), ("timestamp", times())];
    let missing = RecordBatch::try_from_iter(columns.clone()).unwrap();
    let mut with_text = columns;
    with_text.push(("feedback", ids()));
    let wrong = RecordBatch::try_from_iter(with_text).unwrap();
    for (name, batch, words) in [
        ("missing", missing, ["feedback", "missing"]),
        ("wrong", wrong, ["feedback", "column"]),
    ] {
        let path = folder.path().join(format!("{name}.parquet"));
        let mut writer =
            parquet::arrow::ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None)
                .unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        for (tool, verb) in [
            ("profiler", "states"),
            ("pretrain", "train --method bc --traits none"),
        ] {
            let arguments = format!("{verb} --log {name}.parquet --like-threshold 1 --out out");
            let stderr = fail(folder.path(), tool, &arguments, DATA);
            says(&stderr, &words);
            says(&stderr, &["error:", "hint:", name]);
        }
    }
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_bit_turned_over_in_a_log_is_refused_by_every_reader() {
    let folder = prepared();
    let source = folder.path().join("data/log/interactions.parquet");
    let whole = std::fs::read(&source).unwrap();
    let footer = parquet::file::metadata::ParquetMetaDataReader::new()
        .parse_and_finish(&std::fs::File::open(&source).unwrap())
        .unwrap();
    // In the middle of each column that all three read.
    for column in 0..4 {
        let (begin, length) = footer.row_group(0).column(column).byte_range();
        let mut bytes = whole.clone();
        bytes[(begin + length / 2) as usize] ^= 4;
        std::fs::write(folder.path().join("turned.parquet"), bytes).unwrap();
        for (tool, verb) in [
            ("profiler", "states"),
            ("pretrain", "split --last 1"),
            ("simulator", "import custom --interactions"),
        ] {
            let log = if tool == "simulator" { "" } else { " --log" };
            let arguments = format!("{verb}{log} turned.parquet --out out");
            let stderr = fail(folder.path(), tool, &arguments, DATA);
            says(
                &stderr,
                &["checksum", "turned.parquet", "column", "row group 0", "hint:"],
            );
        }
    }
    assert!(!folder.path().join("out").exists());
}

#[cfg(unix)]
#[test]
fn a_folder_that_leads_to_itself_counts_its_rows_once() {
    let folder = prepared();
    let log = folder.path().join("log");
    std::fs::create_dir_all(log.join("_temporary/0")).unwrap();
    let source = folder.path().join("data/log/interactions.parquet");
    for name in [
        "part-0.parquet",
        "_temporary/0/part-0.parquet",
        "._part-0.parquet",
    ] {
        std::fs::copy(&source, log.join(name)).unwrap();
    }
    std::os::unix::fs::symlink(".", log.join("again")).unwrap();
    let read = |log: &str, name: &str| {
        let (states, split) = (format!("{name}.states"), format!("{name}.split"));
        succeed(
            folder.path(),
            "profiler",
            &format!("states --log {log} --out {states}"),
        );
        succeed(
            folder.path(),
            "pretrain",
            &format!("split --last 1 --log {log} --out {split}"),
        );
        let states = common::schema::states::read(&folder.path().join(states)).unwrap();
        let left = folder.path().join(split).join("log/interactions.parquet");
        (
            states.interactions,
            common::schema::table::count_rows(&left).unwrap(),
        )
    };
    assert_eq!(
        read("log", "folder"),
        read("data/log/interactions.parquet", "file")
    );
}

#[test]
fn an_empty_log_is_bad_data() {
    let folder = tempfile::tempdir().unwrap();
    write_log(&folder.path().join("log.parquet"), &[]);
    for (tool, verb) in [
        ("profiler", "states"),
        ("pretrain", "train --method bc --traits none"),
    ] {
        let stderr = fail(
            folder.path(),
            tool,
            &format!("{verb} --log log.parquet --out out"),
            DATA,
        );
        says(&stderr, &["empty", "log.parquet"]);
    }
}

#[test]
fn a_failed_run_leaves_earlier_output_intact() {
    let folder = prepared();
    let before = std::fs::read(folder.path().join("states.parquet")).unwrap();
    let log = folder.path().join("log.parquet");
    let bytes = std::fs::read(folder.path().join("data/log/interactions.parquet")).unwrap();
    std::fs::write(&log, &bytes[..bytes.len() / 2]).unwrap();
    let stderr = fail(
        folder.path(),
        "profiler",
        "states --log log.parquet --overwrite --out states.parquet",
        DATA,
    );
    says(&stderr, &["log.parquet", "error:"]);
    assert_eq!(
        std::fs::read(folder.path().join("states.parquet")).unwrap(),
        before
    );
}

#[test]
fn another_runs_output_is_not_overwritten_unasked() {
    let folder = prepared();
    let before = std::fs::read(folder.path().join("states.parquet")).unwrap();
    let arguments = "states --log data/log/interactions.parquet --window 3 --out states.parquet";
    let stderr = fail(folder.path(), "profiler", arguments, USAGE);
    says(&stderr, &["--overwrite", "states.parquet"]);
    assert_eq!(
        std::fs::read(folder.path().join("states.parquet")).unwrap(),
        before
    );
    succeed(folder.path(), "profiler", &format!("{arguments} --overwrite"));
    assert_ne!(
        std::fs::read(folder.path().join("states.parquet")).unwrap(),
        before
    );
}

#[test]
fn inputs_that_do_not_belong_together_are_both_named() {
    let folder = prepared();
    write_log(
        &folder.path().join("other.parquet"),
        &[(0, 0, 5.0), (0, 1, 4.0), (1, 0, 5.0), (1, 1, 5.0)],
    );
    let stderr = fail(
        folder.path(),
        "pretrain",
        "train --method bc --log other.parquet --states states.parquet --traits none --out policies",
        USAGE,
    );
    says(
        &stderr,
        &["states.parquet", "other.parquet", "do not belong together"],
    );
}

#[test]
fn a_model_file_cut_short_is_bad_data() {
    let folder = prepared();
    let bytes = std::fs::read(tests::default_model()).unwrap();
    for length in [0, 7, 100_000, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(folder.path().join("cut.gguf"), &bytes[..length]).unwrap();
        for verb in [
            "traits --items data/log/items.parquet --states states.parquet --domain film --out profiles.parquet",
            "prepare --format q8_0 --out prepared.gguf",
        ] {
            let stderr = fail(
                folder.path(),
                "profiler",
                &format!("{verb} --model cut.gguf"),
                DATA,
            );
            says(&stderr, &["cut.gguf", "error:", "hint:"]);
        }
    }
    assert!(!folder.path().join("profiles.parquet").exists());
}

fn write_log(path: &Path, rows: &[(u32, u32, f32)]) {
    let ids = |prefix: &str| {
        let values = (0..2).map(|at| format!("{prefix}{at}"));
        common::ids::Dictionary::from_values(common::ids::IdKind::Text, values).unwrap()
    };
    let log = Interactions {
        users: ids("u"),
        items: ids("i"),
        user: rows.iter().map(|row| row.0).collect(),
        item: rows.iter().map(|row| row.1).collect(),
        timestamp: (0..rows.len() as i64).collect(),
        feedback: rows.iter().map(|row| row.2).collect(),
        propensity: vec![None; rows.len()],
        kind: Feedback {
            kind: Kind::Rating,
            like_threshold: 4.0,
        },
    };
    interactions::write(path, &Manifest::new(interactions::LOG, "test"), &log).unwrap();
}
