//! `profiler prefer` with a real language model, a few prompts only.

use std::path::{Path, PathBuf};

use crate::support::{column, killed, model, profiler, table, write};
use arrow::array::{ListArray, StringArray};
use arrow::datatypes::Int64Type;
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::preferences::{self, Preferences};
use common::schema::{items, states};
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use profiler::model::backend;
use profiler::prompt::{Template, Templates, User};
use profiler::vocab::Domain;
use tempfile::TempDir;

/// Some titles are the beginnings of others.
const FILMS: [&str; 8] = [
    "Halloween (1978)",
    "Halloween",
    "Halloween II",
    "Toy Story (1995)",
    "Toy Story 2",
    "The Lion King (1994)",
    "The Exorcist (1973)",
    "A Title with a | Character, <|im_end|> and é",
];
const TEMPLATES: [(&str, &str); 2] = [
    (
        "prefer.jinja",
        "A viewer's films.\nLiked: {{ user.liked | join('; ') }}\nAlso liked:",
    ),
    (
        "choose.jinja",
        "A viewer's films.\nLiked: {{ user.liked | join('; ') }}\n\
         {% for film in candidates %}{{ film.label }}. {{ film.title }}\n{% endfor %}Best:",
    ),
];
/// Who likes which films.
const LIKES: [[usize; 2]; 3] = [[0, 6], [3, 5], [0, 6]];
/// User and candidates of each list.
const LISTS: [(&str, &[usize]); 5] = [
    ("2", &[0, 1, 2, 3, 4, 5, 6, 7]),
    ("1", &[7, 3, 1, 0]),
    ("1", &[2, 4]),
    ("3", &[7, 3, 1, 0]),
    ("2", &[5]),
];

fn ids(count: usize) -> Dictionary {
    Dictionary::from_values(IdKind::Integer, (0..count).map(|n| n.to_string())).unwrap()
}

/// A folder with catalogue, states and candidates, and the model in a fast format.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = items::Items {
        ids: ids(FILMS.len()),
        title: FILMS.map(String::from).to_vec(),
        text: vec![None; FILMS.len()],
        categories: vec![Vec::new(); FILMS.len()],
    };
    let of_items = Manifest::new(items::ITEMS, "test");
    items::write(&folder.path().join("items.parquet"), &of_items, &catalogue).unwrap();
    let liked = LIKES.map(|films| films.map(|film| film.to_string()).to_vec());
    let states = states::States {
        users: Dictionary::from_values(IdKind::Integer, ["1", "2", "3"].map(String::from)).unwrap(),
        feedback: vec![vec![5.0; 2]; 3],
        interactions: vec![2; 3],
        liked: vec![vec![true; 2]; 3],
        state_hash: liked
            .iter()
            .map(|items| states::state_hash(items, &[true, true]))
            .collect(),
        items: liked.to_vec(),
    };
    let of_states = Manifest::new(states::STATES, "test");
    states::write(&folder.path().join("states.parquet"), &of_states, &states).unwrap();
    write_candidates(folder.path(), &LISTS);
    // Short ones: the built-in templates have examples.
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    for (name, text) in TEMPLATES {
        std::fs::write(folder.path().join("templates").join(name), text).unwrap();
    }
    let prepare = format!(
        "prepare --model {} --format q8_0 --out fast.gguf",
        model().display()
    );
    profiler(folder.path(), &prepare).done();
    let model = folder.path().join("fast.gguf");
    (folder, model)
}

fn write_candidates(folder: &Path, lists: &[(&str, &[usize])]) {
    let users: Vec<&str> = lists.iter().map(|(user, _)| *user).collect();
    let items = lists
        .iter()
        .map(|(_, items)| Some(items.iter().map(|&item| Some(item as i64))));
    let lists = table([
        ("user_id", column(StringArray::from(users))),
        (
            "candidates",
            column(ListArray::from_iter_primitive::<Int64Type, _, _>(items)),
        ),
    ]);
    write(&folder.join("candidates.parquet"), &lists);
}

fn prefer(out: &str, more: &str) -> String {
    format!(
        "prefer --model fast.gguf --items items.parquet --states states.parquet --domain film \
         --templates templates --candidates candidates.parquet --out {out} {more}"
    )
}

fn read(folder: &TempDir, name: &str) -> Preferences {
    preferences::read(&folder.path().join(name)).unwrap()
}

