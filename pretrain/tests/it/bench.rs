//! `pretrain bench`: that it measures what it says, in processes of its own; never how fast.

use crate::support;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::pretrain;

const RIVAL: &str = "#!/bin/sh\ncat > /dev/null\necho '{\"transitions\": 10, \"seconds\": 1.0}'\necho '{\"peak_kib\": 2048}'\n";

fn read(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// In `venv` a virtual environment whose interpreter is `script`.
fn environment(folder: &Path, script: &str) {
    let python = folder.join("venv/bin/python");
    std::fs::create_dir_all(folder.join("venv/bin")).unwrap();
    let installed = include_str!("../../bench/requirements.txt");
    std::fs::write(folder.join("venv/headstart-requirements.txt"), installed).unwrap();
    std::fs::write(&python, script).unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn quick(folder: &Path, more: &str) -> std::process::Output {
    pretrain(
        folder,
        &format!("bench --quick --items 300 --workers 2 --log log {more}"),
    )
}

#[test]
fn every_part_is_measured_and_written() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let out = folder.path().join("bench.json");
    let output = quick(folder.path(), "--out bench.json");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report = read(&out);
    let tables = report["tables"].as_array().unwrap();
    assert_eq!(tables.len(), 3);
    let shared = [&report["scaling"]["alone"], &report["scaling"]["together"]];
    let rows: Vec<&serde_json::Value> = tables
        .iter()
        .flat_map(|table| table["rows"].as_array().unwrap())
        .chain(shared)
        .collect();
    assert_eq!(rows.len(), 6);
    for row in rows {
        assert!(
            row["rates"][0].as_f64().unwrap() > 0.0 && row["peak_mib"].as_f64().unwrap() > 1.0,
            "{row}"
        );
        let what = row["what"].as_str().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains(what), "{what}");
    }
}

#[test]
fn peers_stand_beside_ours_and_one_that_fails_says_so() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    environment(folder.path(), RIVAL);
    let peers = "--only a2c --peers venv";
    let output = quick(folder.path(), peers);
    let text = String::from_utf8(output.stdout).unwrap();
    let alone = text
        .lines()
        .find(|line| line.contains("torch.multinomial"))
        .unwrap();
    assert!(alone.split_whitespace().any(|word| word == "10"), "{text}");
    let both = text.lines().find(|line| line.contains("2 processes")).unwrap();
    assert!(both.split_whitespace().any(|word| word == "20"), "{text}");
    environment(folder.path(), "#!/bin/sh\nexit 3\n");
    let output = quick(folder.path(), peers);
    assert!(output.status.success());
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("not measured: it ended with exit status: 3")
    );
}

#[test]
fn a_log_that_is_not_there_and_a_task_that_is_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = quick(folder.path(), "--only scaling");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("log"));
    let output = pretrain(folder.path(), "bench-task");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("holds no task"));
}
