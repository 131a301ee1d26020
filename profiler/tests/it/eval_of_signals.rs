//! `profiler eval`: what a planted signal, noise and controls are worth, and which inputs are refused.

use std::path::Path;

use crate::support::{Outcome, profiler};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::rng::{normal, stream};
use common::schema::interactions::{self, Feedback, Interactions};
use common::schema::preferences::{self, PREFERENCES, Preferences};
use common::schema::profiles::{self, Kind, PROFILES, Profiles};
use common::schema::states::{self, States};
use common::schema::{candidates, items, metrics, table};
use tempfile::TempDir;

const GROUPS: usize = 3;
const ITEMS: usize = 40;
const USERS: usize = 90;

fn ids(count: usize) -> Dictionary {
    Dictionary::from_values(IdKind::Integer, (0..count).map(|n| n.to_string())).unwrap()
}

/// What a user meets: all items of one group, another one first. The first two are not liked.
fn met(user: usize) -> Vec<usize> {
    (0..ITEMS)
        .map(|at| user % GROUPS * ITEMS + (user + at) % ITEMS)
        .collect()
}

fn liked(at: usize) -> bool {
    at >= 2
}

/// The log, the catalogue and the states without each user's last two likes.
fn world() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let rows = || (0..USERS).flat_map(|user| (0..ITEMS).map(move |at| (user, at)));
    let log = Interactions {
        users: ids(USERS),
        items: ids(GROUPS * ITEMS),
        user: rows().map(|(user, _)| user as u32).collect(),
        item: rows().map(|(user, at)| met(user)[at] as u32).collect(),
        timestamp: rows().map(|(_, at)| at as i64).collect(),
        feedback: rows().map(|(_, at)| if liked(at) { 5.0 } else { 1.0 }).collect(),
        propensity: vec![None; USERS * ITEMS],
        kind: Feedback {
            kind: interactions::Kind::Rating,
            like_threshold: 4.0,
        },
    };
    interactions::write(
        &path("log.parquet"),
        &Manifest::new(interactions::LOG, "test"),
        &log,
    )
    .unwrap();
    let catalogue = items::Items {
        ids: ids(GROUPS * ITEMS),
        title: (0..GROUPS * ITEMS).map(|item| format!("Thing {item}")).collect(),
        text: vec![None; GROUPS * ITEMS],
        categories: (0..GROUPS * ITEMS)
            .map(|item| vec![format!("group {}", item / ITEMS)])
            .collect(),
    };
    items::write(
        &path("items.parquet"),
        &Manifest::new(items::ITEMS, "test"),
        &catalogue,
    )
    .unwrap();
    let states = format!("states --log log.parquet --window {ITEMS}");
    profiler(
        folder.path(),
        &format!("{states} --hold-out 2 --out states.parquet"),
    )
    .done();
    profiler(folder.path(), &format!("{states} --out all.parquet")).done();
    folder
}

/// The states without the held-out likes.
fn states_of(folder: &TempDir) -> States {
    states::read(&folder.path().join("states.parquet")).unwrap()
}

/// Profiles of these states with `traits` of a group: items first, then users.
fn write_profiles(folder: &TempDir, name: &str, states: &str, mut traits: impl FnMut(usize) -> [f32; 4]) {
    let of_states = table::fingerprint(&folder.path().join(states)).unwrap();
    let manifest = Manifest::new(PROFILES, "test").input("states", of_states);
    let users = states_of(folder);
    let mut profiles = Profiles {
        vocabulary: ["a", "b", "c", "d"].map(String::from).to_vec(),
        ..Profiles::default()
    };
    for item in 0..GROUPS * ITEMS {
        profiles.kind.push(Kind::Item);
        profiles.id.push(item.to_string());
        profiles.state_hash.push(None);
        profiles.traits.extend(traits(item / ITEMS));
    }
    for user in 0..USERS {
        profiles.kind.push(Kind::User);
        profiles.id.push(user.to_string());
        profiles.state_hash.push(Some(users.state_hash[user].clone()));
        profiles.traits.extend(traits(user % GROUPS));
    }
    profiles.summary = vec![None; profiles.len()];
    profiles.confidence = vec![0.5; profiles.len()];
    profiles::write(&folder.path().join(name), &manifest, &profiles).unwrap();
}

/// Traits that tell the group, under noise and on top of what all share.
fn write_planted(folder: &TempDir, name: &str, states: &str) {
    let mut rng = stream(1, "test", &[0]);
    write_profiles(folder, name, states, |group| {
        let told = |at: usize| if at == group { 2.0 } else { 0.0 };
        [0, 1, 2, 3].map(|at| 10.0 + told(at) + 0.2 * normal(&mut rng))
    });
}

