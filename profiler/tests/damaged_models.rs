//! Model files that are not what they say: one clear error, exit code 42, earlier output intact.

mod support;

use std::fs::OpenOptions;
use std::path::Path;

use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::{items, states};
use support::{model, profiler};

/// A catalogue of two and one user's state.
fn inputs(folder: &Path) {
    let ids =
        |names: &[&str]| Dictionary::from_values(IdKind::Text, names.iter().map(|n| n.to_string())).unwrap();
    let catalogue = items::Items {
        ids: ids(&["1", "2"]),
        title: vec!["Alien".into(), "Heat".into()],
        text: vec![None, None],
        categories: vec![vec![], vec![]],
    };
    items::write(
        &folder.join("items.parquet"),
        &Manifest::new(items::ITEMS, "test"),
        &catalogue,
    )
    .unwrap();
    let one = states::States {
        users: ids(&["u"]),
        items: vec![vec!["1".into()]],
        feedback: vec![vec![5.0]],
        liked: vec![vec![true]],
        interactions: vec![1],
        state_hash: vec!["h".into()],
    };
    states::write(
        &folder.join("states.parquet"),
        &Manifest::new(states::STATES, "test"),
        &one,
    )
    .unwrap();
}

const TRAITS: &str =
    "traits --model model.gguf --items items.parquet --states states.parquet --domain film --out out.parquet";

fn refused_by_both(folder: &Path, code: i32, words: &[&str]) {
    inputs(folder);
    std::fs::write(folder.join("out.parquet"), b"earlier").unwrap();
    std::fs::write(folder.join("out.gguf"), b"earlier").unwrap();
    profiler(folder, &format!("{TRAITS} --overwrite")).refused(code, words);
    profiler(
        folder,
        "prepare --model model.gguf --format q8_0 --out out.gguf --overwrite",
    )
    .refused(code, words);
    for name in ["out.parquet", "out.gguf"] {
        assert_eq!(std::fs::read(folder.join(name)).unwrap(), b"earlier");
    }
}

#[test]
fn other_files_and_absent_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    refused_by_both(folder.path(), 2, &["model.gguf", "no such file"]);
    std::fs::write(folder.path().join("model.gguf"), b"PAR1 and more of the kind").unwrap();
    refused_by_both(folder.path(), 42, &["not a GGUF file", "model.gguf", "hint:"]);
    std::fs::write(folder.path().join("model.gguf"), b"").unwrap();
    refused_by_both(folder.path(), 42, &["model.gguf", "hint:"]);
}

#[test]
fn a_model_cut_short_is_refused_wherever_it_is_cut() {
    let Some(model) = model() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("model.gguf");
    std::fs::copy(model, &cut).unwrap();
    let length = std::fs::metadata(&cut).unwrap().len();
    for at in [length - 1, length / 2, 100_000, 1000, 20] {
        OpenOptions::new()
            .write(true)
            .open(&cut)
            .unwrap()
            .set_len(at)
            .unwrap();
        refused_by_both(folder.path(), 42, &["model.gguf", "hint:"]);
    }
}
