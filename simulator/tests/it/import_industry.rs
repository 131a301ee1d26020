//! `simulator import industry`: what it writes, and what it says about files that are not as they should be.

use crate::support::bad_files::{Case, check, with, with_line, words};
use crate::support::imported::{Imported, in_time, published};
use crate::support::{fail, simulator, succeed, write};
use tempfile::TempDir;

const ITEMS: &str = "Industrial_and_Scientific.item.json";
const TRAIN: &str = "Industrial_and_Scientific.train.inter";
const VALID: &str = "Industrial_and_Scientific.valid.inter";
const TEST: &str = "Industrial_and_Scientific.test.inter";

/// User 7 buys 0, 1, 1, 2, then 3 in the validation part; user 8 buys 4 and then, in the test part, 0; user 9 is
/// first seen there.
fn raw_files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let items = r#"{
  "0": {"title": "T&uuml;rlen  Gauge", "description": "['Türlen Gauge', 'Reads\n0.1\" exactly', \"It's small\"]", "brand": "by Türlen", "categories": ""},
  "1": {"title": "Glue", "description": "", "brand": "", "categories": ""},
  "2": {"title": "Industrial & Scientific\" />", "description": "['', 'A 1\" bearing with set screw.']", "brand": "VXB", "categories": ""},
  "3": {"title": "Tape,3M,90128\" />", "description": "['it's <b>strong</b> & amp; clear']", "brand": "3M", "categories": ""},
  "4": {"title": "Screws", "description": null, "brand": "Unknown"}
}
"#;
    write(folder.path(), ITEMS, items);
    let header = "user_id:token\titem_id_list:token_seq\titem_id:token\n";
    let train = "7\t0\t1\n7\t0 1\t1\n7\t0 1 1\t2\n";
    write(folder.path(), TRAIN, format!("{header}{train}"));
    write(folder.path(), VALID, format!("{header}7\t0 1 1 2\t3\n"));
    write(folder.path(), TEST, format!("{header}8\t4\t0\n9\t2\t3\n"));
    folder
}

#[test]
fn purchases_are_put_together_from_histories() {
    let (raw, out) = (raw_files(), tempfile::tempdir().unwrap());
    succeed(&words("industry", raw.path(), out.path()));
    let shop = Imported::read(out.path());
    assert_eq!(in_time(&shop.log, "7"), ["0", "1", "1", "2"]);
    assert_eq!(in_time(&shop.truth, "7"), ["3"]);
    assert_eq!(
        in_time(&shop.log, "8"),
        ["4"],
        "a first purchase is in the log, whatever part the row is of"
    );
    assert_eq!(in_time(&shop.truth, "8"), ["0"]);
    assert_eq!(in_time(&shop.truth, "9"), ["3"]);
    // Times are the places of the purchases in the order of the rows.
    assert_eq!(shop.log.timestamp, [0, 1, 2, 3, 5, 7]);
    assert_eq!(shop.truth.timestamp, [4, 6, 8]);
    assert!(shop.log.feedback.iter().all(|&feedback| feedback == 1.0));
    let config = &shop.manifest.config;
    assert_eq!(
        (&config["unrated"], &config["split"]["kind"]),
        (&"negative".into(), &"given".into())
    );
    assert_eq!(shop.manifest.seed, None, "nothing is drawn");
}

