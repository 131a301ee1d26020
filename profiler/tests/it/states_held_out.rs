//! `profiler states --hold-out`: a state is what it would be had the user's log ended before the last likes; and
//! `--users`: who has no interaction has an empty state.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{column, profiler, table, write};
use arrow::array::{Float64Array, Int64Array};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::rng::{self, RngExt};
use common::schema::states::{self, Cut, States};
use common::schema::users::{self, USERS, Users};

/// User, item, time and rating.
type Row = (i64, i64, i64, f64);

fn write_log(path: &Path, rows: &[Row]) {
    let integers = |get: fn(&Row) -> i64| column(rows.iter().map(get).collect::<Int64Array>());
    let log = table([
        ("user_id", integers(|row| row.0)),
        ("item_id", integers(|row| row.1)),
        ("timestamp", integers(|row| row.2)),
        (
            "feedback",
            column(rows.iter().map(|row| row.3).collect::<Float64Array>()),
        ),
    ]);
    write(path, &log);
}

fn write_users(path: &Path, ids: &[&str]) {
    let users = Users {
        ids: Dictionary::from_values(IdKind::Text, ids.iter().map(|id| id.to_string())).unwrap(),
        attributes: vec![BTreeMap::new(); ids.len()],
    };
    users::write(path, &Manifest::new(USERS, "test"), &users).unwrap();
}

fn states(folder: &Path, more: &str) -> States {
    let run = format!("states --log log.parquet --out states.parquet --like-threshold 4 --overwrite {more}");
    profiler(folder, &run).done();
    states::read(&folder.join("states.parquet")).unwrap()
}

/// What a state holds, by user.
fn by_user(states: &States) -> BTreeMap<String, (Vec<String>, Vec<f32>, u32, String)> {
    let of = |(row, id): (usize, &str)| {
        let state = (
            states.items[row].clone(),
            states.feedback[row].clone(),
            states.interactions[row],
            states.state_hash[row].clone(),
        );
        (id.to_string(), state)
    };
    states.users.ids().enumerate().map(of).collect()
}

#[test]
fn a_state_ends_before_the_last_likes() {
    let folder = tempfile::tempdir().unwrap();
    // User 1 likes a, c and, at one time but a row later, d; user 2 likes once; user 3 never.
    let rows = [
        (1, 14, 40, 5.0),
        (1, 10, 10, 5.0),
        (1, 11, 20, 1.0),
        (1, 12, 30, 4.0),
        (1, 13, 30, 4.0),
        (2, 20, 10, 2.0),
        (2, 21, 20, 5.0),
        (2, 22, 30, 1.0),
        (3, 30, 10, 1.0),
    ];
    write_log(&folder.path().join("log.parquet"), &rows);
    let found = states(folder.path(), "--hold-out 2");
    assert_eq!(found.items, [vec!["10", "11", "12"], vec!["20"], vec!["30"]]);
    assert_eq!(found.interactions, [3, 1, 1]);
    let found = states(folder.path(), "--hold-out 2 --window 1");
    assert_eq!(found.items, [["12"], ["20"], ["30"]]);
    assert_eq!(
        found.interactions,
        [3, 1, 1],
        "the count does not depend on the window"
    );
    let found = states(folder.path(), "--hold-out 4");
    assert_eq!(found.items, [vec![], vec!["20"], vec!["30"]]);
    let cut = states::cut(&folder.path().join("states.parquet")).unwrap();
    let expected = Cut {
        window: 10,
        like_threshold: 4.0,
        hold_out: 4,
    };
    assert_eq!(cut, Some(expected));
}

#[test]
fn a_held_out_log_and_one_cut_by_hand_give_the_same_states() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = rng::stream(3, "test", &[]);
    let rows: Vec<Row> = (0..600)
        .map(|_| {
            let (user, item) = (rng.random_range(0..40), rng.random_range(0..50));
            (
                user,
                item,
                rng.random_range(0..30),
                f64::from(rng.random_range(1..=5)),
            )
        })
        .collect();
    write_users(
        &folder.path().join("users.parquet"),
        &(0..40)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    for hold_out in [1, 3, 9] {
        write_log(&folder.path().join("log.parquet"), &rows);
        let held_out = states(
            folder.path(),
            &format!("--hold-out {hold_out} --window 4 --users users.parquet"),
        );
        let mut kept: Vec<usize> = Vec::new();
        for user in 0..40 {
            let mut own: Vec<usize> = (0..rows.len()).filter(|&row| rows[row].0 == user).collect();
            own.sort_by_key(|&row| rows[row].2);
            for _ in 0..hold_out {
                if let Some(last) = own.iter().rposition(|&row| rows[row].3 >= 4.0) {
                    own.truncate(last);
                }
            }
            kept.extend(own);
        }
        kept.sort_unstable();
        let kept: Vec<Row> = kept.into_iter().map(|row| rows[row]).collect();
        assert!(kept.len() < rows.len() - 20);
        write_log(&folder.path().join("log.parquet"), &kept);
        let by_hand = states(folder.path(), "--window 4 --users users.parquet");
        assert_eq!(by_user(&held_out), by_user(&by_hand), "hold out {hold_out}");
    }
}

#[test]
fn users_without_an_interaction_have_an_empty_state() {
    let folder = tempfile::tempdir().unwrap();
    write_log(&folder.path().join("log.parquet"), &[(7, 1, 1, 5.0)]);
    write_users(&folder.path().join("users.parquet"), &["8", "7", "9"]);
    let found = states(folder.path(), "--users users.parquet");
    assert!(found.users.ids().eq(["7", "8", "9"]));
    assert_eq!(found.users.kind(), IdKind::Integer);
    assert_eq!(found.items, [vec!["1"], vec![], vec![]]);
    assert_eq!(found.interactions, [1, 0, 0]);
    assert_eq!(found.state_hash[1], states::state_hash::<&str>(&[], &[]));

    write_users(&folder.path().join("users.parquet"), &["8", "nine"]);
    let run = "states --log log.parquet --out other.parquet --like-threshold 4 --users users.parquet";
    profiler(folder.path(), run).refused(
        2,
        &["`nine` is not an integer", "users.parquet", "row 1", "hint:"],
    );
    profiler(folder.path(), &run.replace("users.parquet", "none.parquet")).refused(2, &["none.parquet"]);
}