fn bytes(folder: &TempDir, name: &str) -> Vec<u8> {
    std::fs::read(folder.path().join(name)).unwrap()
}

/// How far two evaluations of one log-probability may be apart: eight-bit weights round activations too, a little
/// otherwise in every batch, and the improbable drifts most.
fn drift(log_probability: f64) -> f64 {
    0.2 + 0.02 * log_probability.abs()
}

/// The log-probability of ` TITLE\n` after `prompt`, by llama.cpp alone: one pair in a context of its own.
fn directly(backend: &LlamaBackend, model: &LlamaModel, prompt: &str, title: &str) -> f64 {
    let vocab = model.vocab();
    let tokens = |text: &str| vocab.tokenize(text.as_bytes(), false, false);
    let mut all = tokens(prompt);
    if vocab.should_add_bos() {
        all.insert(0, vocab.bos());
    }
    let title = tokens(&format!(" {title}\n"));
    let before = all.len();
    all.extend(&title);
    let size = LlamaContextParams::default()
        .with_n_threads(1)
        .with_n_threads_batch(1);
    let mut context = model.new_context(backend, size).unwrap();
    let mut batch = LlamaBatch::new(all.len(), 1);
    for (position, &token) in all.iter().enumerate() {
        let logits = position + 1 >= before;
        batch.add(token, position as i32, &[0], logits).unwrap();
    }
    context.decode(&mut batch).unwrap();
    let log_probability = |(place, token): (usize, &llama_cpp_2::token::LlamaToken)| {
        let logits = context.get_logits_ith((before + place - 1) as i32);
        let mass: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
        f64::from(logits[token.0 as usize]) - mass.ln()
    };
    title.iter().enumerate().map(log_probability).sum()
}

#[test]
fn likelihoods_are_those_of_each_pair_alone() {
    let (folder, path) = folder();
    profiler(folder.path(), &prefer("out.parquet", "--form likelihood")).done();
    let read = read(&folder, "out.parquet");
    let backend = backend().unwrap();
    let model = LlamaModel::load_from_file(backend, &path, &LlamaModelParams::default()).unwrap();
    let own = folder.path().join("templates");
    let templates = Templates::load(Domain::Film, Some(&own), &[Template::Prefer]).unwrap();
    for (row, (user, films)) in LISTS.iter().enumerate() {
        assert_eq!(read.user_id[row], *user);
        let state = user.parse::<usize>().unwrap() - 1;
        let user = User {
            liked: LIKES[state].map(|film| FILMS[film].to_string()).to_vec(),
            ..User::default()
        };
        let prompt = templates.preference(&user).unwrap();
        let exact: Vec<f64> = films
            .iter()
            .map(|&film| directly(backend, &model, &prompt, FILMS[film]))
            .collect();
        assert_eq!(read.candidates[row].len(), films.len());
        for (&score, exact) in read.scores[row].iter().zip(&exact) {
            assert!(
                (f64::from(score) - exact).abs() < drift(*exact),
                "{score} is not {exact}"
            );
        }
        let best = (0..exact.len())
            .max_by(|&a, &b| exact[a].total_cmp(&exact[b]))
            .unwrap();
        assert_eq!(read.chosen[row] as usize, best);
    }
    // Users 1 and 3 are in one state, and a list of one has no margin.
    assert_eq!(read.scores[1], read.scores[3]);
    assert_eq!(read.state_hash[1], read.state_hash[3]);
    assert_eq!((read.chosen[4], read.margin[4]), (0, 0.0));
}

#[test]
fn every_form_gives_the_same_bytes_for_any_workers() {
    let (folder, _) = folder();
    for form in ["likelihood", "pmi", "choice --rotations 2"] {
        let run = |out: &str, workers| {
            let more = format!("--form {form} --workers {workers}");
            profiler(folder.path(), &prefer(out, &more)).done();
            bytes(&folder, out)
        };
        let one = run("one.parquet", 1);
        assert_eq!(run("two.parquet", 2), one, "{form}");
        for out in ["one.parquet", "two.parquet"] {
            std::fs::remove_file(folder.path().join(out)).unwrap();
        }
    }
}