#[test]
fn items_have_readable_titles_and_texts() {
    let (raw, out) = (raw_files(), tempfile::tempdir().unwrap());
    let output = simulator(&words("industry", raw.path(), out.path()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("1 title with the shop's name alone"), "{said}");
    let shop = Imported::read(out.path());
    assert_eq!(
        shop.item("0"),
        (
            "Türlen Gauge",
            Some("Reads 0.1\" exactly. It's small."),
            vec!["Türlen"]
        )
    );
    assert_eq!(shop.item("1"), ("Glue", None, vec![]));
    assert_eq!(
        shop.item("2"),
        (
            "VXB: A 1\" bearing with set screw.",
            Some("A 1\" bearing with set screw."),
            vec!["VXB"]
        )
    );
    assert_eq!(
        shop.item("3"),
        ("Tape,3M,90128", Some("it's strong & clear."), vec!["3M"])
    );
    assert_eq!(shop.item("4"), ("Screws", None, vec![]));
}

#[test]
fn a_bad_file_ends_in_one_error_or_is_skipped_and_counted() {
    let cases = [
        Case {
            file: ITEMS,
            change: |raw| raw[..raw.len() / 2].to_vec(),
            says: &["no valid JSON: EOF", "line 4", "column "],
            skipped: None,
        },
        Case {
            file: ITEMS,
            change: |raw| with(&raw, "\"title\": \"Glue\"", b"\"title\": \"Gl\xfce\""),
            says: &["no valid JSON: invalid unicode", "line 3"],
            skipped: None,
        },
        Case {
            file: ITEMS,
            change: |_| b"[1, 2]".to_vec(),
            says: &["expected an object with one entry an item", "line 1"],
            skipped: None,
        },
        Case {
            file: ITEMS,
            change: |raw| with(&raw, "  \"1\":", b"  \"1\": {\"title\": \"Glue\"},\n  \"1\":"),
            says: &["the id 1 appears twice", "entry \"1\""],
            skipped: Some("set aside 1 row (repeated id)"),
        },
        Case {
            file: ITEMS,
            change: |raw| with(&raw, "  \"1\":", b"  \"x\": {\"title\": \"Glue\"},\n  \"1\":"),
            says: &["the id \"x\" is not an integer", "entry \"x\""],
            skipped: Some("set aside 1 row (id that is not an integer)"),
        },
        Case {
            file: ITEMS,
            change: |raw| with(&raw, "  \"1\":", b"  \"5\": {\"title\": 5},\n  \"1\":"),
            says: &["the value 5 is not text", "entry \"5\"", "column title"],
            skipped: Some("set aside 1 row (value that is not text)"),
        },
        Case {
            file: ITEMS,
            change: |raw| with(&raw, "  \"1\":", b"  \"5\": [],\n  \"1\":"),
            says: &["[] is not an object", "entry \"5\""],
            skipped: Some("set aside 1 row (entry that is not an object)"),
        },
        Case {
            file: ITEMS,
            change: |raw| with(&raw, "  \"1\":", b"  \"5\": {\"brand\": \"3M\"},\n  \"1\":"),
            says: &["neither title nor description", "entry \"5\""],
            skipped: Some("set aside 1 row (item without title and description)"),
        },
        Case {
            file: TRAIN,
            change: |raw| with_line(raw, b"8\t4\t99"),
            says: &[
                "the id 99 is not in Industrial_and_Scientific.item.json",
                "line 5",
                "column item_id",
            ],
            skipped: Some("set aside 1 row (unknown id)"),
        },
        Case {
            file: TRAIN,
            change: |raw| with_line(raw, b"8\t4 99\t1"),
            says: &["the id 99 is not in", "line 5", "column item_id_list"],
            skipped: Some("set aside 1 row (unknown id)"),
        },
        Case {
            file: TEST,
            change: |raw| with_line(raw, b"9\t2"),
            says: &["the line has 2 fields", "line 4"],
            skipped: Some("set aside 1 row (wrong number of fields)"),
        },
        Case {
            file: TEST,
            change: |raw| with_line(raw, b"1\xff\t2\t3"),
            says: &["not UTF-8", "line 4", "column user_id"],
            skipped: Some("set aside 1 row (not UTF-8)"),
        },
        Case {
            file: TEST,
            change: |raw| with_line(raw, b"9\t1 3\t0"),
            says: &["not what user 9 bought before", "line 4", "column item_id_list"],
            skipped: Some("set aside 1 row (history that contradicts the rows above)"),
        },
        Case {
            file: TEST,
            change: |raw| with_line(raw, b"6\t1 3\t0"),
            says: &[
                "first row of user 6, but its history has more than one item",
                "line 4",
            ],
            skipped: Some("set aside 1 row (history that contradicts the rows above)"),
        },
        Case {
            file: TEST,
            change: |raw| with_line(raw, b"6\t\t0"),
            says: &["the history has 0 items, not 1 to 10", "line 4"],
            skipped: Some("set aside 1 row (history of a wrong length)"),
        },
        Case {
            // A row that is missing: the next one of the user is bad, and those after it are good again.
            file: TRAIN,
            change: |raw| with(&raw, "7\t0 1\t1\n", b""),
            says: &["not what user 7 bought before", "line 3"],
            skipped: Some("set aside 1 row (history that contradicts the rows above)"),
        },
    ];
    check("industry", raw_files, &cases);
}

#[test]
fn a_missing_file_is_wrong_usage() {
    let (raw, out) = (raw_files(), tempfile::tempdir().unwrap());
    std::fs::remove_file(raw.path().join(VALID)).unwrap();
    let error = fail(2, &words("industry", raw.path(), out.path()));
    assert!(
        error.contains(VALID) && error.contains("--input must be the folder"),
        "{error}"
    );
}

#[test]
#[ignore = "needs the published files: `make published`"]
fn the_published_files() {
    let raw = published("industry");
    let out = tempfile::tempdir().unwrap();
    succeed(&words("industry", &raw, out.path()));
    let shop = Imported::read(out.path());
    assert_eq!((shop.users.ids.len(), shop.items.ids.len()), (7694, 3686));
    assert_eq!((shop.log.len(), shop.truth.len()), (7694 + 36259, 4532 + 4533));
    assert_eq!(in_time(&shop.log, "22")[..5], ["117", "118", "119", "119", "119"]);
    let (title, text, brands) = shop.item("0");
    assert_eq!(
        title,
        "SUPCO SPP6 Relay/Capacitor Hard Start Kit with 500% Increase Starting Torque"
    );
    assert!(
        text.unwrap()
            .starts_with("Relay/CAPACITOR hard start kit 500% incr")
    );
    assert_eq!(brands, ["Sealed Unit Parts Co., Inc."]);
    assert!(
        shop.item("54")
            .0
            .starts_with("The Dykem 80300 Steel Blue layout fluid")
    );
    for (title, text) in shop.items.title.iter().zip(&shop.items.text) {
        let shown = text.as_deref().unwrap_or("none");
        assert!(!title.is_empty() && !shown.is_empty() && shown.chars().count() <= 501);
        for junk in ["\" />", "&amp;", "&nbsp;", "<br", "  ", "\n", "['"] {
            assert!(!title.contains(junk) && !shown.contains(junk), "{title}\n{shown}");
        }
    }
}
