//! `simulator import custom`: anyone's Parquet, whole and broken, with and without items, users and truth.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::imported::{Imported, in_time, rows};
use crate::support::{fail, simulator, succeed, text};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::interactions::{self, Feedback, Interactions, Kind};
use common::schema::items::{self, Items};
use common::schema::users::{self, Users};
use tempfile::TempDir;

fn ids(kind: IdKind, all: &[&str]) -> Dictionary {
    Dictionary::from_values(kind, all.iter().map(ToString::to_string)).unwrap()
}

/// A log as a user of Headstart might have it: users a to d, each with ten interactions on ten of twelve items.
fn log() -> Interactions {
    let item_names: Vec<String> = (0..12).map(|item| format!("item {item}")).collect();
    let (mut user, mut item) = (Vec::new(), Vec::new());
    for of in 0..4 {
        for step in 0..10 {
            user.push(of);
            item.push((of * 2 + step) % 12);
        }
    }
    Interactions {
        users: ids(IdKind::Text, &["a", "b", "c", "d"]),
        items: Dictionary::from_values(IdKind::Text, item_names).unwrap(),
        timestamp: (0..40).map(|row| 1_700_000_000_000 + (row * 7919) % 40).collect(),
        feedback: (0..40).map(|row| (row % 5) as f32 + 1.0).collect(),
        propensity: (0..40).map(|row| (row % 2 == 0).then_some(0.25)).collect(),
        user,
        item,
        kind: Feedback {
            kind: Kind::Rating,
            like_threshold: 4.0,
        },
    }
}

/// The files of a dataset in a folder.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Files(tempfile::tempdir().unwrap());
        files.add("interactions.parquet", interactions::LOG, &log());
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn add(&self, name: &str, artifact: &str, log: &Interactions) {
        interactions::write(&self.path(name), &Manifest::new(artifact, "some tool"), log).unwrap();
    }

    /// Items 0 to `count`, and users a to d.
    fn add_items_and_users(&self, count: usize) {
        let names: Vec<String> = (0..count).map(|item| format!("item {item}")).collect();
        let catalogue = Items {
            title: names.iter().map(|name| name.to_uppercase()).collect(),
            text: vec![None; count],
            categories: vec![vec!["shop".into()]; count],
            ids: Dictionary::from_values(IdKind::Text, names).unwrap(),
        };
        items::write(
            &self.path("items.parquet"),
            &Manifest::new(items::ITEMS, "some tool"),
            &catalogue,
        )
        .unwrap();
        let people = Users {
            ids: ids(IdKind::Text, &["d", "c", "b", "a"]),
            attributes: vec![BTreeMap::from([("age".into(), "30".into())]); 4],
        };
        users::write(
            &self.path("users.parquet"),
            &Manifest::new(users::USERS, "some tool"),
            &people,
        )
        .unwrap();
    }

    fn words(&self, flags: &[(&str, &str)], extra: &[&str], out: &Path) -> Vec<String> {
        let mut words = ["import", "custom", "--out", text(out), "--interactions"]
            .map(String::from)
            .to_vec();
        words.push(text(&self.path("interactions.parquet")).into());
        for (flag, file) in flags {
            words.extend([(*flag).to_string(), text(&self.path(file)).to_string()]);
        }
        words.extend(extra.iter().map(ToString::to_string));
        words
    }
}

fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn import(files: &Files, flags: &[(&str, &str)], extra: &[&str]) -> Imported {
    let out = tempfile::tempdir().unwrap();
    succeed(&strs(&files.words(flags, extra, out.path())));
    Imported::read(out.path())
}

#[test]
fn a_log_alone_is_split_in_time_and_makes_its_own_items_and_users() {
    let files = Files::new();
    let data = import(&files, &[], &[]);
    assert_eq!((data.log.len(), data.truth.len()), (32, 8));
    for user in ["a", "b", "c", "d"] {
        let time = |log: &Interactions| {
            rows(log)
                .iter()
                .filter(|r| r.0 == user)
                .map(|r| r.2)
                .collect::<Vec<_>>()
        };
        assert!(time(&data.log).iter().max() <= time(&data.truth).iter().min());
    }
    assert_eq!(data.item("item 3"), ("item 3", None, vec![]));
    assert_eq!(data.users.ids.len(), 4);
    assert_eq!(data.log.kind, log().kind, "the file says it itself");
    let config = &data.manifest.config;
    assert_eq!(config["dataset"], "custom");
    assert_eq!(
        config["split"],
        serde_json::json!({"kind": "time", "log_share": 0.8})
    );
    // What a row says stays with it.
    let source = log();
    for row in 0..data.log.len() {
        let (user, item) = (
            data.log.users.id(data.log.user[row]),
            data.log.items.id(data.log.item[row]),
        );
        let same = (0..40)
            .find(|&r| source.users.id(source.user[r]) == user && source.items.id(source.item[r]) == item);
        let same = same.unwrap();
        assert_eq!(data.log.timestamp[row], source.timestamp[same]);
        assert_eq!(data.log.feedback[row], source.feedback[same]);
        assert_eq!(data.log.propensity[row], source.propensity[same]);
    }
}

