//! What starts the tools on clusters (`cluster/`): its own tests in Python, run with the interpreter and the packages that
//! `scripts/setup` puts into the cache. Ray is a real cluster of four raylets on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::{binary, films};

/// `cluster/python3` of the cache.
fn python() -> PathBuf {
    let python = tests::cache().join("cluster/python3");
    assert!(
        python.exists(),
        "{} is missing: run `make setup`, which says so where this Python has no pinned packages",
        python.display()
    );
    python
}

/// Runs tests of one file of `cluster/tests`: at least `least` must run, and all must pass.
fn run_tests(file: &str, arguments: &[&str], variables: &[(&str, &Path)], least: u32) {
    let cluster = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster");
    let output = Command::new(python())
        .arg(cluster.join("tests").join(file))
        .args(arguments)
        // No compiled files in the source folder.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("HEADSTART_BIN")
        .env_remove("NODE_PIDS")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let ran = report
        .lines()
        .find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse::<u32>().ok());
    assert!(ran.is_some_and(|ran| ran >= least), "{report}");
    assert!(!report.contains("skipped="), "{report}");
}

#[test]
fn the_shell_scripts_are_sound() {
    run_tests("test_scripts.py", &[], &[], 5);
}

#[test]
fn the_manifests_hold_to_kubernetes_schemas() {
    run_tests("test_kubernetes.py", &[], &[], 9);
}

#[test]
fn the_slurm_scripts_do_what_exit_codes_ask_for() {
    run_tests("test_slurm.py", &[], &[], 9);
}

#[test]
#[ignore = "starts a Ray cluster, which takes minutes: make cluster"]
fn the_ray_driver_does_what_exit_codes_ask_for_and_outlives_a_node() {
    run_tests("test_ray.py", &["FakeTool"], &[], 13);
}

#[test]
#[ignore = "starts a Ray cluster, which takes minutes: make cluster"]
fn sixteen_shards_of_every_verb_on_ray_are_the_bytes_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    films::import(folder.path());
    let profiler = binary("profiler");
    let variables = [
        ("HEADSTART_BIN", profiler.parent().unwrap()),
        ("HEADSTART_TEST_DATA", &folder.path().join("data")),
    ];
    run_tests("test_ray.py", &["RealTools"], &variables, 2);
}
