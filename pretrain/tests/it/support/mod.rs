//! A small hand-made log with states and profiles, and the binary.

pub(crate) mod proof;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::fingerprint::Fingerprint;
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::interactions::{self, Feedback, Interactions, Kind, LOG};
use common::schema::items::{self, ITEMS, Items};
use common::schema::preferences::Preferences;
use common::schema::profiles::{self, PROFILES, Profiles};
use common::schema::states::{self, STATES, States, state_hash};
use common::schema::users::{self, Users};

const USERS: u32 = 24;
const CATALOGUE: u32 = 30;

/// 24 users with 12 ratings each of 30 items; a user likes the half of the catalogue that has its own parity.
/// Ids are integers where `kind` says so.
pub(crate) fn log(kind: IdKind) -> Interactions {
    let ids = |count: u32| Dictionary::from_values(kind, (0..count).map(|i| i.to_string())).unwrap();
    let rows: Vec<(u32, u32)> = (0..USERS)
        .flat_map(|user| (0..12).map(move |turn| (user, turn)))
        .collect();
    let item = |&(user, turn): &(u32, u32)| (user * 5 + turn * 7) % CATALOGUE;
    let likes = |pair: &(u32, u32)| (item(pair) < CATALOGUE / 2) == pair.0.is_multiple_of(2);
    Interactions {
        users: ids(USERS),
        items: ids(CATALOGUE),
        user: rows.iter().map(|(user, _)| *user).collect(),
        item: rows.iter().map(item).collect(),
        timestamp: rows
            .iter()
            .map(|(user, turn)| i64::from(user * 1000 + turn))
            .collect(),
        feedback: rows
            .iter()
            .map(|pair| if likes(pair) { 5.0 } else { 2.0 })
            .collect(),
        propensity: vec![None; rows.len()],
        kind: Feedback {
            kind: Kind::Rating,
            like_threshold: 4.0,
        },
    }
}

/// Writes `log/interactions.parquet` and `log/items.parquet`, `states.parquet` and `profiles.parquet`, which belong
/// together.
pub(crate) fn write(folder: &Path) {
    write_log(folder, &log(IdKind::Text));
}

/// The same for a log of one's own.
pub(crate) fn write_log(folder: &Path, log: &Interactions) {
    let (log_path, items_path) = (
        folder.join("log/interactions.parquet"),
        folder.join("log/items.parquet"),
    );
    interactions::write(&log_path, &Manifest::new(LOG, "test"), log).unwrap();
    let catalogue = Items {
        ids: log.items.clone(),
        title: (0..CATALOGUE).map(|i| format!("title {i}")).collect(),
        text: vec![None; CATALOGUE as usize],
        categories: vec![Vec::new(); CATALOGUE as usize],
    };
    items::write(&items_path, &Manifest::new(ITEMS, "test"), &catalogue).unwrap();
    let states_path = folder.join("states.parquet");
    let states = states_of(log);
    let manifest = Manifest::new(STATES, "test")
        .input_file("log", &log_path)
        .unwrap();
    states::write(&states_path, &manifest, &states).unwrap();
    let manifest = Manifest::new(PROFILES, "test");
    let manifest = manifest
        .input_file("items", &items_path)
        .unwrap()
        .input_file("states", &states_path)
        .unwrap();
    profiles::write(
        &folder.join("profiles.parquet"),
        &manifest,
        &profiles_of(log, &states),
    )
    .unwrap();
}

/// The same with a log of the same users and items without a row, and `log/users.parquet`.
pub(crate) fn write_without_rows(folder: &Path) {
    let log = log(IdKind::Text);
    write_log(folder, &log);
    write_users(folder);
    let none = Interactions {
        user: Vec::new(),
        item: Vec::new(),
        timestamp: Vec::new(),
        feedback: Vec::new(),
        propensity: Vec::new(),
        ..log
    };
    let path = folder.join("log/interactions.parquet");
    interactions::write(&path, &Manifest::new(LOG, "test"), &none).unwrap();
}

