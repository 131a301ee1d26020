//! `profiler summarise`: a profile of each user, for people to read and for later prompts.
//!
//! A profile is JSON of fixed form, see [`Profile`]. Its words are read, not written: the
//! log-probabilities of whole words in a field, for this user less those for a user of whom nothing is known. Its sentence
//! is written token by token, held to the form by an automaton. Text between the fields is given to the model and
//! not asked of it. Many users are written of at once in one context, and when one is done, the next takes its place.

mod cache;
mod engine;
mod frame;
mod slot;
mod task;
mod text;
mod titles;
mod units;
mod words;

use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum;
use common::artifact::{self, Plan};
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::rng::{RngExt, stream};
use common::schema::items::{self, Items};
use common::schema::summaries::{self, SUMMARIES, Summaries};
use common::schema::{states, table, users};
use common::{Result, atomic_file, terminal};
use serde::Serialize;

use crate::batch::Cache;
use crate::grammar::{self, ABOUT, Profile, VERSION};
use crate::model::{Header, Model};
use crate::prompt::{Template, Templates, User, clean};
use crate::subjects;
use crate::vocab::{self, Domain};
use frame::Frame;
use slot::Summary;
use task::{Subject, Task};
use units::{Effort, SAMPLE};

/// Whether prompts are put into the model's own chat template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Chat {
    /// Where the model has one
    Auto,
    /// Never: the profile continues the prompt
    Never,
}

/// How a profile's sentence is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// From the profile's words and the titles of the history that the model picks for them: always true
    Titles,
    /// In the model's own words: worth it from a billion parameters on; smaller models make things up
    Free,
}

/// What `summarise` is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The language model, a GGUF.
    pub model: PathBuf,
    /// The catalogue.
    pub items: PathBuf,
    /// The user states.
    pub states: PathBuf,
    /// What else is known of users.
    pub users: Option<PathBuf>,
    /// The built-in vocabulary and template.
    pub domain: Domain,
    /// Words over the built-in ones.
    pub vocabulary: Option<PathBuf>,
    /// A folder with a template over the built-in one.
    pub templates: Option<PathBuf>,
    /// Whether the model's chat template is used.
    pub chat: Chat,
    /// How the sentence is made.
    pub about: About,
    /// Where the summaries go; finished work is kept beside it in `OUT.cache`.
    pub out: PathBuf,
    /// Where the form goes as a grammar for llama.cpp.
    pub gbnf: Option<PathBuf>,
    /// Threads; the result does not depend on it.
    pub workers: usize,
    /// Layers of the model on a GPU, where the build has one.
    pub gpu_layers: u32,
    /// Recorded in the manifest; nothing here is random.
    pub seed: u64,
    /// Replace another run's summaries.
    pub overwrite: bool,
}

/// Titles in the history of a user who stands for any.
const LIKED: usize = 6;

/// The part of the configuration that the result depends on.
#[derive(Serialize)]
struct Recorded<'a> {
    form: u32,
    vocabulary: &'a [String],
    templates: &'a Fingerprint,
    chat: Chat,
    about: About,
    domain: &'a str,
    gpu_layers: u32,
}

