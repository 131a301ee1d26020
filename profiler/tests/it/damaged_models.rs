//! Model files that are not what they say: one clear error, exit code 42, earlier output intact.

use crate::support;
use std::fs::OpenOptions;
use std::path::Path;

use crate::support::{model, profiler};

const TRAITS: &str =
    "traits --model model.gguf --items items.parquet --states states.parquet --domain film --out out.parquet";

fn refused_by_both(folder: &Path, code: i32, words: &[&str]) {
    support::two_films(folder);
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
    let model = model();
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
