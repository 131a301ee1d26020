//! `simulator import coat`: what it writes, and what it says about files that are not as they should be.

use crate::support;
use crate::support::bad_files::{Case, check, with, words};
use crate::support::imported::{Imported, in_time, published, rows};
use crate::support::{fail, succeed, write};
use tempfile::TempDir;

/// Three users and four coats, in the published layout: CRLF, maps without an end of line.
fn raw_files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = |name, content: &str| write(folder.path(), name, content.replace('\n', "\r\n"));
    let map = "gender:men\ngender:women\njackettype:bomber\njackettype:parkas\ncolor:black\ncolor:multi\n\
               onfrontpage:yes\nonfrontpage:no";
    write(folder.path(), "item_features_map.txt", map);
    write(
        folder.path(),
        "user_features_map.txt",
        "gender:men\ngender:women\nage:20-30\nage:over 60\nfashioninterest:not at all\nfashioninterest:very",
    );
    file(
        "item_features.ascii",
        "1 0 1 0 1 0 1 0\n0 1 0 1 0 1 0 1\n1 0 0 1 1 0 0 1\n0 1 1 0 0 1 1 0\n",
    );
    file("user_features.ascii", "1 0 1 0 1 0\n0 1 0 1 0 1\n0 1 1 0 1 0\n");
    file("train.ascii", "0 5 1 2\n0 0 4 0\n3 0 0 1\n");
    file("test.ascii", "3 4 0 0\n0 0 0 5\n1 1 0 0\n");
    folder
}

#[test]
fn ratings_features_and_texts_are_as_published() {
    let (raw, out) = (raw_files(), tempfile::tempdir().unwrap());
    succeed(&words("coat", raw.path(), out.path()));
    let coat = Imported::read(out.path());
    assert_eq!(
        coat.item("0"),
        (
            "Men's bomber jacket, black",
            Some("Men's bomber jacket, black, on the front page."),
            vec!["bomber jacket", "men's", "black", "on the front page"]
        )
    );
    assert_eq!(coat.item("1").0, "Women's parka, multi-coloured");
    let attributes: Vec<_> = coat.users.attributes[1]
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    assert_eq!(
        attributes,
        ["age=over 60", "fashion interest=very", "gender=women"]
    );

    let ratings = |log| {
        let mut ratings: Vec<_> = rows(log)
            .iter()
            .map(|&(u, i, _, r)| (u.to_string(), i.to_string(), r))
            .collect();
        ratings.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        ratings
    };
    let expected = |all: &[(&str, &str, f32)]| -> Vec<_> {
        all.iter()
            .map(|&(u, i, r)| (u.to_string(), i.to_string(), r))
            .collect()
    };
    assert_eq!(
        ratings(&coat.log),
        expected(&[
            ("0", "1", 5.0),
            ("0", "2", 1.0),
            ("0", "3", 2.0),
            ("1", "2", 4.0),
            ("2", "0", 3.0),
            ("2", "3", 1.0)
        ])
    );
    // User 0 rated coat 1 in both files: both stay.
    assert_eq!(
        ratings(&coat.truth),
        expected(&[
            ("0", "0", 3.0),
            ("0", "1", 4.0),
            ("1", "3", 5.0),
            ("2", "0", 1.0),
            ("2", "1", 1.0)
        ])
    );
    assert_eq!(coat.log.kind.like_threshold, 4.0);
    assert!(coat.log.propensity.iter().all(Option::is_none));
    let config = &coat.manifest.config;
    assert_eq!(config["unrated"], "unknown");
    assert_eq!(config["split"]["kind"], "given");
}

