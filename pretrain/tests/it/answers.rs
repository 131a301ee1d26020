//! `--events`: what came back to recommendations, beside the log.

use crate::support;
use std::path::Path;

use crate::support::{expect, says};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::events::{self, EVENTS, Events};
use common::schema::interactions::{Feedback, Interactions};

const USERS: usize = 24;
const ITEMS: usize = 30;
const RIDGE: f64 = 20.0;

/// (user, item, liked); user 0 has a pair that was answered three times, and `new` is not a user of the log.
const ANSWERS: [(&str, usize, bool); 9] = [
    ("0", 11, true),
    ("0", 11, true),
    ("0", 11, false),
    ("0", 27, false),
    ("1", 6, true),
    ("1", 1, false),
    ("new", 3, true),
    ("new", 9, false),
    ("new", 4, true),
];

fn write_events(path: &Path, answers: &[(&str, usize, bool)], items: IdKind) {
    let mut log = Interactions {
        users: Dictionary::new(IdKind::Text),
        items: Dictionary::new(items),
        user: Vec::new(),
        item: Vec::new(),
        timestamp: (0..answers.len() as i64).collect(),
        feedback: answers
            .iter()
            .map(|(.., liked)| f32::from(u8::from(*liked)))
            .collect(),
        propensity: vec![Some(0.5); answers.len()],
        kind: Feedback::CLICKS,
    };
    for (user, item, _) in answers {
        log.user.push(log.users.intern(user));
        log.item.push(log.items.intern(&item.to_string()));
    }
    let events = Events {
        episode: vec![0; answers.len()],
        step: vec![0; answers.len()],
        policy_version: vec![0; answers.len()],
        log,
        decisions: None,
    };
    events::write(path, &Manifest::new(EVENTS, "test"), &events).unwrap();
}

/// The likes of the log and what answers count, (l - rate n) / (n + 2), by user and item; the newcomer last.
fn counts() -> Vec<Vec<f64>> {
    let log = support::log(IdKind::Text);
    let mut y = vec![vec![0.0; ITEMS]; USERS + 1];
    for row in (0..log.len()).filter(|&row| log.is_like(row)) {
        y[log.user[row] as usize][log.item[row] as usize] = 1.0;
    }
    let rate = 5.0 / 9.0;
    for (user, item, shown, liked) in [
        (0, 11, 3.0, 2.0),
        (0, 27, 1.0, 0.0),
        (1, 6, 1.0, 1.0),
        (1, 1, 1.0, 0.0),
        (USERS, 3, 1.0, 1.0),
        (USERS, 9, 1.0, 0.0),
        (USERS, 4, 1.0, 1.0),
    ] {
        y[user][item] += (liked - rate * shown) / (shown + 2.0);
    }
    y
}

fn train(folder: &Path, method: &str, events: &str) -> Policy {
    let name = method.split(' ').next().unwrap();
    let arguments = format!("train --method {method} --log log --events {events} --seeds 1 --out {name}");
    expect(folder, &arguments, 0);
    Policy::load(&folder.join(name).join("seed-0")).unwrap()
}

/// The score of each user and item, by the vectors alone.
fn scores(policy: &Policy, user: usize) -> Vec<f64> {
    let (network, weights) = (&policy.config.network, &policy.weights);
    let (h, width) = (network.hidden, network.memory());
    let memory = &policy.users.memory[user * width..user * width + h - 1];
    let dot = |row: &[f32]| row.iter().zip(memory).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    weights.item_embedding.chunks(h).map(dot).collect()
}

fn code(policy: &Policy, user: &str) -> usize {
    policy.users.ids.code(user).unwrap() as usize
}

/// The matrix P_ij / P_jj of (Y'Y + ridge)^-1, by Gauss and Jordan.
fn inverse(y: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let gram = |i: usize, j: usize| y.iter().map(|row| row[i] * row[j]).sum::<f64>();
    let mut rows: Vec<Vec<f64>> = (0..ITEMS)
        .map(|i| {
            let left = (0..ITEMS).map(|j| gram(i, j) + if i == j { RIDGE } else { 0.0 });
            left.chain((0..ITEMS).map(|j| if i == j { 1.0 } else { 0.0 }))
                .collect()
        })
        .collect();
    for pivot in 0..ITEMS {
        let scale = rows[pivot][pivot];
        rows[pivot].iter_mut().for_each(|x| *x /= scale);
        let row = rows[pivot].clone();
        for other in (0..ITEMS).filter(|&other| other != pivot) {
            let factor = rows[other][pivot];
            rows[other]
                .iter_mut()
                .zip(&row)
                .for_each(|(x, p)| *x -= factor * p);
        }
    }
    rows.into_iter().map(|row| row[ITEMS..].to_vec()).collect()
}

#[test]
fn ease_is_the_regression_on_likes_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    write_events(&folder.path().join("events.parquet"), &ANSWERS, IdKind::Text);
    let y = counts();
    let p = inverse(&y);
    let policy = train(folder.path(), "ease --ridge 20", "events.parquet");
    assert_eq!(policy.users.ids.len(), USERS + 1);
    for (row, user) in (0..USERS)
        .map(|u| u.to_string())
        .chain(["new".to_string()])
        .enumerate()
    {
        let found = scores(&policy, code(&policy, &user));
        for j in 0..ITEMS {
            let own = (1.0 - RIDGE * p[j][j]) / (RIDGE * p[j][j]);
            let truth: f64 = (0..ITEMS)
                .map(|i| y[row][i] * if i == j { own } else { -p[i][j] / p[j][j] })
                .sum();
            assert!(
                (found[j] - truth).abs() < 1e-5,
                "{user} {j}: {} {truth}",
                found[j]
            );
        }
    }
}

