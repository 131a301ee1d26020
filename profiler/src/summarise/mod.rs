//! `profiler summarise`: a profile of each user, for people to read and for later prompts.
//!
//! A profile is JSON of fixed form, see [`Profile`](crate::profile::Profile). Its words are read, not written: the
//! log-probabilities of whole words in a field, for this user less those that are usual. Its sentence is a choice
//! among titles of the user's own history: it names nothing that the user never met. Text between these is given to
//! the model and not asked of it. Many users are written of at once in one context, and when one is done, the next takes its place.

mod cache;
mod engine;
mod frame;
mod slot;
mod task;
mod titles;
mod units;
mod words;
mod write;

use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum;
use common::artifact::Plan;
use common::fingerprint::Fingerprint;
use common::ids::Dictionary;
use common::manifest::Manifest;
use common::schema::summaries::{self, SUMMARIES, Summaries};
use common::schema::{at, items, states, users};
use common::{Result, terminal};
use serde::Serialize;

use crate::batch::Cache;
use crate::model::Model;
use crate::profile::VERSION;
use crate::prompt::{Template, Templates};
use crate::subjects::{self, Asked};
use crate::vocab;
pub use slot::Summary;
pub use units::Effort;
pub use write::{Means, profiles};

const TOOL: &str = "profiler summarise";

/// Whether prompts are put into the model's own chat template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Chat {
    /// Where the model has one
    Auto,
    /// Never: the profile continues the prompt
    Never,
}

/// What `summarise` is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The model, the catalogue and the users, and where the result goes.
    pub asked: Asked,
    /// The user states.
    pub states: PathBuf,
    /// Words over the built-in ones.
    pub vocabulary: Option<PathBuf>,
    /// Whether the model's chat template is used.
    pub chat: Chat,
}

/// The part of the configuration that the result depends on.
#[derive(Serialize)]
struct Recorded<'a> {
    form: u32,
    vocabulary: &'a [String],
    templates: &'a Fingerprint,
    chat: Chat,
    domain: &'a str,
    gpu_layers: u32,
}

/// Writes a profile of every user state, in the order of the states.
///
/// # Errors
/// When an input is missing or bad, the model cannot be used, a prompt does not fit the model's window, or `out` is
/// another run's.
pub fn run(config: &Config) -> Result<()> {
    let asked = &config.asked;
    asked.check(&[Some(&config.states), config.vocabulary.as_ref()])?;
    let words = vocab::words(asked.domain, config.vocabulary.as_deref())?;
    let templates = Templates::load(asked.domain, asked.templates.as_deref(), &[Template::Summarise])?;
    let manifest = manifest(config, &words, &templates)?;
    let catalogue = items::read(&asked.items)?;
    let states = states::read(&config.states)?;
    let known = asked.users.as_deref().map(users::read).transpose()?;
    if asked.plan(&manifest)? == Plan::AlreadyDone {
        return asked.sharding.finish(&asked.out);
    }
    let Some(cache) = Cache::begin(&asked.sharding, &asked.out, &manifest)? else {
        return Ok(());
    };
    let described = subjects::users(&states, &catalogue, known.as_ref(), &config.states)?;
    let model = Model::load(&asked.model, asked.gpu_layers)?;
    let means = Means {
        model: &model,
        templates: &templates,
        words: &words,
        domain: asked.domain,
        chat: config.chat,
        cache: &cache,
        workers: asked.workers,
    };
    let started = Instant::now();
    let name = |user: usize| format!("user {}", states.users.id(user as u32));
    let (written, effort) = profiles(&means, &catalogue, &described, name)?;
    if cache.commit()? {
        return Ok(());
    }
    let mut summaries = Summaries {
        users: Dictionary::new(states.users.kind()),
        ..Summaries::default()
    };
    let total = states.users.len() as u64;
    let mut bad = asked.bad_rows(TOOL, total);
    for ((row, hash), written) in states.state_hash.into_iter().enumerate().zip(written) {
        match written {
            Ok(Summary { profile, confidence }) => {
                summaries.users.intern(states.users.id(row as u32));
                summaries.state_hash.push(hash);
                summaries.summary.push(profile.to_json());
                summaries.confidence.push(confidence);
            }
            Err(error) => bad.take(at::user(error, &config.states, row), "user")?,
        }
    }
    bad.finish(total)?;
    summaries::write(&asked.out, &manifest, &summaries)?;
    report(config, &model, &summaries, effort, started);
    asked.sharding.finish(&asked.out)
}

fn manifest(config: &Config, words: &[String], templates: &Templates) -> Result<Manifest> {
    let recorded = Recorded {
        form: VERSION,
        vocabulary: words,
        templates: templates.fingerprint(),
        chat: config.chat,
        domain: config.asked.domain.name(),
        gpu_layers: config.asked.gpu_layers,
    };
    config
        .asked
        .manifest(SUMMARIES, TOOL, Some(&config.states))?
        .config(&recorded)
}

fn report(config: &Config, model: &Model, summaries: &Summaries, effort: Effort, started: Instant) {
    terminal::info(&format!(
        "{}: {} users summarised by {}",
        config.asked.out.display(),
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