fn write_noise(folder: &TempDir, name: &str) {
    let mut rng = stream(2, "test", &[0]);
    write_profiles(folder, name, "states.parquet", |_| {
        [(); 4].map(|()| normal(&mut rng))
    });
}

fn eval(folder: &Path, more: &str) -> Outcome {
    profiler(
        folder,
        &format!("eval --log log.parquet --items items.parquet --states states.parquet {more}"),
    )
}

/// The numbers of one signal: AUC, standard error, and the ends of the interval.
fn measured(folder: &Path, signal: &str, metric: &str) -> f64 {
    let rows = metrics::read(&folder.join("metrics.parquet")).unwrap();
    let found = rows
        .iter()
        .find(|row| row.method == signal && row.metric == metric);
    found.unwrap_or_else(|| panic!("no {metric} of {signal}")).value
}

#[test]
fn a_planted_signal_is_found_and_noise_is_not() {
    let folder = world();
    write_planted(&folder, "planted.parquet", "states.parquet");
    write_noise(&folder, "noise.parquet");
    let run = "--profiles told=planted.parquet --profiles noise.parquet --out metrics.parquet";
    let shown = eval(folder.path(), run).done();
    let of = |signal: &str, metric: &str| measured(folder.path(), signal, metric);
    // The user has met all of the group but the held-out likes.
    assert_eq!(of("categories in common", "auc"), 1.0);
    assert_eq!(of("title words in common", "auc"), 0.5);
    assert_eq!(of("popularity", "auc_users"), USERS as f64);
    assert!(of("told: mean liked", "auc") > 0.99, "{}", shown.stdout);
    assert!(of("told: user", "auc") > 0.99, "{}", shown.stdout);
    assert!(of("told: user", "auc_over_popularity_low") > 0.0);
    for signal in ["noise: mean liked", "noise: user", "told: mean liked, shuffled"] {
        let (low, high) = (of(signal, "auc_low"), of(signal, "auc_high"));
        assert!(
            low < 0.53 && high > 0.47 && low > 0.3 && high < 0.7,
            "{signal}: {low} {high}"
        );
        assert!(of(signal, "auc_over_categories_high") < 0.0);
    }
    for line in shown.stdout.lines() {
        assert!(line.chars().count() <= 105, "{line}");
    }
    // Raw traits share so much that it drowns the rest; their cosine still ranks here, but by little.
    let raw = eval(
        folder.path(),
        "--profiles told=planted.parquet --transform raw --format json",
    )
    .done();
    assert!(raw.stdout.contains("\"transform\":\"raw\""), "{}", raw.stdout);
}

#[test]
fn the_same_run_gives_the_same_bytes_and_another_is_refused() {
    let folder = world();
    write_noise(&folder, "noise.parquet");
    let run = "--profiles noise.parquet --users 20 --unseen 5 --out";
    let first = eval(folder.path(), &format!("{run} one.parquet")).done();
    let second = eval(folder.path(), &format!("{run} two.parquet --workers 1")).done();
    assert_eq!(first.stdout, second.stdout);
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("one.parquet"), bytes("two.parquet"));
    let again = eval(folder.path(), &format!("{run} one.parquet")).done();
    assert_eq!(again.stdout, first.stdout);
    assert!(again.stderr.contains("already done"), "{}", again.stderr);
    eval(folder.path(), &format!("{run} one.parquet --seed 1")).refused(2, &["one.parquet", "--overwrite"]);
    eval(folder.path(), &format!("{run} one.parquet --seed 1 --overwrite")).done();
    assert_ne!(bytes("one.parquet"), bytes("two.parquet"));
}

#[test]
fn preferences_are_measured_on_the_lists_they_were_asked_about() {
    let folder = world();
    let states = states_of(&folder);
    let all: Vec<String> = (0..GROUPS * ITEMS).map(|item| item.to_string()).collect();
    // Scores that know the group, of every third user.
    let mut asked = Preferences::default();
    for user in (0..USERS).step_by(3) {
        let group = |item: usize| if item / ITEMS == user % GROUPS { -1.0 } else { -2.0 };
        asked.state_hash.push(states.state_hash[user].clone());
        asked.user_id.push(user.to_string());
        asked.candidates.push(all.clone());
        asked.scores.push((0..GROUPS * ITEMS).map(group).collect());
        asked.chosen.push(0);
        asked.margin.push(0.0);
    }
    let of_states = table::fingerprint(&folder.path().join("states.parquet")).unwrap();
    let manifest = Manifest::new(PREFERENCES, "test").input("states", of_states);
    preferences::write(&folder.path().join("asked.parquet"), &manifest, &asked).unwrap();
    let shown = eval(folder.path(), "--preferences asked.parquet --out metrics.parquet").done();
    let of = |metric: &str| measured(folder.path(), "asked: preferences", metric);
    assert_eq!((of("auc"), of("auc_users")), (1.0, USERS as f64 / 3.0));
    assert!(
        shown.stderr.contains("60 of 90 candidate lists"),
        "{}",
        shown.stderr
    );
    assert!(shown.stdout.contains("(30 users)"), "{}", shown.stdout);
}

