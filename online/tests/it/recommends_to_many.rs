//! `online recommend`: what a file of recommendations holds, against what the library decides one user at a time.

use std::path::Path;

use crate::support::{ITEMS, fails_with, feed, online, policy, saved};
use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::candidates::{self, CANDIDATES, Candidates};
use common::schema::consumed::{self, CONSUMED, Consumed};
use common::schema::recommendations::{self, Recommendations};
use common::schema::states::{self, STATES, States, state_hash};
use common::schema::users::{self, USERS, Users};
use online::adapt::{Buffers, Name};
use online::live::{Ask, Settings, State};

/// Runs `online recommend` in `folder` and reads what it wrote to `out`.
fn recommended(folder: &Path, out: &str, more: &str) -> Recommendations {
    let output = run(folder, out, more);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && output.stdout.is_empty(), "{stderr}");
    recommendations::read(&folder.join(out)).unwrap()
}

fn run(folder: &Path, out: &str, more: &str) -> std::process::Output {
    let mut arguments = vec!["recommend", "--policy", "policy", "--out", out];
    arguments.extend(more.split_whitespace());
    let mut command = online(&arguments);
    command.current_dir(folder);
    feed(command, b"")
}

/// Each user's items, in the order of the file.
fn lists(found: &Recommendations) -> Vec<(String, Vec<String>)> {
    let mut lists: Vec<(String, Vec<String>)> = Vec::new();
    for row in 0..found.user.len() {
        let user = found.users.id(found.user[row]);
        if found.rank[row] == 1 {
            lists.push((user.to_string(), Vec::new()));
        }
        let (last, items) = lists.last_mut().unwrap();
        assert_eq!((last.as_str(), items.len() + 1), (user, found.rank[row] as usize));
        items.push(found.items.id(found.item[row]).to_string());
    }
    lists
}

fn ids(kind: common::ids::IdKind, ids: &[&str]) -> common::ids::Dictionary {
    common::ids::Dictionary::from_values(kind, ids.iter().map(ToString::to_string)).unwrap()
}

fn text(values: &[&str]) -> common::ids::Dictionary {
    ids(common::ids::IdKind::Text, values)
}

#[test]
fn everybody_gets_the_best_of_what_they_have_not_had() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    let found = recommended(folder.path(), "r.parquet", "--k 4 --workers 1");
    let of = lists(&found);
    assert!(
        of.iter()
            .map(|(user, _)| user.as_str())
            .eq(["u0", "u1", "u2", "u3"])
    );
    let state = State::new(
        Policy::load(&folder.path().join("policy")).unwrap(),
        &Settings::new(Name::Frozen, 0),
    )
    .unwrap();
    for (user, items) in &of {
        let ask = Ask {
            user,
            k: 1,
            candidates: None,
            given: None,
        };
        let (_, explanation) = state.explain(&ask, &mut Buffers::new()).unwrap();
        let mut order: Vec<usize> = (0..ITEMS).collect();
        order.sort_by(|&a, &b| explanation.acting[b].total_cmp(&explanation.acting[a]));
        let best: Vec<&str> = order[..4]
            .iter()
            .map(|&item| state.items().id(item as u32))
            .collect();
        assert_eq!(*items, best, "{user}");
        for (at, item) in items.iter().enumerate() {
            let row = found
                .user
                .iter()
                .position(|&code| found.users.id(code) == user)
                .unwrap()
                + at;
            let probability = explanation.acting[state.items().code(item).unwrap() as usize];
            assert_eq!(
                (found.score[row], found.propensity[row]),
                (Some(probability), 1.0)
            );
            assert_eq!(found.policies.id(found.policy[row]), state.policy().as_str());
        }
    }
    // The same bytes by any number of workers, and a second run finds its work done.
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    recommended(folder.path(), "again.parquet", "--k 4 --workers 3");
    assert_eq!(bytes("r.parquet"), bytes("again.parquet"));
    let again = run(folder.path(), "r.parquet", "--k 4");
    assert!(String::from_utf8_lossy(&again.stderr).contains("already done"));
    fails_with(&run(folder.path(), "r.parquet", "--k 5"), 2, "--overwrite");
}

#[test]
fn draws_come_with_their_propensities_and_are_a_users_own() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    let names: Vec<String> = (0..3000).map(|n| format!("new{n}")).collect();
    let known = Users {
        ids: text(&names.iter().map(String::as_str).collect::<Vec<_>>()),
        attributes: vec![Default::default(); names.len()],
    };
    let write = |known: &Users, name: &str| {
        users::write(&folder.path().join(name), &Manifest::new(USERS, "test"), known).unwrap();
    };
    write(&known, "users.parquet");
    let found = recommended(folder.path(), "r.parquet", "--users users.parquet --sample --k 2");
    let of = lists(&found);
    assert_eq!(of.len(), 3000);
    // All are newcomers, so that the first places are draws from one distribution.
    let share = |item: &str| of.iter().filter(|(_, items)| items[0] == item).count() as f32 / 3000.0;
    for row in (0..6000).step_by(2).take(40) {
        let (drawn, says) = (share(found.items.id(found.item[row])), found.propensity[row]);
        assert!((drawn - says).abs() < 0.03, "drawn {drawn}, said {says}");
        assert_eq!(found.score[row], Some(says));
        let left = 1.0 - found.score[row].unwrap();
        assert!((found.propensity[row + 1] - found.score[row + 1].unwrap() / left).abs() < 1e-5);
    }
    let one = Users {
        ids: text(&["new2999"]),
        attributes: vec![Default::default()],
    };
    write(&one, "one.parquet");
    let alone = recommended(
        folder.path(),
        "one-r.parquet",
        "--users one.parquet --sample --k 2",
    );
    assert_eq!(lists(&alone)[0], of[2999]);
}

