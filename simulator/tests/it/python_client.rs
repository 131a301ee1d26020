//! The Python client against the real binary: its own tests (`simulator/python/tests`), run on a small environment with
//! the interpreter and the packages that `scripts/setup` put into the cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::environment;

/// `python3` of the cache.
fn python() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("HEADSTART_CACHE").unwrap_or_else(|| {
        let caches = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        caches.unwrap_or_default().join("headstart")
    });
    let python = cache.join("python/python3");
    assert!(
        python.exists(),
        "{} is missing: run `make setup`, which says so where this Python has no pinned packages",
        python.display()
    );
    python
}

/// Runs all tests of the client; they must pass, and there must be some.
fn run_tests(python: &Path, data: &Path) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let output = Command::new(python)
        .args([
            "-W",
            "error::ResourceWarning",
            "-m",
            "unittest",
            "discover",
            "--start-directory",
            "tests",
        ])
        .current_dir(&package)
        .env("PYTHONPATH", package.join("src"))
        // No compiled files in the source folder.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HEADSTART_SIMULATOR", env!("CARGO_BIN_EXE_simulator"))
        .env("HEADSTART_TEST_DATA", data)
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let ran = report
        .lines()
        .find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse::<u32>().ok());
    assert!(ran.is_some_and(|ran| ran > 30), "{report}");
    assert!(!report.contains("skipped="), "{report}");
}

#[test]
fn the_python_client_passes_its_tests() {
    let out = tempfile::tempdir().unwrap();
    environment(out.path());
    run_tests(&python(), out.path());
}
