//! `profiler prepare --format auto`: every format is tried, one is kept, and nothing else is left.

mod support;

use std::path::Path;

use support::{profiler, tiny_model};

const AUTO: &str = "prepare --model model.gguf --out prepared.gguf --workers 2";

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_fastest_format_is_kept_and_the_trials_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    tiny_model::write(&folder.path().join("model.gguf"));
    // What a killed run left.
    std::fs::create_dir(folder.path().join("prepared.gguf.trying")).unwrap();
    std::fs::write(folder.path().join("prepared.gguf.trying/bf16.gguf"), b"half").unwrap();

    let found = profiler(folder.path(), &format!("{AUTO} --max-drift 100")).done();
    let lines: Vec<&str> = found.stdout.lines().collect();
    let formats: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        formats,
        ["format", "as-is", "q4_0", "q8_0", "bf16"],
        "{}",
        found.stdout
    );
    let number = |line: &str, column: usize| {
        line.split_whitespace()
            .nth(column)
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    assert_eq!(
        (number(lines[1], 3), number(lines[1], 4)),
        (0.0, 1.0),
        "{}",
        lines[1]
    );
    assert!(
        (2..5).all(|line| number(lines[line], 3) > 0.0),
        "{}",
        found.stdout
    );
    assert!(
        number(lines[2], 3) > number(lines[3], 3),
        "4 bits drift more than 8: {}",
        found.stdout
    );
    let fastest = lines[1..]
        .iter()
        .max_by(|a, b| number(a, 2).total_cmp(&number(b, 2)))
        .unwrap();
    let chosen: Vec<&&str> = lines.iter().filter(|line| line.ends_with("chosen")).collect();
    assert_eq!(chosen, [fastest], "{}", found.stdout);
    assert_eq!(names(folder.path()), ["model.gguf", "prepared.gguf"]);

    let bytes = std::fs::read(folder.path().join("prepared.gguf")).unwrap();
    let format = fastest.split(' ').next().unwrap();
    let by_name = AUTO.replace("prepared.gguf", "named.gguf");
    profiler(folder.path(), &format!("{by_name} --format {format}")).done();
    assert!(std::fs::read(folder.path().join("named.gguf")).unwrap() == bytes);
    let again = profiler(folder.path(), AUTO).done();
    assert!(again.stderr.contains("already done"), "{}", again.stderr);
    assert_eq!(again.stdout, "");
    let other = if format == "bf16" { "q8_0" } else { "bf16" };
    profiler(folder.path(), &format!("{AUTO} --format {other}"))
        .refused(2, &["prepared.gguf", "--overwrite"]);
}

#[test]
fn without_drift_the_original_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    tiny_model::write(&folder.path().join("model.gguf"));
    let found = profiler(folder.path(), &format!("{AUTO} --max-drift 0")).done();
    let chosen = found
        .stdout
        .lines()
        .find(|line| line.ends_with("chosen"))
        .unwrap();
    assert!(chosen.starts_with("as-is "), "{}", found.stdout);
    profiler(folder.path(), &format!("{AUTO} --max-drift NaN")).refused(2, &["--max-drift"]);
}
