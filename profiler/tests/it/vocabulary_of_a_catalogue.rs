//! `profiler vocab`: what it proposes, that `traits` takes it, and what it refuses.

use crate::support::{model, profiler};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::items::{self, Items};
use common::schema::states::{self, STATES, States};
use tempfile::TempDir;

const ITEMS: usize = 60;

fn ids(count: usize) -> Dictionary {
    Dictionary::from_values(IdKind::Integer, (0..count).map(|n| n.to_string())).unwrap()
}

/// Every second item is rock and the others jazz; every fifth is loud; every third is of the 80s, all are good.
fn world() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let categories = |item: usize| {
        let kind = if item.is_multiple_of(2) {
            "rock music"
        } else {
            "jazz music"
        };
        let era = if item.is_multiple_of(3) { "80s" } else { "modern" };
        vec![kind.to_string(), era.to_string()]
    };
    let catalogue = Items {
        ids: ids(ITEMS),
        title: (0..ITEMS)
            .map(|item| {
                format!(
                    "Number {item}{}",
                    if item.is_multiple_of(5) { ", loud" } else { "" }
                )
            })
            .collect(),
        text: vec![Some("A good record.".into()); ITEMS],
        categories: (0..ITEMS).map(categories).collect(),
    };
    items::write(
        &folder.path().join("items.parquet"),
        &Manifest::new(items::ITEMS, "test"),
        &catalogue,
    )
    .unwrap();
    // Users like either the loud or the others, and rock and jazz alike.
    let liked = |user: usize| (0..ITEMS).filter(move |item| item.is_multiple_of(5) == user.is_multiple_of(2));
    let some = |user: usize| liked(user).skip(user % 4).take(8);
    let states = States {
        users: ids(10),
        items: (0..10)
            .map(|user| some(user).map(|item| item.to_string()).collect())
            .collect(),
        feedback: vec![vec![1.0; 8]; 10],
        liked: vec![vec![true; 8]; 10],
        interactions: vec![8; 10],
        state_hash: vec![String::new(); 10],
    };
    states::write(
        &folder.path().join("states.parquet"),
        &Manifest::new(STATES, "test"),
        &states,
    )
    .unwrap();
    folder
}

fn words(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

#[test]
fn words_tell_items_apart_or_the_tastes_of_users() {
    let folder = world();
    let items = profiler(folder.path(), "vocab --items items.parquet --words 3")
        .done()
        .stdout;
    // Half of the items are rock: jazz adds nothing to it. "good" is in all.
    assert_eq!(words(&items), ["jazz", "80s", "loud"]);
    assert!(items.contains("50.0 % of items, from categories"), "{items}");
    let tastes = profiler(
        folder.path(),
        "vocab --items items.parquet --states states.parquet --words 2",
    )
    .done();
    assert_eq!(words(&tastes.stdout)[0], "loud");
    assert!(
        tastes.stdout.contains("% of likes, from titles"),
        "{}",
        tastes.stdout
    );

    std::fs::write(folder.path().join("keep.txt"), "# mine\nsilly\nrock\n").unwrap();
    let kept = profiler(
        folder.path(),
        "vocab --items items.parquet --words 3 --keep keep.txt",
    )
    .done();
    assert_eq!(words(&kept.stdout), ["silly", "rock", "80s"]);
    let all = profiler(folder.path(), "vocab --items items.parquet --words 48").done();
    assert!(all.stderr.contains("of the 48 asked for"), "{}", all.stderr);
}

#[test]
fn an_output_is_written_once_and_another_is_not_overwritten() {
    let folder = world();
    let run = "vocab --items items.parquet --words 3 --out words.txt";
    assert_eq!(profiler(folder.path(), run).done().stdout, "");
    let written = std::fs::read_to_string(folder.path().join("words.txt")).unwrap();
    assert_eq!(words(&written).len(), 3);
    let again = profiler(folder.path(), run).done();
    assert!(again.stderr.contains("already done"), "{}", again.stderr);
    let other = run.replace("--words 3", "--words 2");
    profiler(folder.path(), &other).refused(2, &["words.txt", "--overwrite"]);
    profiler(folder.path(), &format!("{other} --overwrite")).done();
    profiler(folder.path(), "vocab --items none.parquet").refused(2, &["none.parquet"]);
    std::fs::write(folder.path().join("keep.txt"), "two words\n").unwrap();
    profiler(folder.path(), "vocab --items items.parquet --keep keep.txt")
        .refused(42, &["keep.txt", "line 1"]);
}

#[test]
fn with_a_model_its_tokens_tell_the_words_apart() {
    let model = model();
    let folder = world();
    let run = format!(
        "vocab --items items.parquet --model {} --out words.txt",
        model.display()
    );
    profiler(folder.path(), &run).done();
    let text = std::fs::read_to_string(folder.path().join("words.txt")).unwrap();
    assert!(
        words(&text).contains(&"jazz") && text.contains("tokeniser of the model"),
        "{text}"
    );
    std::fs::write(folder.path().join("keep.txt"), "funny\nfunny-looking\n").unwrap();
    profiler(folder.path(), &format!("{run} --overwrite --keep keep.txt"))
        .refused(42, &["funny = funny-looking"]);
}
