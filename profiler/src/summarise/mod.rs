//! `profiler summarise`: a profile of each user, for people to read and for later prompts.
//!
//! A profile is JSON of fixed form, see [`Profile`](crate::grammar::Profile). Its words are read, not written: the
//! log-probabilities of whole words in a field, for this user less those that are usual. Its sentence is a choice
//! among titles, or written token by token, held to the form by an automaton. Text between these is given to the
//! model and not asked of it. Many users are written of at once in one context, and when one is done, the next takes its place.

mod cache;
mod engine;
mod frame;
mod slot;
mod task;
mod text;
mod titles;
mod units;
mod words;
mod write;

use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum;
use common::artifact::{self, Plan};
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::summaries::{self, SUMMARIES, Summaries};
use common::schema::{items, states, users};
use common::{Result, output, terminal};
use serde::Serialize;

use crate::batch::Cache;
use crate::grammar::{self, VERSION};
use crate::model::{Header, Model};
use crate::prompt::{Template, Templates};
use crate::subjects;
use crate::vocab::{self, Domain};
pub use slot::Summary;
pub use units::Effort;
pub use write::{Means, profiles};

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
    let inputs = [&config.model, &config.items, &config.states].map(PathBuf::as_path);
    let more = [&config.users, &config.vocabulary, &config.templates];
    let more = more.into_iter().filter_map(|input| input.as_deref());
    let outputs = [config.out.as_path()].into_iter().chain(config.gbnf.as_deref());
    output::files(outputs, inputs.into_iter().chain(more))?;
    Header::read(&config.model)?;
    let words = vocab::words(config.domain, config.vocabulary.as_deref())?;
    if let Some(gbnf) = &config.gbnf {
        let text = grammar::gbnf(&words);
        artifact::write_text(gbnf, &text, "is another grammar", config.overwrite)?;
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
    let cache = Cache::beside(&config.out);
    let means = Means {
        model: &model,
        templates: &templates,
        words: &words,
        domain: config.domain,
        chat: config.chat,
        about: config.about,
        cache: &cache,
        workers: config.workers,
    };
    let started = Instant::now();
    let name = |user: usize| format!("user {}", states.users.id(user as u32));
    let (written, effort) = profiles(&means, &catalogue, &described, name)?;
    let mut summaries = Summaries {
        users: states.users,
        state_hash: states.state_hash,
        ..Summaries::default()
    };
    for Summary { profile, confidence } in written {
        summaries.summary.push(profile.to_json());
        summaries.confidence.push(confidence);
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
        .config(&recorded)?;
    subjects::record(
        manifest,
        &config.model,
        &config.items,
        Some(&config.states),
        config.users.as_deref(),
    )
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
