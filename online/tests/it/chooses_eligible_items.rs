//! Rules over items in a request, and items that are retired, restored and added while the service runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::http::{Client, Server};
use crate::support::{ITEMS, online, policy, replays, saved};
use common::manifest::Manifest;
use common::schema::items;
use serde_json::{Value, json};

/// Item n has the category `m0`, `m1` or `m2` by n modulo 3; the first ten are `old` too.
fn catalogue(folder: &Path) -> PathBuf {
    let path = folder.join("items.parquet");
    let category = |item: usize| {
        let mut categories = vec![format!("m{}", item % 3)];
        categories.extend((item < 10).then(|| "old".to_string()));
        categories
    };
    let table = items::Items {
        ids: policy().items.ids,
        title: (0..ITEMS).map(|item| format!("title {item}")).collect(),
        text: vec![None; ITEMS],
        categories: (0..ITEMS).map(category).collect(),
    };
    items::write(&path, &Manifest::new(items::ITEMS, "test"), &table).unwrap();
    path
}

/// What is recommended, and the probabilities.
fn slate(client: &mut Client, wish: &Value) -> (Vec<usize>, Vec<f64>) {
    let body = client.post("/recommend", wish).expect(200);
    let items = body["items"].as_array().unwrap();
    let number = |one: &Value| one["item"].as_str().unwrap()[1..].parse().unwrap();
    (
        items.iter().map(number).collect(),
        items
            .iter()
            .map(|one| one["propensity"].as_f64().unwrap())
            .collect(),
    )
}

#[test]
fn a_request_says_what_is_eligible_and_propensities_are_exact_over_it() {
    let folder = tempfile::tempdir().unwrap();
    let table = catalogue(folder.path());
    let more = ["--strategy", "random", "--items", table.to_str().unwrap()];
    let server = Server::start(&saved(folder.path()), &folder.path().join("state"), &more);
    let mut client = server.client();
    let all = || 0..ITEMS;
    type Rule = fn(usize) -> bool;
    let rules: [(Value, Rule); 6] = [
        (
            json!({ "where": { "categories": { "any": ["m0", "m1"] } } }),
            |item| item % 3 != 2,
        ),
        (
            json!({ "where": { "categories": { "all": ["m0", "old"] } } }),
            |item| item % 3 == 0 && item < 10,
        ),
        (
            json!({ "where": { "categories": { "none": ["old", "unheard of"] } } }),
            |item| item >= 10,
        ),
        (
            json!({ "where": { "categories": { "any": ["m0"], "none": ["old"] } }, "exclude": ["i12", "nothing"] }),
            |item| item % 3 == 0 && item >= 10 && item != 12,
        ),
        (
            json!({ "candidates": ["i1", "i2", "i3"], "exclude": ["i2"] }),
            |item| item == 1 || item == 3,
        ),
        (json!({ "where": {} }), |_| true),
    ];
    for (mut wish, rule) in rules {
        let eligible: BTreeSet<usize> = all().filter(|item| rule(*item)).collect();
        wish["user"] = json!("nobody");
        wish["k"] = json!(eligible.len());
        let (shown, propensities) = slate(&mut client, &wish);
        assert_eq!(shown.iter().copied().collect::<BTreeSet<_>>(), eligible, "{wish}");
        // Evenly among what is left of what was eligible.
        for (place, propensity) in propensities.iter().enumerate() {
            let expected = 1.0 / (eligible.len() - place) as f64;
            assert!((propensity - expected).abs() < 1e-5, "{wish}: {propensities:?}");
        }
        wish["k"] = json!(eligible.len() + 1);
        assert_eq!(client.post("/recommend", &wish).status, 422);
    }
    for (wish, says) in [
        (
            json!({ "user": "u", "where": { "categories": { "any": ["unheard of"] } } }),
            "has the category unheard of",
        ),
        (
            json!({ "user": "u", "candidates": ["i1"], "exclude": ["i1"] }),
            "no item fulfils",
        ),
        (json!({ "user": "u", "where": { "colour": "red" } }), "colour"),
    ] {
        let refused = client.post("/recommend", &wish);
        assert_eq!(refused.status, 422, "{wish}");
        assert!(refused.text().contains(says), "{}", refused.text());
    }
    server.stop();
    let plain = Server::start(
        &saved(folder.path()),
        &folder.path().join("plain"),
        &["--strategy", "random"],
    );
    let refused = plain.post(
        "/recommend",
        &json!({ "user": "u", "where": { "categories": { "any": ["m0"] } } }),
    );
    assert!(
        refused.status == 422 && refused.text().contains("--items"),
        "{}",
        refused.text()
    );
    plain.stop();
}