#[test]
fn lists_are_written_as_eval_draws_them() {
    let folder = world();
    let of = |states: &str, more: &str| {
        let inputs = format!("--log log.parquet --items items.parquet --states {states}.parquet");
        profiler(folder.path(), &format!("candidates {inputs} {more}"))
    };
    let read = |name: &str| candidates::read(&folder.path().join(name)).unwrap();
    of("states", "--users 30 --out lists.parquet").done();
    let lists = read("lists.parquet");
    // Scores of these lists only: eval asks about the very same pairs.
    let states = states_of(&folder);
    let row = |user: &String| states.users.code(user).unwrap() as usize;
    let asked = Preferences {
        state_hash: lists
            .user_id
            .iter()
            .map(|user| states.state_hash[row(user)].clone())
            .collect(),
        scores: lists.items.iter().map(|items| vec![0.0; items.len()]).collect(),
        chosen: vec![0; 30],
        margin: vec![0.0; 30],
        user_id: lists.user_id,
        candidates: lists.items,
    };
    preferences::write(
        &folder.path().join("asked.parquet"),
        &Manifest::new(PREFERENCES, "test"),
        &asked,
    )
    .unwrap();
    let run = "--preferences asked.parquet --out metrics.parquet";
    let shown = eval(folder.path(), &format!("{run} --users 30")).done();
    assert!(!shown.stderr.contains("not asked about"), "{}", shown.stderr);
    let of_all = |metric: &str| measured(folder.path(), "asked: preferences", metric);
    assert_eq!((of_all("auc"), of_all("auc_users")), (0.5, 30.0));
    // Another seed draws others.
    eval(folder.path(), "--preferences asked.parquet --seed 1").refused(2, &["none of the candidate lists"]);

    of("all", "--kind unseen --unseen 7 --users 0 --out unseen.parquet").done();
    let unseen = read("unseen.parquet");
    assert_eq!(unseen.user_id.len(), USERS);
    for (user, items) in unseen.items.iter().enumerate() {
        let group = |item: &String| item.parse::<usize>().unwrap() / ITEMS;
        assert_eq!(items.len(), 7);
        assert!(items.iter().all(|item| group(item) != user % GROUPS), "{items:?}");
    }
    of("all", "--out none.parquet").refused(2, &["hold no like out", "--hold-out"]);
    let again = of("states", "--users 30 --out lists.parquet").done();
    assert!(again.stderr.contains("already done"), "{}", again.stderr);
    of("states", "--users 31 --out lists.parquet").refused(2, &["lists.parquet", "--overwrite"]);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let folder = world();
    write_planted(&folder, "planted.parquet", "states.parquet");
    write_planted(&folder, "leaking.parquet", "all.parquet");
    let profiles = "--profiles planted.parquet";
    profiler(
        folder.path(),
        &format!("eval --log log.parquet --items items.parquet --states all.parquet {profiles}"),
    )
    .refused(2, &["planted.parquet and all.parquet", "another states"]);
    profiler(
        folder.path(),
        "eval --log log.parquet --items items.parquet --states all.parquet",
    )
    .refused(2, &["hold no like out", "--hold-out"]);
    eval(folder.path(), "--profiles leaking.parquet").refused(
        2,
        &["leaking.parquet and states.parquet", "do not belong together"],
    );
    eval(
        folder.path(),
        "--profiles planted.parquet --profiles planted.parquet",
    )
    .refused(2, &["have the name `planted`", "NAME="]);
    eval(folder.path(), "--profiles items.parquet").refused(2, &["items.parquet", "expected profiles"]);
    eval(folder.path(), "--profiles none.parquet").refused(2, &["none.parquet"]);

    std::fs::copy(
        folder.path().join("log.parquet"),
        folder.path().join("log2.parquet"),
    )
    .unwrap();
    profiler(
        folder.path(),
        "eval --log log*.parquet --items items.parquet --states states.parquet",
    )
    .refused(2, &["states.parquet and log*.parquet do not belong together"]);

    // Without a manifest, the states of the users still tell.
    let mut other = profiles::read(&folder.path().join("planted.parquet")).unwrap();
    other
        .state_hash
        .iter_mut()
        .flatten()
        .for_each(|hash| hash.push('x'));
    profiles::write(
        &folder.path().join("other.parquet"),
        &Manifest::new(PROFILES, "test"),
        &other,
    )
    .unwrap();
    eval(folder.path(), "--profiles other.parquet").refused(2, &["was read from another state"]);
}
