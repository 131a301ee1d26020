//! `profiler traits`: what the language model reads in items and user states.
//!
//! For each subject the log-probabilities of the trait words as the next word of its prompt, minus those of the
//! same prompt with the subject left out (contextual calibration, Zhao et al. 2021, "Calibrate Before Use"):
//! the traits are how much more likely, in natural log-odds, a word is for this subject than for none. One
//! prefill a prompt, no generation.
//!
//! Of items also their *fame*: the log-probability of the title as the next one in a list of well-known ones. What the model
//! has read often it finds probable, and people have heard of.

mod items;
mod reader;
mod users;

use std::path::{Path, PathBuf};

use common::artifact::Plan;
use common::bad_rows::BadRows;
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::items as catalogues;
use common::schema::profiles::{self, Kind, PROFILES, Profiles};
use common::schema::states::InPieces;
use common::schema::{table, users as people};
use common::{Result, terminal};
use serde::Serialize;

use crate::batch::{Cache, Effort, Means};
use crate::model::Model;
use crate::prompt::{Template, Templates, User};
use crate::subjects::{Asked, Fit, History, Summaries, Told, require_same_making};
use crate::vocab;
use reader::Reader;

const TOOL: &str = "profiler traits";

/// What `traits` is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The model, the catalogue and the users, and where the result goes.
    pub asked: Asked,
    /// The user states; without them users are read from their attributes alone.
    pub states: Option<PathBuf>,
    /// Profiles of the users to tell in their prompts; they are of states.
    pub summaries: Option<Told>,
    /// Words over the built-in ones.
    pub vocabulary: Option<PathBuf>,
    /// An earlier run's profiles, to be taken over where they would be the same.
    pub previous: Option<PathBuf>,
}

/// How many profiles were made.
#[derive(Default)]
struct Counts {
    items: usize,
    users: usize,
    /// Users whose profiles were taken over.
    taken: usize,
}

/// The part of the configuration that the result depends on.
#[derive(Serialize)]
struct Recorded<'a> {
    vocabulary: &'a [String],
    templates: &'a Fingerprint,
    gpu_layers: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<History>,
}

/// Reads the traits of all items and user states, and writes their profiles: items first, each kind in the
/// order of its input. Without states the users are those of `users`, with an empty state each, or there are none.
///
/// Users are read, evaluated and written a few thousand at a time; the catalogue is held whole. What is bad of a subject is
/// set aside as [`common::bad_rows`] says.
///
/// # Errors
/// When an input is missing or bad, the model cannot be used, words of the vocabulary cannot be told apart, more is bad than
/// may be set aside, or `out` is another run's.
pub fn run(config: &Config) -> Result<()> {
    let asked = &config.asked;
    asked.check(&[config.states.as_ref(), config.vocabulary.as_ref()])?;
    let words = vocab::words(asked.domain, config.vocabulary.as_deref())?;
    let wanted = [Template::Item, Template::User, Template::Fame];
    let templates = Templates::load(asked.domain, asked.templates.as_deref(), &wanted)?;
    let manifest = manifest(config, &words, &templates)?;
    let catalogue = catalogues::read(&asked.items)?;
    let states = match (&config.states, &asked.users) {
        (Some(states), _) => Some(InPieces::open(states)?),
        (None, Some(users)) => Some(InPieces::empty(users)?),
        (None, None) => None,
    };
    let place = [&config.states, &asked.users].into_iter().flatten().next();
    let place = place.unwrap_or(&asked.items).as_path();
    if asked.plan(&manifest)? == Plan::AlreadyDone {
        return asked.sharding.finish(&asked.out);
    }
    let Some(cache) = Cache::begin(&asked.sharding, &asked.out, &manifest)? else {
        return Ok(());
    };
    let previous = if asked.only_bad {
        Some(&asked.out)
    } else {
        config.previous.as_ref()
    };
    let previous = previous.map(PathBuf::as_path);
    if let Some(previous) = previous {
        require_same_making(previous, &manifest)?;
    }
    let finder = |path: &Path| profiles::finder(path, Kind::User);
    let sources = users::Sources {
        catalogue: &catalogue,
        templates: &templates,
        attributes: asked.users.as_deref().map(people::finder).transpose()?,
        summaries: config
            .summaries
            .as_ref()
            .map(|told| Summaries::open(told, place))
            .transpose()?,
        previous: previous.map(finder).transpose()?,
        place,
    };
    let total = catalogue.ids.len() as u64 + states.as_ref().map_or(0, InPieces::rows);
    let mut bad = asked.bad_rows(TOOL, total);

    let model = Model::load(&asked.model, asked.gpu_layers)?;
    let tokens = vocab::tokens(&model, &words)?;
    let cache = match previous {
        Some(previous) => cache.and(previous)?,
        None => cache,
    };
    let means = Means {
        model: &model,
        cache: &cache,
        workers: asked.workers,
        label: "items",
        alone: false,
    };
    let of_items = (&catalogue, asked.items.as_path());
    let (items, mut effort) = items::read(means, &templates, &tokens, of_items, previous, &mut bad)?;
    let mut counts = Counts {
        items: items.len(),
        ..Counts::default()
    };
    let fill = |bad: &mut BadRows, write: &mut dyn FnMut(&Profiles) -> Result<()>| -> Result<()> {
        write(&items)?;
        if let Some(states) = states {
            let means = Means {
                label: "user states",
                alone: true,
                ..means
            };
            let neutral = templates.user(&User::default())?;
            let mut reader = Reader::new(means, templates.user_beginning()?, neutral, &tokens)?;
            let beginning = reader.beginning().to_string();
            let mut fit = Fit::new(&model, &beginning, 0);
            let tools = (&mut reader, &mut fit);
            (counts.users, counts.taken) = users::read(states, sources, tools, bad, write)?;
            fit.warn();
            effort += reader.effort;
        }
        Ok(())
    };
    if cache.is_part() {
        // Answers are those of this shard's units alone.
        fill(&mut bad, &mut |_| Ok(()))?;
        return cache.commit().map(|_| ());
    }
    profiles::write_pieces(&asked.out, &manifest, &words, |write| {
        fill(&mut bad, write)?;
        bad.finish(total)
    })?;
    report(config, &model, words.len(), &counts, effort);
    asked.sharding.finish(&asked.out)
}

fn manifest(config: &Config, words: &[String], templates: &Templates) -> Result<Manifest> {
    let recorded = Recorded {
        vocabulary: words,
        templates: templates.fingerprint(),
        gpu_layers: config.asked.gpu_layers,
        history: config.summaries.as_ref().map(|told| told.history),
    };
    let manifest = config
        .asked
        .manifest(PROFILES, TOOL, config.states.as_deref())?
        .config(&recorded)?;
    match &config.summaries {
        Some(told) => Ok(manifest.input("summaries", table::fingerprint(&told.file)?)),
        None => Ok(manifest),
    }
}

fn report(config: &Config, model: &Model, traits: usize, counts: &Counts, effort: Effort) {
    let Counts { items, users, taken } = counts;
    terminal::info(&format!(
        "{}: {items} items, {users} users, {traits} traits read by {}",
        config.asked.out.display(),
        model.title(),
    ));
    if *taken > 0 {
        terminal::info(&format!("{taken} users taken from the earlier run"));
    }
    terminal::info(&effort.to_string());
}
