//! Raw files with something wrong in them, each of which must end in one clear error or be skipped and counted.

use std::path::Path;

use tempfile::TempDir;

use super::{fail, simulator, text};

/// A way in which a raw file can be bad.
pub(crate) struct Case {
    /// The file that is changed.
    pub(crate) file: &'static str,
    /// What is done to it.
    pub(crate) change: fn(Vec<u8>) -> Vec<u8>,
    /// What the error must say, its place among it.
    pub(crate) says: &'static [&'static str],
    /// What `--max-bad` must count, such as "set aside 1 row (repeated id)"; `None` where it cannot help.
    pub(crate) skipped: Option<&'static str>,
}

/// The words of an import of the published files in `raw`.
pub(crate) fn words<'a>(dataset: &'a str, raw: &'a Path, out: &'a Path) -> Vec<&'a str> {
    vec!["import", dataset, "--input", text(raw), "--out", text(out)]
}

/// Checks each case on a fresh copy of the raw files.
pub(crate) fn check(dataset: &str, raw_files: impl Fn() -> TempDir, cases: &[Case]) {
    for case in cases {
        let (raw, folder) = (raw_files(), tempfile::tempdir().unwrap());
        let out = folder.path().join("data");
        let path = raw.path().join(case.file);
        std::fs::write(&path, (case.change)(std::fs::read(&path).unwrap())).unwrap();
        let error = fail(42, &words(dataset, raw.path(), &out));
        for part in case.says.iter().chain(&[case.file, "hint: "]) {
            assert!(error.contains(part), "no {part:?} in\n{error}");
        }
        assert!(!out.join("log").exists(), "a failed import writes nothing");

        let mut skipping = words(dataset, raw.path(), &out);
        skipping.push("--max-bad=100%");
        let Some(expected) = case.skipped else {
            assert_eq!(fail(42, &skipping), error, "skipping rows cannot help");
            continue;
        };
        assert!(error.contains("--max-bad"), "{error}");
        let output = simulator(&skipping);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?}\n{stderr}", case.says);
        let expected = format!("{}: {expected}", case.file);
        assert!(stderr.contains(&expected), "no {expected:?} in\n{stderr}");
        assert!(folder.path().join("data.bad.parquet").exists());
    }
}

/// `raw` with a line added.
pub(crate) fn with_line(mut raw: Vec<u8>, line: &[u8]) -> Vec<u8> {
    raw.extend_from_slice(line);
    raw.push(b'\n');
    raw
}

/// `raw` with `new` in the place of the first `old`.
pub(crate) fn with(raw: &[u8], old: &str, new: &[u8]) -> Vec<u8> {
    let at = raw
        .windows(old.len())
        .position(|window| window == old.as_bytes())
        .unwrap_or_else(|| panic!("no {old:?}"));
    [&raw[..at], new, &raw[at + old.len()..]].concat()
}