#[test]
fn items_are_retired_restored_and_added_while_the_service_runs_and_stay_so() {
    let folder = tempfile::tempdir().unwrap();
    let table = catalogue(folder.path());
    let state = folder.path().join("state");
    let more = [
        "--strategy",
        "adapter",
        "--admin",
        "--items",
        table.to_str().unwrap(),
        "--arm",
        "b=strategy:frozen,share:0.5",
    ];
    let start = || Server::start(&saved(folder.path()), &state, &more);
    let server = start();
    let mut client = server.client();
    let (waiting, answered) = {
        let body = client
            .post("/recommend", &json!({ "user": "n1", "candidates": ["i7"] }))
            .expect(200);
        let done = client
            .post("/recommend", &json!({ "user": "n2", "candidates": ["i8"] }))
            .expect(200);
        client
            .post(
                "/feedback",
                &json!({ "request_id": done["request_id"], "reward": 1 }),
            )
            .expect(200);
        (body, done)
    };
    let gone: Vec<String> = (7..ITEMS).map(|item| format!("i{item}")).collect();
    let changed = client.post("/items", &json!({ "retire": gone })).expect(200);
    assert_eq!((&changed["items"], &changed["added"]), (&json!(ITEMS), &json!(0)));
    let open = |client: &mut Client, user: &str, k: usize| {
        let (shown, _) = slate(client, &json!({ "user": user, "k": k }));
        shown.into_iter().collect::<BTreeSet<_>>()
    };
    for user in 0..12 {
        // Users of both arms.
        assert_eq!(open(&mut client, &format!("n{user}"), 7), (0..7).collect());
    }
    let refused = client.post("/recommend", &json!({ "user": "n1", "candidates": ["i7"] }));
    assert!(
        refused.status == 422 && refused.text().contains("retired"),
        "{}",
        refused.text()
    );
    // What was recommended before may still be answered.
    let late = json!({ "request_id": waiting["request_id"], "reward": 1 });
    client.post("/feedback", &late).expect(200);
    for change in ["retire", "restore"] {
        for unknown in ["unheard", ""] {
            let refused = client.post("/items", &json!({ change: [unknown] }));
            assert_eq!(refused.status, 422, "{change} `{unknown}`");
        }
    }
    // A new item stands where those of its category do; it and what is restored may be recommended at once.
    let fresh =
        json!({ "add": [{ "item": "i77", "categories": ["m0"] }, { "item": "i78" }], "restore": ["i9"] });
    let changed = client.post("/items", &fresh).expect(200);
    assert_eq!(
        (&changed["items"], &changed["added"]),
        (&json!(ITEMS + 2), &json!(2))
    );
    let again = client.post("/items", &fresh).expect(200);
    assert_eq!(again["added"], 0, "asked for twice, done once");
    let expected: BTreeSet<usize> = (0..7).chain([9, 77, 78]).collect();
    for user in 10..22 {
        assert_eq!(open(&mut client, &format!("n{user}"), 10), expected);
    }
    let rule = json!({ "user": "n30", "k": 5, "where": { "categories": { "any": ["m0"] } } });
    let (shown, _) = slate(&mut client, &rule);
    assert_eq!(
        shown.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([0, 3, 6, 9, 77])
    );
    let body = client
        .post("/recommend", &json!({ "user": "n31", "candidates": ["i77"] }))
        .expect(200);
    let report = json!({ "request_id": body["request_id"], "reward": 1 });
    assert_eq!(client.post("/feedback", &report).expect(200)["applied"], 1);
    // Sent again it is still known.
    let same = json!({ "request_id": answered["request_id"], "reward": 1 });
    assert_eq!(client.post("/feedback", &same).expect(200)["duplicates"], 1);
    server.kill();

    replays(&state);
    let server = start();
    let mut client = server.client();
    for user in 10..22 {
        assert_eq!(open(&mut client, &format!("n{user}"), 10), expected);
    }
    let (shown, _) = slate(&mut client, &rule);
    assert!(shown.contains(&77), "its categories are kept");
    let portrait = online(&[
        "inspect", "--user", "n40", "--top", "100", "--format", "json", "--state",
    ])
    .arg(&state)
    .output()
    .unwrap();
    let portrait: Value = serde_json::from_slice(&portrait.stdout).unwrap();
    assert_eq!(portrait["top"].as_array().unwrap().len(), 10);
    server.stop();
}