#[test]
fn a_split_at_random_keeps_times_and_depends_on_the_seed() {
    let files = Files::new();
    let random = ["--split", "random", "--log-share", "0.5", "--like-threshold", "2"];
    let one = import(&files, &[], &random);
    assert_eq!((one.log.len(), one.truth.len()), (20, 20));
    assert_eq!(one.log.kind.like_threshold, 2.0);
    assert_eq!(one.manifest.seed, Some(0));
    let mut seeded = random.to_vec();
    seeded.extend(["--seed", "5"]);
    let other = import(&files, &[], &seeded);
    assert_ne!(rows(&one.log), rows(&other.log));
    let mut times: Vec<i64> = one
        .log
        .timestamp
        .iter()
        .chain(&one.truth.timestamp)
        .copied()
        .collect();
    times.sort_unstable();
    let mut before = log().timestamp;
    before.sort_unstable();
    assert_eq!(times, before);
}

#[test]
fn items_users_and_truth_may_be_given() {
    let files = Files::new();
    files.add_items_and_users(14);
    let mut held_out = log();
    held_out.item.iter_mut().for_each(|item| *item = (*item + 3) % 12);
    let given = [
        ("--items", "items.parquet"),
        ("--users", "users.parquet"),
        ("--truth", "truth.parquet"),
    ];
    // A table of anyone's, or one that Headstart wrote as truth.
    for artifact in [interactions::LOG, interactions::TRUTH] {
        files.add("truth.parquet", artifact, &held_out);
        let data = import(&files, &given, &["--unrated", "unknown", "--name", "my shop"]);
        assert_eq!(
            (data.log.len(), data.truth.len(), data.items.ids.len()),
            (40, 40, 14)
        );
        assert_eq!(data.item("item 13").0, "ITEM 13");
        assert_eq!(data.users.ids.id(0), "d");
        assert_eq!(data.users.attributes[0]["age"], "30");
        assert_eq!(in_time(&data.truth, "b"), in_time(&held_out, "b"));
        let config = &data.manifest.config;
        assert_eq!(
            (&config["dataset"], &config["unrated"]),
            (&"my shop".into(), &"unknown".into())
        );
        assert_eq!(config["split"]["kind"], "given");
        assert_eq!(data.manifest.inputs.len(), 4);
    }
}

#[test]
fn integer_ids_stay_integers() {
    let files = Files::new();
    let mut integers = log();
    integers.users = ids(IdKind::Integer, &["10", "20", "30", "40"]);
    files.add("interactions.parquet", interactions::LOG, &integers);
    let data = import(&files, &[], &[]);
    assert_eq!(data.log.users.kind(), IdKind::Integer);
    assert_eq!(data.users.ids.kind(), IdKind::Integer);
    assert_eq!(data.log.items.kind(), IdKind::Text);
}

#[test]
fn a_row_with_an_id_that_is_not_listed_is_named_or_skipped_and_counted() {
    let files = Files::new();
    files.add_items_and_users(11);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("data");
    let flags = [("--items", "items.parquet"), ("--users", "users.parquet")];
    let error = fail(42, &strs(&files.words(&flags, &[], &out)));
    // User c's steps are items 4, 5, ...: the eighth of them, row 27, is item 11.
    for part in [
        "the id `item 11` is not among the items",
        "interactions.parquet, row",
        "column item_id",
        "add it to the file of --items, or pass --max-bad",
    ] {
        assert!(error.contains(part), "no {part:?} in\n{error}");
    }
    assert!(!out.join("log").exists());
    let output = simulator(&strs(&files.words(&flags, &["--max-bad=100%"], &out)));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("interactions.parquet: set aside 3 rows (id that is not listed)"),
        "{said}"
    );
    let data = Imported::read(&out);
    assert_eq!(data.log.len() + data.truth.len(), 37);
}

#[test]
fn what_cannot_be_imported_is_refused() {
    let files = Files::new();
    files.add("truth.parquet", interactions::TRUTH, &log());
    std::fs::write(files.path("cut.parquet"), b"PAR1 and no more").unwrap();
    let mut broken = log();
    broken.feedback[7] = f32::NAN;
    files.add("nan.parquet", interactions::LOG, &broken);
    let mut single = log();
    single.user = vec![0, 1, 2, 3];
    single.item.truncate(4);
    single.timestamp.truncate(4);
    single.feedback.truncate(4);
    single.propensity.truncate(4);
    files.add("single.parquet", interactions::LOG, &single);
    let out = tempfile::tempdir().unwrap();
    let with = |interactions: &str, flags: &[(&str, &str)], extra: &[&str]| {
        let mut words = files.words(flags, extra, out.path());
        words[5] = text(&files.path(interactions)).into();
        words
    };
    let log = "interactions.parquet";
    let cases: [(i32, Vec<String>, &str); 9] = [
        (2, with("truth.parquet", &[], &[]), "held-out truth"),
        (2, with("none.parquet", &[], &[]), "no such file"),
        (42, with("cut.parquet", &[], &[]), "no whole Parquet file"),
        (
            42,
            with("nan.parquet", &[], &["--max-bad=100%"]),
            "the value is NaN",
        ),
        (
            2,
            with(log, &[("--items", log)], &[]),
            "expected items, found interactions",
        ),
        (
            2,
            with(log, &[], &["--split", "given"]),
            "--split given needs held-out",
        ),
        (
            2,
            with(log, &[("--truth", log)], &["--split", "time"]),
            "with --truth there is nothing to split",
        ),
        (
            2,
            with(log, &[("--truth", log)], &["--log-share", "0.5"]),
            "--log-share has no meaning with --truth",
        ),
        (2, with("single.parquet", &[], &[]), "nothing to hold out"),
    ];
    for (code, words, expected) in cases {
        let error = fail(code, &strs(&words));
        assert!(error.contains(expected), "no {expected:?} in\n{error}");
    }
}