#[test]
fn candidates_exclusions_and_histories_are_kept_to() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    let at = |name: &str| folder.path().join(name);
    let lists_of = Candidates {
        user_id: ["u0", "u3", "u0", "u1"].map(String::from).to_vec(),
        items: vec![
            ["i1", "i9", "gone"].map(String::from).to_vec(),
            // All of these were had by u3.
            ["i0", "i7"].map(String::from).to_vec(),
            ["i8"].map(String::from).to_vec(),
            ["i4", "i5"].map(String::from).to_vec(),
        ],
    };
    candidates::write(&at("c.parquet"), &Manifest::new(CANDIDATES, "test"), &lists_of).unwrap();
    let output = run(folder.path(), "c-r.parquet", "--candidates c.parquet");
    let stderr = String::from_utf8_lossy(&output.stderr).to_string();
    assert!(
        output.status.success() && stderr.contains("such as `gone`"),
        "{stderr}"
    );
    assert!(stderr.contains("1 of 3 users have no rows"), "{stderr}");
    let of = lists(&recommendations::read(&at("c-r.parquet")).unwrap());
    let sorted = |items: &[String]| {
        let mut items = items.to_vec();
        items.sort();
        items
    };
    assert_eq!(
        (of[0].0.as_str(), sorted(&of[0].1)),
        ("u0", vec!["i8".to_string(), "i9".into()])
    );
    assert_eq!(
        (of[1].0.as_str(), sorted(&of[1].1)),
        ("u1", vec!["i4".to_string(), "i5".into()])
    );
    let repeated = recommended(folder.path(), "again.parquet", "--candidates c.parquet --repeats");
    assert_eq!(lists(&repeated).len(), 3);

    // What was recommended yesterday is not recommended today.
    let first = recommended(folder.path(), "yesterday.parquet", "--k 3");
    let second = recommended(
        folder.path(),
        "today.parquet",
        "--k 3 --exclude yesterday.parquet",
    );
    for ((user, before), (other, now)) in lists(&first).iter().zip(&lists(&second)) {
        assert_eq!(user, other);
        assert!(before.iter().all(|item| !now.contains(item)), "{user}");
    }
    let pairs = Consumed {
        users: text(&["u2"]),
        items: policy().items.ids,
        user: vec![0; ITEMS - 1],
        item: (1..ITEMS as u32).collect(),
    };
    consumed::write(&at("pairs.parquet"), &Manifest::new(CONSUMED, "test"), &pairs).unwrap();
    let left = lists(&recommended(
        folder.path(),
        "left.parquet",
        "--exclude pairs.parquet",
    ));
    assert_eq!(left[2], ("u2".to_string(), vec!["i0".to_string()]));

    // A history stands in place of what is known, and of its items none is recommended.
    let history = |items: &[&str], liked: &[bool]| {
        let hash = state_hash(items, liked);
        let feedback = liked
            .iter()
            .map(|&liked| f32::from(u8::from(liked)))
            .collect::<Vec<_>>();
        (
            items.iter().map(ToString::to_string).collect::<Vec<_>>(),
            liked.to_vec(),
            feedback,
            hash,
        )
    };
    let made = [history(&["i1", "i2"], &[true, false]), history(&["i6"], &[true])];
    let found = States {
        users: text(&["fresh", "u1"]),
        items: made.iter().map(|one| one.0.clone()).collect(),
        liked: made.iter().map(|one| one.1.clone()).collect(),
        feedback: made.iter().map(|one| one.2.clone()).collect(),
        interactions: vec![2, 1],
        state_hash: made.iter().map(|one| one.3.clone()).collect(),
    };
    states::write(&at("states.parquet"), &Manifest::new(STATES, "test"), &found).unwrap();
    let all = lists(&recommended(
        folder.path(),
        "h.parquet",
        "--states states.parquet --k 30",
    ));
    assert_eq!((all[0].0.as_str(), all[0].1.len()), ("fresh", ITEMS - 2));
    assert_eq!((all[1].0.as_str(), all[1].1.len()), ("u1", ITEMS - 1));
    assert!(
        all[1].1.contains(&"i29".to_string()),
        "what was known of u1 is set aside"
    );

    let none = run(folder.path(), "none.parquet", "--items users.parquet");
    fails_with(&none, 2, "users.parquet");
}
