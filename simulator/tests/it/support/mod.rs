//! What the whole-binary tests share: a small raw dataset in RecBole's layout, made here, and running the tools.

pub(crate) mod agent;
pub(crate) mod bad_files;
pub(crate) mod imported;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) const USERS: usize = 60;
pub(crate) const ITEMS: usize = 48;

/// A folder with `ml-100k.inter`, `ml-100k.item` and `ml-100k.user`: users of two tastes, films of two genres;
/// a user rates half of the films, 5 those of the own taste and 2 the others.
pub(crate) fn raw_dataset() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut items = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n".to_string();
    for item in 1..=ITEMS {
        let genre = if item % 2 == 0 { "Comedy" } else { "Drama" };
        writeln!(
            items,
            "{item}\tFilm {item}, The\t{}\t{genre} Crime",
            1980 + item % 10
        )
        .unwrap();
    }
    let mut users = "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n".to_string();
    let mut log = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n".to_string();
    for user in 1..=USERS {
        let gender = if user % 2 == 0 { "F" } else { "M" };
        writeln!(users, "{user}\t{}\t{gender}\tbaker\t12345", 20 + user % 30).unwrap();
        for step in 0..ITEMS {
            // A fixed walk over the films, another for each user.
            let item = 1 + (step * 7 + user * 11) % ITEMS;
            if (user * 31 + item * 17) % 64 < 32 {
                let rating = if user % 2 == item % 2 { 5 } else { 2 };
                writeln!(log, "{user}\t{item}\t{rating}\t{}", 880_000_000 + step * 60).unwrap();
            }
        }
    }
    write(folder.path(), "ml-100k.item", &items);
    write(folder.path(), "ml-100k.user", &users);
    write(folder.path(), "ml-100k.inter", &log);
    folder
}

pub(crate) fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), content).unwrap();
}

/// Runs `simulator` with these words.
pub(crate) fn simulator(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_simulator"))
        .args(words)
        .output()
        .unwrap()
}

/// Runs `simulator`, which must succeed, and gives its stdout.
pub(crate) fn succeed(words: &[&str]) -> String {
    let output = simulator(words);
    assert!(
        output.status.success(),
        "{words:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `simulator`, which must fail with `code`, and gives its stderr.
pub(crate) fn fail(code: i32, words: &[&str]) -> String {
    let output = simulator(words);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{words:?}\n{stderr}");
    assert!(stderr.starts_with("error: "), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

/// Imports `raw` below `out` with extra words.
pub(crate) fn import(raw: &Path, out: &Path, extra: &[&str]) -> PathBuf {
    let data = out.join("data");
    let mut words = vec!["import", "movielens", "--input", text(raw), "--out", text(&data)];
    words.extend_from_slice(extra);
    succeed(&words);
    data
}

/// An environment of the small dataset below `out`: (data, environment).
pub(crate) fn environment(out: &Path) -> (PathBuf, PathBuf) {
    let data = import(raw_dataset().path(), out, &[]);
    let environment = out.join("environment");
    succeed(&[
        "fit",
        "--data",
        text(&data),
        "--out",
        text(&environment),
        "--rank",
        "4",
        "--default-penalties",
    ]);
    (data, environment)
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// All files below `folder` with their content, by relative path.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((
                    path.strip_prefix(folder).unwrap().to_path_buf(),
                    std::fs::read(&path).unwrap(),
                ));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}
