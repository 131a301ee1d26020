//! What goes to stdout: a reader that has gone ends a tool quietly with its answer's exit code, a full disk is an error,
//! and no name is too long for a table.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::metrics::{self, METRICS, Metric};
use tests::{binary, films, run_list, succeed};

const TOOLS: [&str; 4] = ["profiler", "pretrain", "online", "simulator"];

/// Where stdout goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stdout {
    Full,
    /// A pipe that nobody reads any more.
    Gone,
}

fn run_into(stdout: Stdout, folder: &Path, tool: &str, arguments: &str) -> (Option<i32>, String) {
    let sink: Stdio = match stdout {
        Stdout::Full => File::create("/dev/full").unwrap().into(),
        Stdout::Gone => {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            writer.into()
        }
    };
    let child = Command::new(binary(tool))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(sink)
        .stderr(Stdio::piped())
        .spawn();
    let Output { status, stderr, .. } = child.unwrap().wait_with_output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(
        !stderr.contains("panicked"),
        "{tool} {arguments} into {stdout:?}:\n{stderr}"
    );
    (status.code(), stderr)
}

/// A policy and a truth to measure it on.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let run = |tool: &str, arguments: &str| succeed(folder.path(), tool, arguments);
    films::import(folder.path());
    run(
        "pretrain",
        "split --log data/log --last 1 --like-threshold 4 --out split",
    );
    run(
        "pretrain",
        "train --method bc --log split/log --traits none --steps 5 --like-threshold 4 --out policies",
    );
    folder
}

#[test]
fn a_reader_that_has_gone_is_no_failure_and_a_full_disk_is_one() {
    let folder = prepared();
    let verbs = [
        (
            "pretrain",
            "evaluate --policy policies/seed-0 --log split/held-out.parquet --like-threshold 4",
        ),
        (
            "pretrain",
            "evaluate --policy policies/seed-0 --log split/held-out.parquet --like-threshold 4 --format json",
        ),
        ("online", "inspect --policy policies/seed-0 --user 1"),
        ("online", "serve --openapi"),
    ];
    let helps = TOOLS
        .into_iter()
        .flat_map(|tool| [(tool, "--help"), (tool, "--version")]);
    for (tool, arguments) in helps.chain(verbs) {
        for (stdout, expected) in [(Stdout::Gone, 0), (Stdout::Full, 1)] {
            let (code, stderr) = run_into(stdout, folder.path(), tool, arguments);
            assert_eq!(
                code,
                Some(expected),
                "{tool} {arguments} into {stdout:?}:\n{stderr}"
            );
            assert_eq!(
                stderr.contains("cannot write to stdout"),
                stdout == Stdout::Full,
                "{tool} {arguments}:\n{stderr}"
            );
        }
    }
}

#[test]
fn an_answer_of_no_stays_one_where_nobody_reads_it() {
    let folder = prepared();
    let gate = "gate --policy policies/seed-0 --reference policies/seed-0 --log split/held-out.parquet \
                --like-threshold 4 --margin 0.5";
    let (code, stderr) = run_into(Stdout::Gone, folder.path(), "pretrain", gate);
    assert_eq!(code, Some(3), "{stderr}");
}

#[test]
fn a_file_is_written_where_its_table_cannot_be_printed() {
    let folder = prepared();
    let evaluate =
        "evaluate --policy policies/seed-0 --log split/held-out.parquet --like-threshold 4 --out out.parquet";
    let (code, _) = run_into(Stdout::Full, folder.path(), "pretrain", evaluate);
    assert_eq!(code, Some(1));
    assert!(
        !metrics::read(&folder.path().join("out.parquet"))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn names_of_any_length_stand_in_tables_cut() {
    let folder = prepared();
    let long = "n".repeat(70_000);
    let out = |output: Output| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    };
    let policy = format!("--policy={long}=policies/seed-0");
    let evaluate = [
        "evaluate",
        &policy,
        "--log",
        "split/held-out.parquet",
        "--like-threshold",
        "4",
    ];
    let table = out(run_list(folder.path(), "pretrain", &evaluate));

    let metrics_of = |method: String| Metric {
        environment: long.clone(),
        method,
        seed: 0,
        split: "online".into(),
        metric: "return_mean".into(),
        step: 0,
        value: 1.0,
    };
    let rows = [metrics_of(long.clone()), metrics_of("_shuffled".repeat(8_000))];
    let manifest = Manifest::new(METRICS, "test").input("environment", Fingerprint::of_bytes(b""));
    metrics::write(&folder.path().join("long.parquet"), &manifest, &rows).unwrap();
    let report = ["report", "--metrics", "long.parquet", "--out", "report.html"];
    let report = out(run_list(folder.path(), "simulator", &report));

    for text in [table, report] {
        let cut = format!("{}…", &long[..80]);
        assert!(text.contains(&cut) && !text.contains(&long[..81]), "{text:.500}");
    }
}
