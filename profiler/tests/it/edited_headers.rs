//! Model files whose headers say something else than they should: none ends in a signal.

use crate::support;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::support::edits::edits;
use crate::support::gguf::{ARRAY, Parts, U32};
use crate::support::{profiler, tiny_model};
use profiler::model::Header;

/// Checks the header; the error is bad data, and says what.
fn check(bytes: &[u8]) -> Result<Header, String> {
    Header::parse(Cursor::new(bytes), bytes.len() as u64).map_err(|error| {
        assert_eq!(error.class().code(), 42, "{error}");
        error.to_string()
    })
}

/// Loads and evaluates the model on every `step`-th edit that passes the check, each in a process of its own, and requires
/// an exit code of the design and no panic.
fn load_every(step: usize) {
    let edits = edits(&Parts::of(&tiny_model::bytes()));
    let bytes = edits.iter().map(|(name, parts)| (name, parts.bytes()));
    let passing: Vec<_> = bytes.filter(|(_, bytes)| check(bytes).is_ok()).collect();
    assert!(passing.len() > 1000, "{} of {} pass", passing.len(), edits.len());
    let (next, failed, answers) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let folder = tempfile::tempdir().unwrap();
                support::two_films(folder.path());
                std::fs::write(folder.path().join("words.txt"), "adventure\nbleak\ncalm\n").unwrap();
                while let Some((name, bytes)) = passing.get(step * next.fetch_add(1, Relaxed)) {
                    std::fs::write(folder.path().join("model.gguf"), bytes).unwrap();
                    let ended = profiler(folder.path(), TRAITS);
                    answers.fetch_add(usize::from(ended.code == 0), Relaxed);
                    if ![0, 1, 2, 42].contains(&ended.code) || ended.stderr.contains("panicked") {
                        failed
                            .lock()
                            .unwrap()
                            .push(format!("{name}: {} {}", ended.code, ended.stderr));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(
        answers.into_inner() > 0,
        "no edit was harmless: nothing was evaluated"
    );
}

const TRAITS: &str = "traits --vocabulary words.txt --model model.gguf --items items.parquet --states states.parquet \
                      --domain film --workers 1 --out out.parquet --overwrite";

#[test]
fn what_llama_cpp_asserts_is_refused_by_name_before_it_sees_the_file() {
    let good = Parts::of(&tiny_model::bytes());
    assert_eq!(good.bytes(), tiny_model::bytes());
    let header = check(&good.bytes()).unwrap();
    assert_eq!(header.architecture(), "llama");
    let edits = edits(&good);
    assert!(edits.len() >= 1640, "{}", edits.len());
    let refused: BTreeMap<&str, String> = edits
        .iter()
        .filter_map(|(name, parts)| Some((name.as_str(), check(&parts.bytes()).err()?)))
        .collect();
    for (name, words) in [
        (
            "llama.block_count = 100000",
            ["`llama.block_count` is 100000", "1 to 512"],
        ),
        (
            "llama.context_length = 2147483648",
            ["`llama.context_length` is 2147483648", "1 to 2147483647"],
        ),
        (
            "llama.embedding_length = 0",
            ["`llama.embedding_length` is 0", "1 to"],
        ),
        (
            "llama.attention.layer_norm_rms_epsilon = -1",
            ["layer_norm_rms_epsilon` is -1", "0 to 1"],
        ),
        (
            "llama.attention.layer_norm_rms_epsilon = NaN",
            ["layer_norm_rms_epsilon` is NaN", "0 to 1"],
        ),
        (
            "llama.rope.freq_base = inf",
            ["`llama.rope.freq_base` is inf", "outside"],
        ),
        (
            "llama.rope.scaling.type = `x`",
            ["`llama.rope.scaling.type` is `x`", "yarn"],
        ),
        (
            "llama.expert_count = 3",
            ["`llama.expert_used_count`", "`llama.expert_count` is 3"],
        ),
        (
            "llama.expert_used_count = 1",
            ["`llama.expert_used_count` is 1", "more than 0"],
        ),
        (
            "llama.nextn_predict_layers = 1025",
            ["`llama.nextn_predict_layers` is 1025", "more than 2"],
        ),
        (
            "tokenizer.ggml.model = `llama`",
            ["tokenizer.ggml.tokens", "no token for the byte"],
        ),
        (
            "tokenizer.ggml.tokens, odd value 2 at 282",
            ["are the same", "`a`"],
        ),
        (
            "output_norm.weight of type 1",
            ["tensor `output_norm.weight`", "type 1"],
        ),
        (
            "output_norm.weight of 0 in dimension 0",
            ["tensor `output_norm.weight`", "width 0"],
        ),
        (
            "blk.0.attn_q.weight of type 26",
            ["tensor `blk.0.attn_q.weight`", "type 26"],
        ),
    ] {
        let said = refused.get(name).unwrap_or_else(|| panic!("{name} is accepted"));
        assert!(words.iter().all(|word| said.contains(word)), "{name}: {said}");
    }
}

#[test]
fn an_edited_header_ends_in_an_error_or_an_answer_and_never_in_a_signal() {
    load_every(40);
}

#[test]
#[ignore = "takes minutes: every edit that passes the check is loaded and evaluated"]
fn no_edited_header_at_all_ends_in_a_signal() {
    load_every(1);
}

#[test]
fn an_assertion_of_llama_cpp_is_an_error_of_ours() {
    let mut parts = Parts::of(&tiny_model::bytes());
    // Heads by layer are read by llama.cpp alone.
    let heads = [U32, 2, 0, 2, 0].map(u32::to_le_bytes).concat();
    parts.set("llama.attention.head_count", ARRAY, heads);
    let folder = tempfile::tempdir().unwrap();
    support::two_films(folder.path());
    std::fs::write(folder.path().join("words.txt"), "adventure\nbleak\n").unwrap();
    std::fs::write(folder.path().join("model.gguf"), parts.bytes()).unwrap();
    profiler(folder.path(), TRAITS).refused(42, &["llama.cpp gave up", "GGML_ASSERT", "model.gguf", "hint:"]);
}

#[test]
fn weights_of_zeros_and_logits_that_say_nothing_are_refused() {
    let good = Parts::of(&tiny_model::bytes());
    let folder = tempfile::tempdir().unwrap();
    support::two_films(folder.path());
    std::fs::write(folder.path().join("words.txt"), "adventure\nbleak\n").unwrap();
    let model = |parts: &Parts| std::fs::write(folder.path().join("model.gguf"), parts.bytes()).unwrap();
    // A download that made room for the whole file and stopped at two thirds.
    let mut cut = good.clone();
    let length = cut.data.len();
    cut.data[length * 2 / 3..].fill(0);
    model(&cut);
    for arguments in [TRAITS, "prepare --model model.gguf --format q8_0 --out out.gguf"] {
        profiler(folder.path(), arguments).refused(42, &["tensor `blk.1.", "zeros", "model.gguf", "hint:"]);
    }
    // A norm that makes nothing of what it gets, and the same embedding for every token, which is the output too.
    let place = |name: &str| {
        let tensor = good.tensors.iter().find(|tensor| tensor.name == name).unwrap();
        let start = tensor.offset as usize;
        start..start + 4 * tensor.shape.iter().product::<u64>() as usize
    };
    let (norm, embeddings) = (place("output_norm.weight"), place("token_embd.weight"));
    let mut not_numbers = good.clone();
    not_numbers.data[norm].copy_from_slice(&f32::NAN.to_le_bytes().repeat(64));
    let mut flat = good.clone();
    let row = good.data[embeddings.start..][..64 * 4].to_vec();
    flat.data[embeddings.clone()].copy_from_slice(&row.repeat(embeddings.len() / row.len()));
    for parts in [not_numbers, flat] {
        model(&parts);
        profiler(folder.path(), TRAITS).refused(42, &["no probabilities", "logits", "hint:"]);
    }
    assert!(!folder.path().join("out.parquet").exists() && !folder.path().join("out.gguf").exists());
}