/// Writes `log/users.parquet`, of whom nothing is told.
pub(crate) fn write_users(folder: &Path) {
    let people = Users {
        ids: log(IdKind::Text).users,
        attributes: vec![BTreeMap::new(); USERS as usize],
    };
    let path = folder.join("log/users.parquet");
    users::write(&path, &Manifest::new(users::USERS, "test"), &people).unwrap();
}

pub(crate) fn states_of(log: &Interactions) -> States {
    let mut states = States {
        users: log.users.clone(),
        ..States::default()
    };
    for rows in log.rows_by_user() {
        let last = &rows[rows.len().saturating_sub(10)..];
        let items: Vec<String> = last
            .iter()
            .map(|&row| log.items.id(log.item[row]).to_string())
            .collect();
        let liked: Vec<bool> = last.iter().map(|&row| log.is_like(row)).collect();
        states.state_hash.push(state_hash(&items, &liked));
        states
            .feedback
            .push(last.iter().map(|&row| log.feedback[row]).collect());
        states.interactions.push(rows.len() as u32);
        states.items.push(items);
        states.liked.push(liked);
    }
    states
}

pub(crate) fn profiles_of(log: &Interactions, states: &States) -> Profiles {
    let mut profiles = Profiles {
        vocabulary: vec!["dark".into(), "light".into()],
        ..Profiles::default()
    };
    let mut push = |kind, id: &str, hash: Option<String>, dark: bool| {
        let noise = (Fingerprint::of_bytes(id.as_bytes()).to_u64() % 100) as f32 / 200.0;
        profiles.kind.push(kind);
        profiles.id.push(id.to_string());
        profiles.state_hash.push(hash);
        profiles.traits.extend([
            f32::from(u8::from(dark)) + noise,
            f32::from(u8::from(!dark)) - noise,
        ]);
        profiles.summary.push(None);
        profiles.confidence.push(0.5);
    };
    for (item, id) in log.items.ids().enumerate() {
        push(profiles::Kind::Item, id, None, item < CATALOGUE as usize / 2);
    }
    for (user, id) in log.users.ids().enumerate() {
        push(
            profiles::Kind::User,
            id,
            Some(states.state_hash[user].clone()),
            user % 2 == 0,
        );
    }
    profiles
}

/// Choices of the half of the catalogue that each user's profile likes, made in `states`.
pub(crate) fn preferences_of(states: &States) -> Preferences {
    let mut preferences = Preferences::default();
    for (user, id) in states.users.ids().enumerate() {
        let own = u32::from(user % 2 == 1);
        preferences.state_hash.push(states.state_hash[user].clone());
        preferences.user_id.push(id.to_string());
        let candidates = (10..20).map(|item: u32| item.to_string());
        preferences.candidates.push(candidates.collect());
        preferences.scores.push(
            (0..10)
                .map(|at| if at / 5 == own { -1.0 } else { -2.0 })
                .collect(),
        );
        preferences.chosen.push(5 * own);
        preferences.margin.push(0.0);
    }
    preferences
}

/// Runs `pretrain` with `arguments`, split at spaces, in `folder`.
pub(crate) fn pretrain(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pretrain"));
    command
        .current_dir(folder)
        .args(arguments.split_whitespace())
        .output()
        .unwrap()
}

/// Runs it and fails with its stderr where the exit code is not `code`; returns stderr.
pub(crate) fn expect(folder: &Path, arguments: &str, code: i32) -> String {
    let (stdout, stderr) = answer(folder, arguments, code);
    assert!(stdout.is_empty(), "stdout is for data alone");
    stderr
}

/// Runs it and fails with its stderr where the exit code is not `code`; returns stdout and stderr.
pub(crate) fn answer(folder: &Path, arguments: &str, code: i32) -> (String, String) {
    let output = pretrain(folder, arguments);
    let (stdout, stderr) = (output.stdout, output.stderr);
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "pretrain {arguments}\n{stderr}");
    (String::from_utf8(stdout).unwrap(), stderr)
}

/// Fails where one of `words` is not in `text`.
pub(crate) fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in\n{text}");
    }
}

/// Name and bytes of every file below `folder`.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().to_path_buf();
                found.push((name, std::fs::read(entry.path()).unwrap()));
            }
        }
    }
    found.sort();
    found
}