#[test]
fn pmi_is_the_likelihood_minus_that_without_the_user() {
    let (folder, _) = folder();
    profiler(folder.path(), &prefer("likelihood.parquet", "--form likelihood")).done();
    profiler(folder.path(), &prefer("pmi.parquet", "")).done();
    profiler(folder.path(), &prefer("tokens.parquet", "--normalise tokens")).done();
    let (likelihood, pmi) = (read(&folder, "likelihood.parquet"), read(&folder, "pmi.parquet"));
    // What is taken away belongs to the film, whoever the user is. Lists 0 and 1 share films 7, 3, 1 and 0.
    let taken = |row: usize, film: usize| {
        let place = LISTS[row].1.iter().position(|&f| f == film).unwrap();
        likelihood.scores[row][place] - pmi.scores[row][place]
    };
    for film in [7, 3, 1, 0] {
        let place = LISTS[0].1.iter().position(|&f| f == film).unwrap();
        let most = drift(f64::from(likelihood.scores[0][place]));
        assert!(
            f64::from((taken(0, film) - taken(1, film)).abs()) < most,
            "{film}"
        );
        assert!(taken(0, film) < -1.0);
    }
    let tokens = read(&folder, "tokens.parquet");
    let ratio = pmi.scores[0][0] / tokens.scores[0][0];
    assert!(ratio >= 2.0 && (ratio - ratio.round()).abs() < 1e-3, "{ratio}");
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes_and_finished_work_is_kept() {
    let (folder, _) = folder();
    // Many lists, for several units of work.
    let many: Vec<(String, Vec<usize>)> = (0..3)
        .map(|n| {
            (
                (n % 3 + 1).to_string(),
                (0..8).filter(|film| film % 6 != n).collect(),
            )
        })
        .collect();
    let lists: Vec<(&str, &[usize])> = many.iter().map(|(u, l)| (u.as_str(), l.as_slice())).collect();
    write_candidates(folder.path(), &lists);
    let run = prefer("out.parquet", "--workers 1 --form choice --rotations 4");
    // Kill it when a unit of work is on disk, and perhaps half of the next.
    killed(folder.path(), &run, "out.parquet.cache", 2);
    let resumed = profiler(folder.path(), &run).done();
    assert!(
        !resumed.stderr.contains(" 0 from the cache"),
        "{}",
        resumed.stderr
    );
    profiler(folder.path(), &run.replace("out.parquet", "whole.parquet")).done();
    assert_eq!(bytes(&folder, "out.parquet"), bytes(&folder, "whole.parquet"));
    let again = profiler(folder.path(), &run).done();
    assert!(again.stderr.contains("already done"), "{}", again.stderr);
}

#[test]
fn candidates_that_cannot_be_used_are_named() {
    let (folder, _) = folder();
    let place = "candidates.parquet";
    let refused = |code, words: &[&str]| {
        profiler(folder.path(), &prefer("out.parquet", "")).refused(code, words);
    };
    write_candidates(folder.path(), &[("1", &[1]), ("2", &[])]);
    refused(42, &["the list is empty", place, "column candidates", "row 1"]);
    write_candidates(folder.path(), &[("1", &[3, 1, 3])]);
    refused(42, &["`3` appears twice", place, "row 0"]);
    write_candidates(folder.path(), &[("9", &[1])]);
    refused(2, &["none of the users has a state, such as `9`", place]);
    write_candidates(folder.path(), &[("1", &[99])]);
    refused(2, &["none of the candidates is in the catalogue, such as `99`"]);
    let no_lists = table([("user_id", column(StringArray::from(vec!["1"])))]);
    write(&folder.path().join(place), &no_lists);
    refused(42, &["column `candidates` is missing"]);
    std::fs::write(folder.path().join(place), b"PAR1").unwrap();
    refused(42, &["no whole Parquet file"]);
    std::fs::remove_file(folder.path().join(place)).unwrap();
    refused(2, &[place]);

    write_candidates(folder.path(), &[("1", &[1, 99, 3]), ("9", &[1]), ("2", &[99])]);
    let run = profiler(folder.path(), &prefer("out.parquet", "--form likelihood")).done();
    for warning in [
        "1 lists are of users without a state, such as `9`",
        "2 candidates are not",
        "1 lists are left out",
    ] {
        assert!(run.stderr.contains(warning), "{}", run.stderr);
    }
    assert_eq!(read(&folder, "out.parquet").candidates, [["1", "3"]]);
}
