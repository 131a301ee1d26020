//! The invariants of ARCHITECTURE.md, checked on the sources themselves.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const TOOLS: [&str; 4] = ["profiler", "pretrain", "online", "simulator"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All Rust sources below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|x| x == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources below {}", folder.display());
    found
}

/// The lines of a source that are code and no test: comments and everything after `#[cfg(test)]` left out. House
/// style puts a file's tests last.
fn code_lines(path: &Path) -> Vec<(usize, String)> {
    read(path)
        .lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(at, line)| (at + 1, line.to_string()))
        .collect()
}

/// Whether a file is a module that its parent declares for tests alone.
fn is_test_module(path: &Path) -> bool {
    let module = path.with_extension("");
    // `tests/mod.rs` and what lies beside it belong to the module `tests`.
    module
        .ancestors()
        .take_while(|module| !module.ends_with("src"))
        .any(is_declared_for_tests)
}

/// Whether the module at `module`, a path without its extension, stands under `#[cfg(test)]` in the one above it.
fn is_declared_for_tests(module: &Path) -> bool {
    let name = module.file_name().unwrap().to_str().unwrap();
    let folder = module.parent().unwrap();
    let beside = folder.with_extension("rs");
    [folder.join("mod.rs"), folder.join("lib.rs"), beside]
        .iter()
        .filter(|parent| parent.exists())
        .any(|parent| {
            let text = read(parent);
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            lines
                .windows(2)
                .any(|pair| pair[0] == "#[cfg(test)]" && pair[1].ends_with(&format!("mod {name};")))
        })
}

/// Fails with every place where one of `forbidden` stands in the code of `crates`, but in the files `allowed`.
fn forbid(crates: &[&str], forbidden: &[&str], allowed: &[&str], why: &str) {
    let mut places = Vec::new();
    for name in crates {
        for path in sources(&root().join(name).join("src")) {
            let shown = path.strip_prefix(root()).unwrap().display().to_string();
            if is_test_module(&path) || allowed.iter().any(|a| shown.starts_with(a)) {
                continue;
            }
            for (at, line) in code_lines(&path) {
                if let Some(word) = forbidden.iter().find(|word| line.contains(**word)) {
                    places.push(format!("{shown}:{at}: `{word}`: {}", line.trim()));
                }
            }
        }
    }
    assert!(places.is_empty(), "{why}\n{}", places.join("\n"));
}

/// The packages that `package` is built from, by cargo's own resolution.
fn dependencies(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "-e",
            "normal",
            "--prefix",
            "none",
            "-f",
            "{p}",
            "-p",
            package,
        ])
        .current_dir(root())
        // What one package is built from, not what it would share with the others.
        .env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .skip(1)
        .filter_map(|line| line.split(' ').next())
        .map(String::from)
        .collect()
}

#[test]
fn tools_do_not_depend_on_each_other() {
    for tool in TOOLS {
        let found = dependencies(tool);
        assert!(found.contains("common"), "{tool} does not use common");
        for other in TOOLS.iter().filter(|other| **other != tool) {
            assert!(!found.contains(*other), "{tool} depends on {other}");
        }
    }
    assert!(TOOLS.iter().all(|tool| !dependencies("common").contains(*tool)));
}

#[test]
fn heavy_libraries_stay_where_they_belong() {
    let uses =
        |package: &str, library: &str| dependencies(package).iter().any(|name| name.starts_with(library));
    for package in ["common", "pretrain", "online", "simulator"] {
        assert!(!uses(package, "llama-cpp"), "{package} links llama.cpp");
    }
    assert!(uses("profiler", "llama-cpp"));
    for library in ["polars", "candle"] {
        assert!(!uses("online", library), "online links {library}");
        assert!(!uses("common", library), "common links {library}");
    }
}

#[test]
fn no_tool_carries_python() {
    let crates = ["common", "profiler", "pretrain", "online", "simulator"];
    forbid(
        &crates,
        &[".py\"", "\"python", "\"pip\""],
        &[],
        "what needs Python belongs to scripts/, beside the tools",
    );
}

#[test]
fn column_names_stand_in_common_alone() {
    // Names that are columns and nothing else; words such as "items" or "step" have other uses too.
    let columns = [
        "user_id",
        "item_id",
        "last_item",
        "state_hash",
        "policy_version",
        "propensity",
        "headstart.manifest",
    ];
    let quoted: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    // Raw datasets have headers of their own, which their importers must name.
    forbid(
        &TOOLS,
        &quoted,
        &["simulator/src/import/"],
        "column names belong to common: use its constants and readers",
    );
}

/// Columns' constants are of `common` alone: tools read and write whole tables, and errors get their place by `schema::at`.
#[test]
fn column_constants_are_private_to_common() {
    let artifact_or_file = |line: &str| {
        let name = line.trim_start_matches("pub const ");
        let value = line.split('"').nth(1).unwrap_or_default();
        value.contains('.') || name.to_lowercase().starts_with(&format!("{value}:")) || is_kind_of_log(value)
    };
    for path in sources(&root().join("common/src/schema")) {
        for (number, line) in code_lines(&path) {
            assert!(
                !line.starts_with("pub const") || !line.contains(": &str") || artifact_or_file(&line),
                "{}:{number}: a column's name is public: {line}",
                path.display()
            );
        }
    }
}

/// The log's file has kinds under other names than its own.
fn is_kind_of_log(value: &str) -> bool {
    ["interactions", "truth", "withheld"].contains(&value)
}

