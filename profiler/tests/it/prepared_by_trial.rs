//! `profiler prepare --format auto`: every format is tried, one is kept, and nothing else is left.

use std::path::Path;

use crate::support::{profiler, tiny_model};

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
    // What a killed run left, and what another made.
    let left = folder.path().join(".writing-prepared.gguf.trying");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join(".unfinished"), b"").unwrap();
    std::fs::write(left.join("bf16.gguf"), b"half").unwrap();
    let other = folder.path().join("prepared.gguf.trying");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("precious"), b"x").unwrap();

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
    let chosen: Vec<&&str> = lines.iter().filter(|line| line.ends_with("chosen")).collect();
    assert_eq!(chosen.len(), 1, "{}", found.stdout);
    let fastest = lines[1..].iter().map(|line| number(line, 2)).fold(0.0, f64::max);
    assert_eq!(number(chosen[0], 2), fastest, "{}", found.stdout);
    let left = ["model.gguf", "prepared.gguf", "prepared.gguf.trying"];
    assert_eq!(names(folder.path()), left);
    assert_eq!(std::fs::read(other.join("precious")).unwrap(), b"x");

    let bytes = std::fs::read(folder.path().join("prepared.gguf")).unwrap();
    let format = chosen[0].split(' ').next().unwrap();
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

#[test]
fn a_full_disk_is_said_and_not_that_the_model_is_bad() {
    let folder = tempfile::tempdir().unwrap();
    tiny_model::write(&folder.path().join("model.gguf"));
    let size = std::fs::metadata(folder.path().join("model.gguf")).unwrap().len();
    for format in ["as-is", "auto"] {
        // No file may grow beyond half the model; the signal that would end the process is ignored, as a full disk sends none.
        let script = format!(
            "trap '' XFSZ; ulimit -f {}; exec \"$0\" {AUTO} --format {format}",
            size / 2048
        );
        let ended = std::process::Command::new("bash")
            .args(["-c", &script, env!("CARGO_BIN_EXE_profiler")])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(
            said.contains("no space is left") && said.contains("prepared.gguf"),
            "{said}"
        );
        assert_eq!(names(folder.path()), ["model.gguf"], "nothing is left");
    }
}