#[test]
fn als_has_what_pairs_count_as_its_target() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    write_events(&folder.path().join("events.parquet"), &ANSWERS, IdKind::Text);
    let y = counts();
    let policy = train(
        folder.path(),
        "als --factors 3 --iterations 400 --ridge 0.5",
        "events.parquet",
    );
    let (width, dims) = (policy.config.network.memory(), policy.config.network.dims);
    let item = |item: usize| &policy.weights.item_embedding[item * dims..item * dims + 3];
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    for user in [0, USERS] {
        let at = if user == USERS {
            code(&policy, "new")
        } else {
            code(&policy, "0")
        };
        let factors = &policy.users.memory[at * width..at * width + 3];
        for k in 0..3 {
            let gradient: f64 = (0..ITEMS)
                .map(|i| (dot(factors, item(i)) - y[user][i]) * f64::from(item(i)[k]))
                .sum::<f64>()
                + 0.5 * f64::from(factors[k]);
            assert!(gradient.abs() < 1e-3, "user {user}, factor {k}: {gradient}");
        }
    }
}

#[test]
fn answered_items_stay_open_and_are_known_and_newcomers_are_users() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    // In two files, as a service leaves them, and all in one folder.
    std::fs::create_dir(folder.path().join("events")).unwrap();
    for (name, part) in [("1", &ANSWERS[..4]), ("2", &ANSWERS[4..])] {
        write_events(
            &folder.path().join(format!("events/{name}.parquet")),
            part,
            IdKind::Text,
        );
    }
    expect(
        folder.path(),
        "train --method popularity --log log --seeds 1 --out before",
        0,
    );
    let before = Policy::load(&folder.path().join("before/seed-0")).unwrap();
    assert!(before.users.answered.iter().all(Vec::is_empty) && before.users.ids.code("new").is_none());
    let y = counts();
    for method in ["popularity", "item-knn", "appeal --traits none"] {
        let policy = train(folder.path(), method, "events");
        let name = method.split(' ').next().unwrap();
        let parts = train(
            folder.path(),
            &format!("{method} --overwrite"),
            "events/1.parquet events/2.parquet",
        );
        assert_eq!(
            policy.users.memory, parts.users.memory,
            "{name}: a folder is its parts"
        );
        let items = |list: &[u32]| -> Vec<&str> { list.iter().map(|&i| policy.items.ids.id(i)).collect() };
        let mut answered = items(&policy.users.answered[code(&policy, "new")]);
        answered.sort_unstable();
        assert_eq!(answered, ["3", "4", "9"]);
        assert!(policy.users.consumed[code(&policy, "new")].is_empty());
        for user in ["0", "1", "7"] {
            let [now, then] = [&policy, &before].map(|p| p.users.consumed[code(p, user)].clone());
            assert_eq!(now, then, "what was answered may be offered again");
        }
        for (item, count) in policy.items.popularity.iter().enumerate() {
            let sum = y.iter().map(|row| row[item]).sum::<f64>().max(0.0);
            assert!((f64::from(*count) - sum).abs() < 1e-5, "{item}: {count} {sum}");
        }
        assert_ne!(policy.items.popularity, before.items.popularity);
    }
}

#[test]
fn a_log_without_rows_and_events_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    support::write_without_rows(folder.path());
    write_events(&folder.path().join("events.parquet"), &ANSWERS, IdKind::Text);
    std::fs::remove_file(folder.path().join("log/users.parquet")).unwrap();
    for method in ["popularity", "ease", "als", "item-knn", "appeal --traits none"] {
        let policy = train(folder.path(), method, "events.parquet");
        assert!(policy.users.ids.ids().eq(["0", "1", "new"]), "{method}");
    }
}

#[test]
fn newcomers_whose_ids_are_text_join_users_whose_ids_are_integers() {
    let folder = tempfile::tempdir().unwrap();
    support::write_log(folder.path(), &support::log(IdKind::Integer));
    write_events(&folder.path().join("events.parquet"), &ANSWERS, IdKind::Integer);
    let policy = train(folder.path(), "popularity", "events.parquet");
    assert_eq!(
        (policy.users.ids.kind(), policy.users.ids.len()),
        (IdKind::Text, USERS + 1)
    );
    assert_eq!(policy.users.answered[code(&policy, "0")].len(), 2);
}

#[test]
fn events_of_another_catalogue_and_methods_that_read_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    write_events(
        &folder.path().join("events.parquet"),
        &[("0", 1, true), ("0", 77, true)],
        IdKind::Text,
    );
    let arguments = "--log log --events events.parquet --seeds 1 --out x";
    let error = expect(folder.path(), &format!("train --method ease {arguments}"), 42);
    says(
        &error,
        &["the item `77` is not in the catalogue", "events.parquet", "row 1"],
    );
    let error = expect(
        folder.path(),
        &format!("train --method bc --traits none {arguments}"),
        2,
    );
    says(&error, &["reads no --events"]);
    // Another run's policy is not taken for this one's.
    write_events(
        &folder.path().join("events.parquet"),
        &[("0", 1, true)],
        IdKind::Text,
    );
    expect(
        folder.path(),
        "train --method ease --log log --seeds 1 --out x",
        0,
    );
    let error = expect(folder.path(), &format!("train --method ease {arguments}"), 2);
    says(&error, &["--overwrite"]);
}