/// Writes a profile of every user state, in the order of the states.
///
/// # Errors
/// When an input is missing or bad, the model cannot be used, a prompt does not fit the model's window, or `out` is
/// another run's.
pub fn run(config: &Config) -> Result<()> {
    Header::read(&config.model)?;
    let words = vocab::words(config.domain, config.vocabulary.as_deref())?;
    if let Some(gbnf) = &config.gbnf {
        atomic_file::write_bytes(gbnf, grammar::gbnf(&words).as_bytes())?;
    }
    let templates = Templates::load(config.domain, config.templates.as_deref(), &[Template::Summarise])?;
    let manifest = manifest(config, &words, &templates)?;
    let catalogue = items::read(&config.items)?;
    let states = states::read(&config.states)?;
    let known = config.users.as_deref().map(users::read).transpose()?;
    if artifact::plan(&config.out, &manifest, config.overwrite)? == Plan::AlreadyDone {
        return Ok(());
    }
    let described = subjects::users(&states, &catalogue, known.as_ref(), &config.states)?;
    let model = Model::load(&config.model, config.gpu_layers)?;
    let frame = Frame::new(&model, &templates, config.chat)?;
    let task = Task::new(&model, &frame, words, config.about, config.domain.noun())?;

    let started = Instant::now();
    let mut subjects = Vec::new();
    // Users of whom nothing but attributes is known are not asked about: a model would make something up.
    let mut places = Vec::with_capacity(described.len());
    for (user, id) in described.iter().zip(states.users.ids()) {
        let asked = !user.liked.is_empty() || !user.disliked.is_empty();
        places.push(asked.then_some(subjects.len()));
        if asked {
            subjects.push(
                frame
                    .subject(user, &task)
                    .map_err(|e| e.at(format!("user {id}")))?,
            );
        }
    }
    let others = others(&catalogue, &frame, &task)?;
    let cache = Cache::beside(&config.out);
    let (written, effort) = units::write(&task, &subjects, &others, &cache, config.workers)?;
    let mut summaries = Summaries {
        users: states.users,
        state_hash: states.state_hash,
        ..Summaries::default()
    };
    for (place, user) in places.iter().zip(&described) {
        let summary = place.map_or_else(|| unknown(user), |place| written[place].clone());
        summaries.summary.push(summary.profile.to_json());
        summaries.confidence.push(summary.confidence);
    }
    summaries::write(&config.out, &manifest, &summaries)?;
    report(config, &model, &summaries, effort, started);
    Ok(())
}

fn manifest(config: &Config, words: &[String], templates: &Templates) -> Result<Manifest> {
    let recorded = Recorded {
        form: VERSION,
        vocabulary: words,
        templates: templates.fingerprint(),
        chat: config.chat,
        about: config.about,
        domain: config.domain.name(),
        gpu_layers: config.gpu_layers,
    };
    let manifest = Manifest::new(SUMMARIES, "profiler summarise")
        .seed(config.seed)
        .config(&recorded)?
        .input_file("model", &config.model)?
        .input("items", table::fingerprint(&config.items)?)
        .input("states", table::fingerprint(&config.states)?);
    match &config.users {
        Some(users) => Ok(manifest.input("users", table::fingerprint(users)?)),
        None => Ok(manifest),
    }
}

/// Users who like anything of the catalogue.
fn others(catalogue: &Items, frame: &Frame, task: &Task) -> Result<Vec<Subject>> {
    let other = |number| {
        let mut rng = stream(0, "users to compare with", &[number]);
        let mut user = User::default();
        for place in 0..LIKED {
            let item = subjects::item(catalogue, rng.random_range(0..catalogue.ids.len()));
            if place == 0 {
                user.disliked.push(item.title);
            } else {
                user.liked.push(item.title);
                user.categories.extend(item.categories);
            }
        }
        user.categories = User::frequent(&user.categories);
        frame.subject(&user, task)
    };
    (0..SAMPLE as u64).map(other).collect()
}

/// What can be said of a user of whom nothing but attributes is known.
fn unknown(user: &User) -> Summary {
    let known: Vec<String> = user
        .attributes
        .iter()
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    let about = if known.is_empty() {
        "Nothing is known yet.".to_string()
    } else {
        let plain = format!("No history yet: {}.", known.join(", "))
            .replace('"', "'")
            .replace('\\', "/");
        clean(&plain, ABOUT)
    };
    Summary {
        profile: Profile {
            about,
            ..Profile::default()
        },
        confidence: 0.0,
    }
}

fn report(config: &Config, model: &Model, summaries: &Summaries, effort: Effort, started: Instant) {
    terminal::info(&format!(
        "{}: {} users summarised by {}",
        config.out.display(),
        summaries.users.len(),
        model.title(),
    ));
    terminal::info(&format!(
        "{} distinct users, {} from the cache; {:.1} s",
        effort.distinct,
        effort.cached,
        started.elapsed().as_secs_f64()
    ));
}
