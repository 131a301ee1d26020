//! Hidden states through the engine that all verbs share, against llama.cpp alone.

mod support;

use llama_cpp_2::context::params::{LlamaContextParams, LlamaPoolingType};
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use profiler::batch::{self, Cache, Means, Prompt};
use profiler::model::Model;
use support::{model, profiler};

const BEGINNING: &str = "Films, each described in one word.";
const PROMPTS: [&str; 3] = [
    "Films, each described in one word.\n\nFilm: Halloween\nWord:",
    "Films, each described in one word.\n\nFilm: Toy Story\nWord:",
    "Another text",
];

/// The final state of `prompt` in a context of its own.
fn directly(backend: &LlamaBackend, model: &LlamaModel, prompt: &str) -> Vec<f32> {
    let vocab = model.vocab();
    let mut tokens = vocab.tokenize(prompt.as_bytes(), false, false);
    if vocab.should_add_bos() {
        tokens.insert(0, vocab.bos());
    }
    let parameters = LlamaContextParams::default()
        .with_n_threads(1)
        .with_n_threads_batch(1)
        .with_embeddings(true)
        .with_pooling_type(LlamaPoolingType::None);
    let mut context = model.new_context(backend, parameters).unwrap();
    let mut batch = LlamaBatch::new(tokens.len(), 1);
    for (position, &token) in tokens.iter().enumerate() {
        batch.add(token, position as i32, &[0], true).unwrap();
    }
    context.decode(&mut batch).unwrap();
    context.embeddings_ith(tokens.len() as i32 - 1).unwrap().to_vec()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum() };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn hidden_states_are_those_of_each_prompt_alone() {
    let Some(shipped) = model() else { return };
    let folder = tempfile::tempdir().unwrap();
    let prepare = format!(
        "prepare --model {} --format q8_0 --out fast.gguf",
        shipped.display()
    );
    profiler(folder.path(), &prepare).done();
    let path = folder.path().join("fast.gguf");
    let exact: Vec<Vec<f32>> = {
        let mut backend = LlamaBackend::init().unwrap();
        backend.void_logs();
        let model = LlamaModel::load_from_file(&backend, &path, &LlamaModelParams::default()).unwrap();
        PROMPTS.map(|prompt| directly(&backend, &model, prompt)).to_vec()
    };

    let model = Model::load(&path, 0).unwrap();
    let cache = Cache::beside(&folder.path().join("out"));
    let means = Means {
        model: &model,
        cache: &cache,
        workers: 2,
        label: "prompts",
    };
    let prompts = PROMPTS.map(|text| Prompt {
        subject: text.into(),
        text: text.into(),
    });
    let (states, effort) = batch::hidden_states(means, BEGINNING, &prompts).unwrap();
    assert_eq!((effort.distinct, effort.cached), (3, 0));
    for (state, exact) in states.iter().zip(&exact) {
        assert_eq!(state.len(), model.width());
        assert!(cosine(state, exact) > 0.999, "{}", cosine(state, exact));
    }
    assert!(cosine(&states[0], &states[2]) < 0.99);
    let (again, effort) = batch::hidden_states(means, BEGINNING, &prompts).unwrap();
    assert_eq!(effort.cached, 3);
    assert_eq!(again, states);
}