#[test]
fn files_are_written_through_one_function() {
    let writes = [
        "File::create",
        "fs::write",
        "OpenOptions",
        "fs::rename",
        "fs::copy",
        "NamedTempFile",
    ];
    let crates = ["common", "profiler", "pretrain", "online", "simulator"];
    forbid(
        &crates,
        &writes,
        &[
            "common/src/atomic_file.rs",
            "common/src/append_file.rs",
            "common/src/folder/",
        ],
        "write files through common::atomic_file and folders through common::folder, or append through common::append_file",
    );
}

#[test]
fn parquet_is_opened_in_one_place() {
    let readers = [
        "ArrowReaderMetadata::",
        "ParquetRecordBatchReaderBuilder::",
        "SerializedFileReader",
        "SerializedPageReader",
    ];
    let crates = ["common", "profiler", "pretrain", "online", "simulator"];
    forbid(
        &crates,
        &readers,
        &["common/src/schema/file.rs"],
        "open Parquet files by common::schema::file, which checks them",
    );
}

#[test]
fn object_stores_are_spoken_to_in_one_place() {
    let crates = ["common", "profiler", "pretrain", "online", "simulator"];
    forbid(
        &crates,
        &["object_store::", "\"s3://", "\"gs://", "\"az://", "hyper_rustls"],
        &["common/src/objects/"],
        "a URL is looked into by common::objects alone: ask common::input what stands at a path",
    );
}

#[test]
fn no_clock_and_no_foreign_randomness() {
    let foreign = [
        "thread_rng",
        "rand::rng()",
        "from_os_rng",
        "from_entropy",
        "RandomState",
    ];
    let crates = ["common", "profiler", "pretrain", "online", "simulator"];
    forbid(
        &crates,
        &foreign,
        &[],
        "results depend on inputs, seed and version alone: use common::rng",
    );
    forbid(
        &crates,
        &["SystemTime::now"],
        // The time at which feedback came, for the log of events; no decision and no update depends on it.
        &["online/src/serve/clock.rs"],
        "no wall clock in results",
    );
}

#[test]
fn no_panics_on_input_paths() {
    let panics = [
        ".unwrap()",
        // On an option or a result; a parser may expect a length.
        ".expect(\"",
        ".expect(&",
        "panic!(",
        "todo!(",
        "unimplemented!(",
        "unreachable!(",
    ];
    let crates = ["common", "profiler", "pretrain", "online", "simulator"];
    forbid(
        &crates,
        &panics,
        &[],
        "bad input never panics: return a common::Error",
    );
}

#[test]
fn only_the_terminal_prints() {
    // Benchmarks' and examples' own `main`s are not tools: `examples/` is not read here.
    let prints = ["print!(", "println!(", "dbg!(", "io::stdout", "io::stderr"];
    let crates = ["common", "profiler", "pretrain", "online", "simulator"];
    forbid(
        &crates,
        &prints,
        &["common/src/terminal.rs"],
        "print through common::terminal: a closed or full stdout must not panic",
    );
}

#[test]
fn files_stay_small() {
    for name in ["common", "profiler", "pretrain", "online", "simulator", "tests"] {
        for path in sources(&root().join(name)) {
            let lines = read(&path).lines().count();
            assert!(
                lines <= 500,
                "{}: {lines} lines; a file is one idea, at most 500 lines",
                path.display()
            );
        }
        let main = root().join(name).join("src/main.rs");
        if main.exists() {
            assert!(
                read(&main).lines().count() <= 30,
                "{}: raw arguments belong to cli.rs",
                main.display()
            );
        }
    }
}

/// Otherwise a file that nobody declares would hold tests that never run.
#[test]
fn every_test_file_is_in_the_one_test_binary_of_its_crate() {
    for name in ["common", "profiler", "pretrain", "online", "simulator", "tests"] {
        let tests = root().join(name).join("tests");
        let main = tests.join("it/main.rs");
        for path in sources(&tests).iter().filter(|path| **path != main) {
            let module = match path.file_name() {
                Some(name) if name == "mod.rs" => path.parent().unwrap().to_path_buf(),
                _ => path.with_extension(""),
            };
            let beside = module.with_file_name("mod.rs");
            let above = if beside.exists() { &beside } else { &main };
            let declared = format!("mod {};", module.file_name().unwrap().display());
            assert!(
                path.starts_with(main.parent().unwrap())
                    && read(above)
                        .lines()
                        .any(|line| line.trim_start_matches("pub(crate) ") == declared),
                "{}: `{declared}` does not stand in {}",
                path.display(),
                above.display()
            );
        }
    }
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let tests: String = sources(&root().join("tests"))
        .iter()
        .map(|path| read(path))
        .collect();
    let invariants: Vec<&str> = text
        .split("\n\n")
        .filter(|part| part.starts_with("**Architecture Invariant:**"))
        .collect();
    assert!(
        invariants.len() >= 6,
        "ARCHITECTURE.md states {} invariants",
        invariants.len()
    );
    for invariant in invariants {
        let (_, rest) = invariant
            .rsplit_once("(`")
            .unwrap_or_else(|| panic!("no test is named:\n{invariant}"));
        let name = rest.split('`').next().unwrap();
        assert!(
            tests.contains(&format!("fn {name}()")),
            "no test `{name}` for:\n{invariant}"
        );
    }
}