#[test]
fn a_bad_file_ends_in_one_error_or_is_skipped_and_counted() {
    let cases = [
        Case {
            file: "train.ascii",
            change: |raw| with(&raw, "4 0", b"6 0"),
            says: &[
                "rating \"6\" is neither 0 (unrated) nor 1 to 5",
                "line 2",
                "column 3",
            ],
            skipped: Some("set aside 1 row (rating outside 1 to 5)"),
        },
        Case {
            file: "test.ascii",
            change: |raw| with(&raw, "0 5", b"0 \xe9"),
            says: &["the rating \"\u{fffd}\"", "line 2", "column 4"],
            skipped: Some("set aside 1 row (rating outside 1 to 5)"),
        },
        Case {
            file: "train.ascii",
            change: |raw| with(&raw, "0 0 4 0", b"0 0 4"),
            says: &[
                "the line has 3 ratings, item_features.ascii has 4 coats",
                "line 2",
            ],
            skipped: Some("set aside 1 row (wrong number of ratings)"),
        },
        Case {
            file: "train.ascii",
            change: |raw| with(&raw, "3 0 0 1\r\n", b""),
            says: &[
                "the file ends here, but user_features.ascii has 3 users",
                "line 3",
            ],
            skipped: Some("set aside 1 row (missing line)"),
        },
        Case {
            file: "test.ascii",
            change: |raw| [&raw[..], b"1 0 0 0\r\n"].concat(),
            says: &["more lines than user_features.ascii has users (3)", "line 4"],
            skipped: Some("set aside 1 row (line of no user)"),
        },
        Case {
            file: "item_features.ascii",
            change: |raw| with(&raw, "\n0 1 0 1", b"\n1 1 0 1"),
            says: &["gender is both men and women", "line 2", "column 2"],
            skipped: Some("set aside 1 row (several values in a group)"),
        },
        Case {
            file: "user_features.ascii",
            change: |raw| with(&raw, "0 1 0 1 0 1", b"0 1 0 0 0 1"),
            says: &["no value of age is 1", "line 2"],
            skipped: Some("set aside 1 row (no value in a group)"),
        },
        Case {
            file: "user_features.ascii",
            change: |raw| with(&raw, "0 1 0 1 0 1", b"0 1 0 1 0"),
            says: &["the line has 5 values, the map names 6", "line 2"],
            skipped: Some("set aside 1 row (wrong number of values)"),
        },
        Case {
            file: "item_features.ascii",
            change: |raw| with(&raw, "1 0 1 0", b"2 0 1 0"),
            says: &["the value \"2\" is neither 0 nor 1", "line 1", "column 1"],
            skipped: Some("set aside 1 row (value other than 0 and 1)"),
        },
        Case {
            file: "item_features_map.txt",
            change: |raw| with(&raw, "color:black", b"black"),
            says: &["\"black\" is not a `group:value`", "line 5"],
            skipped: None,
        },
        Case {
            file: "user_features_map.txt",
            change: |raw| with(&raw, "over 60", b"\xff"),
            says: &["not UTF-8", "line 4"],
            skipped: None,
        },
        Case {
            file: "item_features_map.txt",
            change: |raw| with(&raw, "gender:women", b"gender:men"),
            says: &["named twice", "line 2"],
            skipped: None,
        },
    ];
    check("coat", raw_files, &cases);
}

#[test]
fn ratings_of_users_and_coats_that_were_skipped_are_counted() {
    let (raw, folder) = (raw_files(), tempfile::tempdir().unwrap());
    let out = folder.path().join("data");
    let features = std::fs::read(raw.path().join("item_features.ascii")).unwrap();
    write(
        raw.path(),
        "item_features.ascii",
        with(&features, "1 0 0 1 1 0 0 1", b"1 0 0 1"),
    );
    let mut skipping = words("coat", raw.path(), &out);
    skipping.push("--max-bad=100%");
    let output = support::simulator(&skipping);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("train.ascii: set aside 2 rows (rating of a user or coat that was left out)"),
        "{said}"
    );
    let coat = Imported::read(&out);
    assert_eq!(coat.items.ids.code("2"), None);
    assert_eq!(
        coat.item("3").0,
        "Women's bomber jacket, multi-coloured",
        "the others keep their ids"
    );
}

#[test]
fn a_missing_file_is_wrong_usage() {
    let (raw, out) = (raw_files(), tempfile::tempdir().unwrap());
    std::fs::remove_file(raw.path().join("test.ascii")).unwrap();
    let error = fail(2, &words("coat", raw.path(), out.path()));
    assert!(
        error.contains("test.ascii") && error.contains("--input must be the folder"),
        "{error}"
    );
}

#[test]
#[ignore = "needs the published files: `make published`"]
fn the_published_files() {
    let raw = published("coat");
    let (out, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    succeed(&words("coat", &raw, out.path()));
    let coat = Imported::read(out.path());
    assert_eq!((coat.users.ids.len(), coat.items.ids.len()), (290, 300));
    assert_eq!((coat.log.len(), coat.truth.len()), (6960, 4640));
    let pairs =
        |log: &common::schema::interactions::Interactions| -> std::collections::HashSet<(String, String)> {
            rows(log)
                .iter()
                .map(|&(user, item, _, _)| (user.into(), item.into()))
                .collect()
        };
    assert_eq!(pairs(&coat.log).intersection(&pairs(&coat.truth)).count(), 366);
    assert_eq!(
        coat.item("0").1.unwrap(),
        "Men's bomber jacket, on the front page."
    );
    assert!(
        coat.users
            .attributes
            .iter()
            .all(|attributes| attributes.len() == 4)
    );
    for user in 0..290 {
        assert_eq!(in_time(&coat.log, &user.to_string()).len(), 24);
        assert_eq!(in_time(&coat.truth, &user.to_string()).len(), 16);
    }
    // The order within a user is drawn by the seed.
    let order = |data: &Imported| {
        in_time(&data.log, "0")
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert!(!order(&coat).is_sorted_by_key(|item| item.parse::<u32>().unwrap()));
    let mut seeded = words("coat", &raw, other.path());
    seeded.extend(["--seed", "1"]);
    succeed(&seeded);
    assert_ne!(order(&Imported::read(other.path())), order(&coat));
}
