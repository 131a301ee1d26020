//! A log from which rows were cut: what users had in them is known beside it, and is never learnt from nor offered.

use crate::support;
use std::path::Path;

use crate::support::{expect, says};
use common::fingerprint::Fingerprint;
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::consumed::{self, CONSUMED, Consumed};
use common::schema::preferences::{self, PREFERENCES};
use common::schema::states::{self, STATES, States, state_hash};

const USAGE: i32 = 2;
const DATA: i32 = 42;
const BC: &str =
    "train --method bc --traits none --log log --seeds 1 --steps 3 --batch 4 --dims 4 --hidden 4";

fn ids(values: impl IntoIterator<Item = String>) -> Dictionary {
    Dictionary::from_values(IdKind::Text, values).unwrap()
}

/// Writes `log/consumed.parquet` with these pairs.
fn write_consumed(folder: &Path, pairs: &[(&str, &str)]) {
    let mut found = Consumed::default();
    for (user, item) in pairs {
        let (user, item) = (found.users.intern(user), found.items.intern(item));
        found.user.push(user);
        found.item.push(item);
    }
    let path = folder.join("log").join(consumed::FILE_NAME);
    consumed::write(&path, &Manifest::new(CONSUMED, "test"), &found).unwrap();
}

fn policy(folder: &Path, out: &str) -> Policy {
    Policy::load(&folder.join(out).join("seed-0")).unwrap()
}

/// The items that `policy` knows as consumed by `user`, ascending by code.
fn consumed_by<'a>(policy: &'a Policy, user: &str) -> Vec<&'a str> {
    let code = policy.users.ids.code(user).unwrap();
    let items = &policy.users.consumed[code as usize];
    assert!(items.is_sorted_by(|a, b| a < b), "{items:?}");
    items.iter().map(|&item| policy.items.ids.id(item)).collect()
}

#[test]
fn the_policy_knows_what_was_consumed_and_learns_nothing_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write(folder);
    expect(folder, &format!("{BC} --out without"), 0);
    let without = policy(folder, "without");
    assert!(!without.manifest.inputs.contains_key("consumed"));
    // User 0 has item 7 in the log, and neither 1 nor 2; the log has no row of user x.
    write_consumed(
        folder,
        &[
            ("x", "29"),
            ("0", "2"),
            ("0", "7"),
            ("x", "3"),
            ("0", "1"),
            ("x", "29"),
        ],
    );
    expect(folder, &format!("{BC} --out with"), 0);
    let with = policy(folder, "with");
    let mut merged = consumed_by(&without, "0");
    assert!(merged.contains(&"7") && !merged.contains(&"1") && !merged.contains(&"2"));
    merged.extend(["1", "2"]);
    merged.sort_by_key(|item| item.parse::<u32>().unwrap());
    assert_eq!(consumed_by(&with, "0"), merged);
    assert_eq!(consumed_by(&with, "x"), ["3", "29"]);
    assert_eq!(consumed_by(&with, "1"), consumed_by(&without, "1"));
    assert_eq!(with.users.ids.len(), 25);
    assert!(with.users.history[24].is_empty());
    assert_eq!(with.users.history[..24], without.users.history[..24]);
    assert_eq!(with.items.popularity, without.items.popularity);
    let file = folder.join("log").join(consumed::FILE_NAME);
    let recorded = &with.manifest.inputs["consumed"];
    assert_eq!(recorded, &Fingerprint::of_file(&file).unwrap());
}

#[test]
fn an_item_outside_the_catalogue_is_bad_data_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    write_consumed(folder.path(), &[("0", "2"), ("1", "no such item")]);
    let refused = expect(folder.path(), &format!("{BC} --out out"), DATA);
    let words = [
        "`no such item` is not in the catalogue",
        "consumed.parquet, column item_id, row group 0, row 1",
        "hint: ",
    ];
    says(&refused, &words);
}

#[test]
fn users_of_another_type_are_bad_data() {
    let folder = tempfile::tempdir().unwrap();
    support::write_log(folder.path(), &support::log(IdKind::Integer));
    write_consumed(folder.path(), &[("someone", "2")]);
    let refused = expect(folder.path(), &format!("{BC} --out out"), DATA);
    says(
        &refused,
        &[
            "`someone` is not an integer",
            "row 0",
            "consumed.parquet",
            "hint: ",
        ],
    );
}

