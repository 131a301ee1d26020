//! Support for the end-to-end tests: the built binaries, and a small hand-made catalogue of films.
#![warn(missing_docs)]

pub mod failing_disk;
pub mod films;
pub mod python;
pub mod s3;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The built binary of a tool, beside the test's own folder.
///
/// # Panics
/// When it has not been built.
pub fn binary(tool: &str) -> PathBuf {
    let mut folder = std::env::current_exe().expect("a test knows its own path");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join(tool);
    assert!(
        path.exists(),
        "{} is not built: run `make test`, or `cargo build --release` first",
        path.display()
    );
    path
}

/// Runs a tool on arguments split at white space, in `folder`.
///
/// # Panics
/// When the process cannot be started.
pub fn run(folder: &Path, tool: &str, arguments: &str) -> Output {
    run_list(folder, tool, &arguments.split_whitespace().collect::<Vec<_>>())
}

/// Runs a tool on a list of arguments, in `folder`.
///
/// # Panics
/// When the process cannot be started.
pub fn run_list(folder: &Path, tool: &str, arguments: &[&str]) -> Output {
    Command::new(binary(tool))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the tool starts")
}

/// Runs a tool that must succeed and gives its stdout.
///
/// # Panics
/// When it fails, with its stderr.
pub fn succeed(folder: &Path, tool: &str, arguments: &str) -> String {
    let output = run(folder, tool, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{tool} {arguments}\n{}\n{stderr}",
        output.status
    );
    String::from_utf8(output.stdout).expect("stdout is text")
}

/// Runs a tool that must fail with `code` and gives its stderr, which must not tell of a panic.
///
/// # Panics
/// When it succeeds, fails otherwise, or panics.
pub fn fail(folder: &Path, tool: &str, arguments: &str, code: i32) -> String {
    let output = run(folder, tool, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{tool} {arguments}\n{stderr}");
    assert!(!stderr.contains("panicked"), "{tool} {arguments}\n{stderr}");
    stderr
}

/// All files below `folder` with their bytes, by relative path; caches (`*.cache`) left out.
///
/// # Panics
/// When the folder cannot be read.
pub fn files_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                if path.extension().is_none_or(|x| x != "cache") {
                    folders.push(path);
                }
            } else {
                let name = path
                    .strip_prefix(folder)
                    .expect("below the folder")
                    .display()
                    .to_string();
                found.push((name, std::fs::read(&path).expect("the file can be read")));
            }
        }
    }
    found.sort();
    found
}

/// The folder that `scripts/setup` fills.
pub fn cache() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("HEADSTART_CACHE").unwrap_or_else(|| {
        let caches = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        caches.unwrap_or_default().join("headstart")
    })
}

/// The default language model.
///
/// # Panics
/// When it is not where `scripts/setup` puts it.
pub fn default_model() -> PathBuf {
    let path = cache().join("models/SmolLM2-135M-Instruct.Q4_1.gguf");
    assert!(
        path.exists(),
        "{} is missing: `make setup` fetches it",
        path.display()
    );
    path
}
