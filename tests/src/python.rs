//! Tests that are written in Python, run with the interpreter and the packages that `scripts/setup` puts into the cache.

use std::path::Path;
use std::process::Command;

/// Runs the tests of `file`, a path in the repository, by `python`, a folder of the cache: at least `least` must run, and all must pass.
///
/// # Panics
/// When a test fails or is skipped, when fewer run, and when the interpreter is missing.
pub fn run_tests(python: &str, file: &str, arguments: &[&str], variables: &[(&str, &Path)], least: u32) {
    let python = crate::cache().join(python).join("python3");
    assert!(
        python.exists(),
        "{} is missing: run `make setup` (`make experiments` for Snakemake), which says so where this Python has no pinned packages",
        python.display()
    );
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file))
        .args(arguments)
        // No compiled files in the source folder.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("HEADSTART_BIN")
        .env_remove("NODE_PIDS")
        .envs(variables.iter().copied())
        .output()
        .expect("the interpreter starts");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let ran = report
        .lines()
        .find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse::<u32>().ok());
    assert!(ran.is_some_and(|ran| ran >= least), "{report}");
    assert!(!report.contains("skipped="), "{report}");
}
