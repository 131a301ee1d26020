//! `simulator import movielens`: what it writes, and what it says about files that are not as they should be.

use crate::support;
use crate::support::{fail, import, raw_dataset, simulator, text, write};
use common::schema::bad;
use common::schema::{interactions, items, users};

fn words<'a>(raw: &'a std::path::Path, out: &'a std::path::Path) -> Vec<&'a str> {
    vec!["import", "movielens", "--input", text(raw), "--out", text(out)]
}

#[test]
fn writes_log_items_users_and_the_truth_apart() {
    let (raw, out) = (raw_dataset(), tempfile::tempdir().unwrap());
    let data = import(raw.path(), out.path(), &[]);
    let catalogue = items::read(&data.join("log/items.parquet")).unwrap();
    assert_eq!(catalogue.title[0], "The Film 1 (1981)");
    assert_eq!(catalogue.categories[1], ["Comedy", "Crime"]);
    let people = users::read(&data.join("log/users.parquet")).unwrap();
    assert_eq!(people.attributes[0]["gender"], "M");

    let log = interactions::read_log(&data.join("log/interactions.parquet"), None).unwrap();
    let truth = interactions::read_truth(&data.join("truth/interactions.parquet")).unwrap();
    assert_eq!(log.kind.like_threshold, 4.0);
    assert_eq!(
        log.timestamp[0] % 60_000,
        880_000_000_000 % 60_000,
        "times are in milliseconds"
    );
    // In time: nothing that was held out is earlier than anything of the same user's log.
    let latest = |user: &str| {
        let of_user = (0..log.len()).filter(|&row| log.users.id(log.user[row]) == user);
        of_user.map(|row| log.timestamp[row]).max().unwrap()
    };
    for row in 0..truth.len() {
        assert!(truth.timestamp[row] >= latest(truth.users.id(truth.user[row])));
    }
    let share = log.len() as f64 / (log.len() + truth.len()) as f64;
    assert!((share - 0.8).abs() < 0.03, "{share}");
}

#[test]
fn the_truth_is_refused_where_a_log_is_wanted() {
    let (raw, out) = (raw_dataset(), tempfile::tempdir().unwrap());
    let data = import(raw.path(), out.path(), &[]);
    let error = interactions::read_log(&data.join("truth/interactions.parquet"), None).unwrap_err();
    assert!(error.to_string().contains("held-out truth"), "{error}");
}

#[test]
fn a_second_run_is_done_already_and_another_needs_overwrite() {
    let (raw, out) = (raw_dataset(), tempfile::tempdir().unwrap());
    let data = import(raw.path(), out.path(), &[]);
    let before = support::contents(&data);
    let again = simulator(&words(raw.path(), &data));
    assert!(again.status.success() && String::from_utf8_lossy(&again.stderr).contains("already done"));
    let mut other = words(raw.path(), &data);
    other.extend(["--log-share", "0.5"]);
    assert!(fail(2, &other).contains("--overwrite"));
    assert_eq!(support::contents(&data), before, "a refused run changes nothing");
    other.push("--overwrite");
    support::succeed(&other);
    assert_ne!(support::contents(&data), before);
}

#[test]
fn a_missing_file_is_wrong_usage() {
    let (raw, out) = (raw_dataset(), tempfile::tempdir().unwrap());
    std::fs::remove_file(raw.path().join("ml-100k.item")).unwrap();
    let error = fail(2, &words(raw.path(), out.path()));
    assert!(
        error.contains("ml-100k.item") && error.contains("hint: --input must be the folder"),
        "{error}"
    );
}

/// Each way in which a raw file can be bad: what is done to it, and what the error must say.
#[test]
fn a_bad_row_ends_in_one_error_with_its_line_or_is_skipped_and_counted() {
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let cases: [(&str, Change, &[&str]); 9] = [
        (
            "ml-100k.inter",
            |raw| add(raw, b"1\t1\t6\t880000000\n"),
            &["rating 6 is outside 1 to 5", "column rating"],
        ),
        (
            "ml-100k.inter",
            |raw| add(raw, b"1\t1\tNaN\t880000000\n"),
            &["\"NaN\" is not a number"],
        ),
        (
            "ml-100k.inter",
            |raw| add(raw, b"999\t1\t5\t880000000\n"),
            &["999 is not in ml-100k.user", "column user_id"],
        ),
        (
            "ml-100k.inter",
            |raw| add(raw, b"1\t999\t5\t880000000\n"),
            &["999 is not in ml-100k.item", "column item_id"],
        ),
        (
            "ml-100k.inter",
            |raw| add(raw, b"1\t2\n"),
            &["2 fields", "cut short"],
        ),
        (
            "ml-100k.inter",
            |raw| add(raw, b"1\t2\t5\t-7\n"),
            &["timestamp -7"],
        ),
        ("ml-100k.inter", repeat_last, &["has rated item"]),
        (
            "ml-100k.item",
            |raw| add(raw, b"77\tMis\xe9rables, Les\t1995\tDrama\n"),
            &["not UTF-8", "column movie_title"],
        ),
        (
            "ml-100k.user",
            |raw| add(raw, b"1\t20\tM\tbaker\t1\n"),
            &["the id 1 appears twice"],
        ),
    ];
    for (file, change, expected) in cases {
        let (raw, folder) = (raw_dataset(), tempfile::tempdir().unwrap());
        let out = folder.path().join("data");
        let changed = change(std::fs::read(raw.path().join(file)).unwrap());
        let lines = changed.iter().filter(|&&byte| byte == b'\n').count();
        write(raw.path(), file, &changed);
        let error = fail(42, &words(raw.path(), &out));
        assert!(error.contains(&format!("line {lines}")), "{error}");
        for part in expected.iter().chain(&[file, "--max-bad"]) {
            assert!(error.contains(part), "no {part:?} in\n{error}");
        }
        assert!(!out.join("log").exists(), "a failed import writes nothing");

        let mut skipping = words(raw.path(), &out);
        skipping.push("--max-bad=100%");
        let output = simulator(&skipping);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && stderr.contains(&format!("{file}: set aside 1 row")),
            "{stderr}"
        );
        let found = bad::read(&folder.path().join("data.bad.parquet")).unwrap();
        assert_eq!(
            (found[0].source.as_str(), found[0].row),
            (file, Some(lines as u64))
        );
    }
}

fn add(mut raw: Vec<u8>, line: &[u8]) -> Vec<u8> {
    raw.extend_from_slice(line);
    raw
}

fn repeat_last(raw: Vec<u8>) -> Vec<u8> {
    let last = String::from_utf8(raw.clone())
        .unwrap()
        .lines()
        .last()
        .unwrap()
        .to_string()
        + "\n";
    add(raw, last.as_bytes())
}
