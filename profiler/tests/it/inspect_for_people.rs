//! `profiler inspect`: what it shows of items and users, with and without profiles, prompts and a model.

use crate::support::{model, profiler};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::items::{self, Items};
use common::schema::profiles::{self, Kind, PROFILES, Profiles};
use common::schema::states::{self, STATES, States};
use common::schema::table;
use tempfile::TempDir;

const GIVEN: &str = "inspect --items items.parquet --states states.parquet";

fn ids(names: &[&str]) -> Dictionary {
    Dictionary::from_values(IdKind::Text, names.iter().map(|n| n.to_string())).unwrap()
}

/// Two films, a user who likes one of them, and profiles of all three.
fn world() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let catalogue = Items {
        ids: ids(&["a", "b"]),
        title: vec!["The Exorcist".into(), "Toy Story".into()],
        text: vec![None, None],
        categories: vec![vec!["Horror".into()], vec!["Animation".into(), "Comedy".into()]],
    };
    items::write(
        &path("items.parquet"),
        &Manifest::new(items::ITEMS, "test"),
        &catalogue,
    )
    .unwrap();
    let states = States {
        users: ids(&["u"]),
        items: vec![vec!["a".into(), "b".into(), "gone".into()]],
        feedback: vec![vec![5.0, 1.0, 5.0]],
        liked: vec![vec![true, false, true]],
        interactions: vec![3],
        state_hash: vec!["h".into()],
    };
    states::write(&path("states.parquet"), &Manifest::new(STATES, "test"), &states).unwrap();
    let profiles = Profiles {
        vocabulary: vec!["scary".into(), "sweet".into()],
        kind: vec![Kind::Item, Kind::Item, Kind::User],
        id: ["a", "b", "u"].map(String::from).to_vec(),
        state_hash: vec![None, None, Some("h".into())],
        traits: vec![2.0, -1.0, -1.5, 0.5, 1.0, 0.0],
        summary: vec![
            None,
            None,
            Some(r#"{"likes": ["fear", "demons"], "next": "ghosts"}"#.into()),
        ],
        confidence: vec![0.5; 3],
        fame: vec![Some(-8.0), None, None],
        prompt: Vec::new(),
    };
    let of_items = table::fingerprint(&path("items.parquet")).unwrap();
    let made = Manifest::new(PROFILES, "test").input("items", of_items);
    profiles::write(&path("profiles.parquet"), &made, &profiles).unwrap();
    folder
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn traits_titles_and_summaries_stand_together() {
    let folder = world();
    let alone = profiler(folder.path(), "inspect --profiles profiles.parquet")
        .done()
        .stdout;
    has(&alone, &["item a\n", "scary +2.00  sweet -1.00", "user u\n"]);
    has(&alone, &["likes      fear, demons", "next       ghosts"]);
    let titled = profiler(folder.path(), &format!("{GIVEN} --profiles profiles.parquet"))
        .done()
        .stdout;
    has(&titled, &["item b  Toy Story\n", "categories Animation, Comedy"]);
    has(
        &titled,
        &["liked      The Exorcist [a]; [gone]", "not liked  Toy Story [b]"],
    );
    let one = profiler(folder.path(), &format!("{GIVEN} --id a")).done().stdout;
    assert_eq!(one, "item a  The Exorcist\n  categories Horror\n");
}

#[test]
fn prompts_are_those_that_traits_are_read_from() {
    let folder = world();
    let shown = profiler(folder.path(), &format!("{GIVEN} --domain film --sample 1"))
        .done()
        .stdout;
    has(
        &shown,
        &[
            "every prompt of an item begins with\n  | Films, each",
            "| Genre: Horror\n",
        ],
    );
    has(
        &shown,
        &[
            "every prompt of a user begins with\n",
            "    | Liked: The Exorcist\n",
        ],
    );
    has(&shown, &["    | Disliked: Toy Story\n"]);
    assert!(
        !shown.contains("Comedy\n    | Word"),
        "one item is shown: {shown}"
    );
}

#[test]
fn what_is_missing_is_named() {
    let folder = world();
    profiler(folder.path(), "inspect").refused(2, &["nothing to show"]);
    profiler(folder.path(), &format!("{GIVEN} --id z")).refused(2, &["no such item or user", "`z`"]);
    profiler(folder.path(), "inspect --profiles profiles.parquet --domain film").refused(2, &["--items"]);
    profiler(folder.path(), &format!("{GIVEN} --model m.gguf")).refused(2, &["--domain"]);
    profiler(folder.path(), &format!("{GIVEN} --domain film --model m.gguf")).refused(2, &["m.gguf"]);
    let catalogue = Items {
        ids: ids(&["a"]),
        title: vec!["Another".into()],
        text: vec![None],
        categories: vec![vec![]],
    };
    let other = folder.path().join("items.parquet");
    items::write(&other, &Manifest::new(items::ITEMS, "test"), &catalogue).unwrap();
    profiler(folder.path(), &format!("{GIVEN} --profiles profiles.parquet"))
        .refused(2, &["profiles.parquet and items.parquet do not belong together"]);
}

#[test]
fn a_model_says_what_it_would_say_next() {
    let model = model();
    let folder = world();
    let run = format!(
        "{GIVEN} --domain film --model {} --id a --top 3 --tokens",
        model.display()
    );
    let shown = profiler(folder.path(), &run).done().stdout;
    has(
        &shown,
        &[" of them its own\n", "  its own    \u{b7}The \u{b7}", " \\n "],
    );
    let next = shown.lines().find(|line| line.starts_with("  next ")).unwrap();
    assert_eq!(next.matches('%').count(), 3, "{next}");
    // Nothing is left behind.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}
