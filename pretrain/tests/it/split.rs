//! `pretrain split`: every row goes to one side, by the rule that was asked for, and the parts are logs.

use crate::support;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::expect;
use common::ids::IdKind;
use common::manifest::Manifest;
use common::schema::interactions::{self, Interactions, LOG};
use common::schema::{items, table};

const LOG_PART: &str = "out/log/interactions.parquet";
const HELD_OUT: &str = "out/held-out.parquet";

/// User, item, time and feedback of every row.
type Row = (String, String, i64, u32);

fn rows(log: &Interactions) -> Vec<Row> {
    (0..log.len())
        .map(|row| {
            let user = log.users.id(log.user[row]).to_string();
            let item = log.items.id(log.item[row]).to_string();
            (user, item, log.timestamp[row], log.feedback[row] as u32)
        })
        .collect()
}

/// Splits the log of the folder and returns the rows of both parts, which are together those of the whole.
fn split(folder: &Path, flags: &str) -> (Vec<Row>, Vec<Row>) {
    expect(
        folder,
        &format!("split --log log --out out --overwrite {flags}"),
        0,
    );
    let read = |file: &str| rows(&interactions::read_log(&folder.join(file), None).unwrap());
    let (log, held_out) = (read(LOG_PART), read(HELD_OUT));
    let whole = read("log/interactions.parquet");
    let in_order = |part: &[Row]| {
        let mut rest = whole.iter();
        part.iter().all(|row| rest.any(|other| other == row))
    };
    assert!(in_order(&log) && in_order(&held_out), "rows keep their order");
    let mut together = [log.clone(), held_out.clone()].concat();
    let mut whole = whole.clone();
    together.sort_unstable();
    whole.sort_unstable();
    assert_eq!(together, whole);
    (log, held_out)
}

fn of_users(rows: &[Row]) -> BTreeMap<&str, Vec<i64>> {
    let mut of_users: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (user, _, time, _) in rows {
        of_users.entry(user).or_default().push(*time);
    }
    of_users
}

#[test]
fn each_users_last_are_held_out_and_never_all() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    for count in [1, 5, 11, 12, 99] {
        let (log, held_out) = split(folder.path(), &format!("--last {count}"));
        let (log, held_out) = (of_users(&log), of_users(&held_out));
        assert_eq!((log.len(), held_out.len()), (24, 24));
        for (user, times) in held_out {
            assert_eq!(times.len(), count.min(11));
            assert!(log[user].iter().max() < times.iter().min());
        }
    }
}

#[test]
fn a_fraction_or_a_time_cuts_all_users_at_once() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let (log, held_out) = split(folder.path(), "--fraction 0.25");
    assert_eq!((log.len(), held_out.len()), (216, 72));
    let time = |row: &Row| row.2;
    assert!(log.iter().map(time).max() < held_out.iter().map(time).min());
    // Users' times begin at 1000 times their number.
    let (log, held_out) = split(folder.path(), "--before 20003");
    assert_eq!(log.len(), 20 * 12 + 3);
    assert!(log.iter().map(time).max() < held_out.iter().map(time).min());
}

#[test]
fn withheld_items_are_in_no_row_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let distinct = |rows: &[Row]| -> BTreeSet<String> { rows.iter().map(|row| row.1.clone()).collect() };
    let (log, held_out) = split(folder.path(), "--withhold-items 0.1");
    assert_eq!((distinct(&log).len(), distinct(&held_out).len()), (27, 3));
    let (_, other) = split(folder.path(), "--withhold-items 0.1 --seed 1");
    assert_ne!(distinct(&other), distinct(&held_out));
    let (both, _) = split(folder.path(), "--withhold-items 0.1 --last 2");
    assert_eq!(
        distinct(&both).intersection(&distinct(&held_out)).count(),
        0,
        "the same items"
    );
    let (before, after) = (of_users(&log), of_users(&both));
    assert!(
        before
            .iter()
            .all(|(user, times)| after[user].len() + 2 == times.len())
    );
    let catalogue = items::read(&folder.path().join("out/log/items.parquet")).unwrap();
    assert_eq!(catalogue.ids.len(), 30, "withheld items stay in the catalogue");
    assert_eq!(catalogue.title[4], "title 4");
}

#[test]
fn the_log_part_trains_and_a_second_run_is_already_done() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let arguments = "split --log log --out out --last 2";
    expect(folder.path(), arguments, 0);
    let manifest = table::read_manifest(&folder.path().join(HELD_OUT))
        .unwrap()
        .unwrap();
    assert_eq!(manifest.config["in_time"]["last"], 2);
    let before = support::files(&folder.path().join("out"));
    let stderr = expect(folder.path(), arguments, 0);
    assert!(stderr.contains("already done"), "{stderr}");
    std::fs::remove_file(folder.path().join(LOG_PART)).unwrap();
    expect(folder.path(), arguments, 0);
    assert!(
        support::files(&folder.path().join("out")) == before,
        "the same bytes"
    );
    expect(folder.path(), "split --log log --out out --last 3", 2);
    expect(
        folder.path(),
        "train --method bc --traits none --log out/log --steps 2 --batch 4 --seeds 1 --out policies",
        0,
    );
}

#[test]
fn integers_stay_integers_and_propensities_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = support::log(IdKind::Integer);
    log.propensity[0] = Some(0.25);
    interactions::write(
        &folder.path().join("log.parquet"),
        &Manifest::new(LOG, "test"),
        &log,
    )
    .unwrap();
    expect(folder.path(), "split --log log.parquet --out out --last 1", 0);
    let part = interactions::read_log(&folder.path().join(LOG_PART), None).unwrap();
    assert_eq!(
        (part.users.kind(), part.items.kind()),
        (IdKind::Integer, IdKind::Integer)
    );
    assert_eq!(part.propensity[..2], [Some(0.25), None]);
    assert_eq!(part.kind, log.kind);
    assert!(!folder.path().join("out/log/items.parquet").exists());
}

#[test]
fn wrong_use_is_told_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    for (flags, word) in [
        ("", "--withhold-items"),
        ("--last 1 --fraction 0.1", "--fraction"),
        ("--last 0", "--last"),
        ("--fraction 1", "between 0 and 1"),
        ("--withhold-items NaN", "between 0 and 1"),
        ("--withhold-items 0.99", "30 items"),
        ("--before yesterday", "2026-01-31"),
        ("--before 0", "to learn from"),
        ("--before 2026-01-31", "held out"),
    ] {
        let stderr = expect(folder.path(), &format!("split --log log --out out {flags}"), 2);
        assert!(stderr.contains(word), "`{word}` is not in\n{stderr}");
        assert!(!folder.path().join(LOG_PART).exists() && !folder.path().join(HELD_OUT).exists());
    }
}
