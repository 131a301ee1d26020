//! `pretrain forecast`: it says yes where traits tell what users like, no yes where they do not, and refuses what it cannot ask.

use std::path::Path;

use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::rng::{self, RngExt};
use common::schema::interactions::{self, Feedback, Interactions, LOG};
use common::schema::items::{self, ITEMS, Items};
use common::schema::profiles::{self, Kind, PROFILES, Profiles};

use crate::support::{answer, pretrain, says};

const KINDS: u32 = 4;
const COUNT: u32 = 160;

fn ids(prefix: &str, count: u32) -> Dictionary {
    Dictionary::from_values(IdKind::Text, (0..count).map(|n| format!("{prefix}{n}"))).unwrap()
}

/// Users who like one kind of items, of which each had a few: too few to tell items by who had them.
fn world(folder: &Path, users: u32) {
    let mut log = Interactions::new(ids("u", users), ids("i", COUNT), Feedback::CLICKS);
    let mut rng = rng::stream(1, "forecast: world", &[]);
    for user in 0..users {
        for step in 0..3 {
            let item = rng.random_range(0..COUNT / KINDS) * KINDS + user % KINDS;
            log.push(user, item, i64::from(step), 1.0, None);
        }
    }
    interactions::write(
        &folder.join("log/interactions.parquet"),
        &Manifest::new(LOG, "test"),
        &log,
    )
    .unwrap();
    let catalogue = Items {
        ids: ids("i", COUNT),
        title: vec!["a title".into(); COUNT as usize],
        text: vec![None; COUNT as usize],
        categories: vec![Vec::new(); COUNT as usize],
    };
    items::write(
        &folder.join("log/items.parquet"),
        &Manifest::new(ITEMS, "test"),
        &catalogue,
    )
    .unwrap();
    for (name, told) in [("telling", 3.0), ("noise", 0.0)] {
        let mut rng = rng::stream(2, "forecast: traits", &[]);
        let traits = (0..COUNT).flat_map(|item| (0..KINDS).map(move |kind| (item, kind)));
        let trait_of =
            |(item, kind): (u32, u32)| f32::from(u8::from(item % KINDS == kind)) * told + rng.random::<f32>();
        let rows = COUNT as usize;
        let found = Profiles {
            vocabulary: (0..KINDS).map(|kind| format!("word {kind}")).collect(),
            kind: vec![Kind::Item; rows],
            id: catalogue.ids.ids().map(String::from).collect(),
            state_hash: vec![None; rows],
            traits: traits.map(trait_of).collect(),
            summary: vec![None; rows],
            confidence: vec![1.0; rows],
            fame: Vec::new(),
            prompt: Vec::new(),
        };
        let path = folder.join(format!("{name}.parquet"));
        profiles::write(&path, &Manifest::new(PROFILES, "test"), &found).unwrap();
    }
}

#[test]
fn traits_that_tell_what_users_like_are_worth_having_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("log")).unwrap();
    world(folder, 120);
    let run = |profiles: &str, more: &str, code| {
        answer(
            folder,
            &format!("forecast --log log --profiles {profiles}.parquet --folds 3 {more}"),
            code,
        )
    };
    let (stdout, _) = run("telling", "", 0);
    says(
        &stdout,
        &[
            "NDCG@10",
            "120 users, 360 likes",
            "the most popular items",
            "forecast: +",
            "yes: ",
        ],
    );
    let (stdout, stderr) = run("noise", "", 3);
    assert!(!stdout.contains("yes: "), "{stdout}");
    says(&stderr, &["error"]);
    // Fewer users, and one worker: another answer than all, and the same as of two.
    let few = |workers| {
        let asked = format!(
            "forecast --log log --profiles telling.parquet --folds 2 --sample 60 --format json --workers {workers}"
        );
        // Yes or not, so short a log.
        String::from_utf8(pretrain(folder, &asked).stdout).unwrap()
    };
    assert_eq!(few(1), few(2));
    let told: serde_json::Value = serde_json::from_str(&few(1)).unwrap();
    assert_eq!((&told["users"], &told["likes"]), (&60.into(), &180.into()));
    assert!(told["gain"]["low"].as_f64() < told["gain"]["high"].as_f64());
    let (_, stderr) = run("telling", "--sample 4", 42);
    says(&stderr, &["12 likes", "too few", "interactions.parquet"]);
}
