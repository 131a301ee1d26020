//! `pretrain bench`: that it measures what it says, in processes of its own; never how fast.

use crate::support;
use std::path::Path;

use crate::support::pretrain;

fn read(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
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
fn what_is_trained_on_is_written() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let output = quick(folder.path(), "--only a2c --only large --write-tasks tasks");
    let shown = String::from_utf8(output.stdout).unwrap();
    for (name, played) in [("a2c", true), ("large-bc", false), ("large-a2c", true)] {
        let task = read(&folder.path().join(format!("tasks/{name}.json")));
        assert!(shown.contains(task["title"].as_str().unwrap()), "{shown}");
        let items = task["items"].as_u64().unwrap() as usize;
        let len = |key: &str| task[key].as_array().unwrap().len();
        assert_eq!(
            (len("likes"), len("reward")),
            (items, if played { items } else { 0 })
        );
        assert!(len("users") > 1);
        for user in task["users"].as_array().unwrap() {
            let [sequence, signs] = [0, 1].map(|at| user[at].as_array().unwrap());
            assert_eq!(sequence.len(), signs.len());
            assert!(sequence.iter().all(|item| item.as_u64().unwrap() < items as u64));
        }
    }
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