#[test]
fn without_a_row_users_and_items_are_known_and_methods_say_what_they_miss() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write_without_rows(folder);
    write_consumed(folder, &[("3", "4"), ("5", "0"), ("3", "2")]);
    let nothing = expect(folder, &format!("{BC} --out bc"), DATA);
    says(&nothing, &["no liked interaction to learn from"]);
    const IALP: &str =
        "train --method ialp --traits none --log log --seeds 1 --steps 3 --batch 4 --horizon 4";
    let nothing = expect(folder, &format!("{IALP} --out ialp"), USAGE);
    says(&nothing, &["neither feedback nor a preference", "--preferences"]);

    let empty = States {
        users: ids((0..24).map(|user| user.to_string())),
        items: vec![Vec::new(); 24],
        feedback: vec![Vec::new(); 24],
        liked: vec![Vec::new(); 24],
        interactions: vec![0; 24],
        state_hash: vec![state_hash::<&str>(&[], &[]); 24],
    };
    states::write(
        &folder.join("states.parquet"),
        &Manifest::new(STATES, "test"),
        &empty,
    )
    .unwrap();
    let asked = support::preferences_of(&empty);
    let path = folder.join("preferences.parquet");
    preferences::write(&path, &Manifest::new(PREFERENCES, "test"), &asked).unwrap();
    let arguments = format!("{IALP} --states states.parquet --preferences preferences.parquet --out ialp");
    expect(folder, &arguments, 0);
    let policy = policy(folder, "ialp");
    assert_eq!(policy.users.ids.len(), 24);
    assert_eq!(consumed_by(&policy, "3"), ["2", "4"]);
    assert_eq!(consumed_by(&policy, "5"), ["0"]);
    assert!(consumed_by(&policy, "0").is_empty());
    assert!(policy.items.popularity.iter().all(|&likes| likes == 0.0));
    for role in ["consumed", "users", "log", "items"] {
        assert!(policy.manifest.inputs.contains_key(role), "{role}");
    }
    // Who has had all but three items has not enough left for an episode of four.
    let all: Vec<String> = (0..27).map(|item| item.to_string()).collect();
    let pairs: Vec<(String, &String)> = (0..24)
        .flat_map(|user| all.iter().map(move |item| (user.to_string(), item)))
        .collect();
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(user, item)| (user.as_str(), item.as_str()))
        .collect();
    write_consumed(folder, &pairs);
    let refused = expect(folder, &arguments.replace("--out ialp", "--out other"), DATA);
    says(&refused, &["there is no user, or no item, to train for"]);
}

#[test]
fn an_empty_log_needs_a_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write_without_rows(folder);
    std::fs::remove_file(folder.join("log/items.parquet")).unwrap();
    let refused = expect(folder, &format!("{BC} --out bc"), DATA);
    says(
        &refused,
        &[
            "the log is empty",
            "interactions.parquet",
            "hint: ",
            "items.parquet",
        ],
    );
}

#[test]
fn a_split_hands_it_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write(folder);
    write_consumed(folder, &[("x", "29"), ("0", "2")]);
    expect(folder, "split --log log --last 2 --out parts", 0);
    let read = consumed::read(&folder.join("parts/log").join(consumed::FILE_NAME)).unwrap();
    assert_eq!((read.len(), read.users.id(0), read.items.id(1)), (2, "x", "2"));
    expect(
        folder,
        &format!("{} --out out", BC.replace("--log log", "--log parts/log")),
        0,
    );
    assert_eq!(consumed_by(&policy(folder, "out"), "x"), ["29"]);
    // A split of a log that tells nothing leaves nothing behind.
    std::fs::remove_file(folder.join("log").join(consumed::FILE_NAME)).unwrap();
    expect(folder, "split --log log --last 2 --out parts", USAGE);
    expect(folder, "split --log log --last 2 --out parts --overwrite", 0);
    assert!(!folder.join("parts/log").join(consumed::FILE_NAME).exists());
}

#[test]
fn an_evaluation_offers_none_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    support::write(folder);
    expect(folder, "split --log log --last 2 --out parts", 0);
    expect(
        folder,
        &format!("{} --out out", BC.replace("--log log", "--log parts/log")),
        0,
    );
    std::fs::create_dir(folder.join("later")).unwrap();
    std::fs::rename(
        folder.join("parts/held-out.parquet"),
        folder.join("later/interactions.parquet"),
    )
    .unwrap();
    let evaluate = "evaluate --policy out/seed-0 --log later --format json";
    let (before, _) = support::answer(folder, evaluate, 0);
    // User 0's held-out items are consumed before: they are targets no more.
    let log = support::log(IdKind::Text);
    let held: Vec<(&str, &str)> = (10..12).map(|row| ("0", log.items.id(log.item[row]))).collect();
    let read = consumed::FILE_NAME;
    write_consumed(folder, &held);
    std::fs::rename(folder.join("log").join(read), folder.join("later").join(read)).unwrap();
    let (after, _) = support::answer(folder, evaluate, 0);
    assert_ne!(before, after);
}
