//! `profiler prefer`: what the language model would choose for a user among candidates.
//!
//! Three forms. *Likelihood*: how probable the model finds the candidate's title after the user's prompt.
//! *PMI*: the same minus that with the user left out, so that titles that are common anyhow win nothing by it
//! (Holtzman et al. 2021, "Surface Form Competition"). *Choice*: the prompt lists the candidates and the model
//! names one by its label (the form of iALP, arXiv 2501.13816); no text is generated, the log-probabilities of all
//! labels are read at once.

mod choice;
mod likelihood;
mod lists;

use std::path::PathBuf;

use clap::ValueEnum;
use common::artifact::Plan;
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::items::{self, Items};
use common::schema::preferences::{self, PREFERENCES, Preferences};
use common::schema::states::{self, States};
use common::schema::{at, candidates, table, users};
use common::{Error, Result, terminal};
use serde::Serialize;

use crate::batch::{Cache, Effort, Means};
use crate::model::Model;
use crate::prompt::{Template, Templates, User};
use crate::subjects::{self, Asked, refused};
use lists::List;

const TOOL: &str = "profiler prefer";

/// What a score is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The log-probability of the candidate's title after the user's prompt
    Likelihood,
    /// That, minus the same with the user left out of the prompt
    Pmi,
    /// The log-probability of the candidate's label as the answer to the whole list, minus the same with the user
    /// left out
    Choice,
}

/// What a title's log-probability is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Normalise {
    /// Nothing
    None,
    /// The title's number of tokens
    Tokens,
}

/// What `prefer` is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The model, the catalogue and the users, and where the result goes.
    pub asked: Asked,
    /// The user states.
    pub states: PathBuf,
    /// The candidate lists.
    pub candidates: PathBuf,
    /// Candidates of a list that are asked about, from its front; `None`: all.
    pub at_most: Option<usize>,
    /// What a score is.
    pub form: Form,
    /// What likelihoods are divided by.
    pub normalise: Normalise,
    /// Orders of a list that a choice is averaged over.
    pub rotations: usize,
}

/// The part of the configuration that the result depends on.
#[derive(Serialize)]
struct Recorded<'a> {
    form: Form,
    normalise: Normalise,
    rotations: usize,
    at_most: Option<usize>,
    templates: &'a Fingerprint,
    gpu_layers: u32,
}

/// What scores are made from.
struct Material<'a> {
    templates: &'a Templates,
    /// By state.
    users: &'a [User],
    catalogue: &'a Items,
    lists: &'a [List],
}

impl Material<'_> {
    /// What is wrong with a title of the list that the model cannot be asked about.
    fn refused(&self, model: &Model, states: &States, list: &List) -> Option<Error> {
        let titles = list
            .items
            .iter()
            .map(|&code| subjects::item(self.catalogue, code as usize).title);
        let error = titles.filter_map(|title| refused(model, &title)).next()?;
        Some(error.at(self.subject(states, list)))
    }

    /// For messages: whose the list is.
    fn subject(&self, states: &States, list: &List) -> String {
        format!("user {}", states.users.id(list.state as u32))
    }
}

/// Scores all candidate lists, and writes them in the order of their file.
///
/// # Errors
/// When an input is missing or bad, no list has a known user and item, the model cannot be used, a list is too
/// long for a choice, or `out` is another run's.
pub fn run(config: &Config) -> Result<()> {
    let asked = &config.asked;
    asked.check(&[Some(&config.states), Some(&config.candidates)])?;
    let template = match config.form {
        Form::Likelihood | Form::Pmi => Template::Prefer,
        Form::Choice => Template::Choose,
    };
    let templates = Templates::load(asked.domain, asked.templates.as_deref(), &[template])?;
    let manifest = manifest(config, &templates)?;
    let catalogue = items::read(&asked.items)?;
    let states = states::read(&config.states)?;
    let candidates = candidates::read(&config.candidates)?;
    let users = asked.users.as_deref().map(users::read).transpose()?;
    if asked.plan(&manifest)? == Plan::AlreadyDone {
        return asked.sharding.finish(&asked.out);
    }
    let Some(cache) = Cache::begin(&asked.sharding, &asked.out, &manifest)? else {
        return Ok(());
    };
    let users = subjects::users(&states, &catalogue, users.as_ref(), &config.states)?;
    let lists = lists::known(
        &candidates,
        &states,
        &catalogue,
        config.at_most,
        &config.candidates,
    )?;
    let material = Material {
        templates: &templates,
        users: &users,
        catalogue: &catalogue,
        lists: &lists,
    };
    let model = Model::load(&asked.model, asked.gpu_layers)?;
    let means = Means {
        model: &model,
        cache: &cache,
        workers: asked.workers,
        label: "candidates",
        alone: false,
    };
    let (scores, effort) = match config.form {
        Form::Likelihood => likelihood::scores(means, &material, &states, config.normalise, false)?,
        Form::Pmi => likelihood::scores(means, &material, &states, config.normalise, true)?,
        Form::Choice => choice::scores(means, &material, &states, config.rotations)?,
    };
    if cache.commit()? {
        return Ok(());
    }
    let mut bad = asked.bad_rows(TOOL, lists.len() as u64);
    let mut kept = Vec::with_capacity(scores.len());
    for (list, scores) in lists.iter().zip(scores) {
        match scores {
            Ok(scores) => kept.push((list, scores)),
            Err(error) => bad.take(at::user(error, &config.candidates, list.row), "list")?,
        }
    }
    bad.finish(lists.len() as u64)?;
    let preferences = preferences(&material, &states, kept);
    preferences::write(&asked.out, &manifest, &preferences)?;
    report(config, &model, &preferences, effort);
    asked.sharding.finish(&asked.out)
}

fn manifest(config: &Config, templates: &Templates) -> Result<Manifest> {
    let recorded = Recorded {
        form: config.form,
        normalise: config.normalise,
        rotations: config.rotations,
        at_most: config.at_most,
        templates: templates.fingerprint(),
        gpu_layers: config.asked.gpu_layers,
    };
    let manifest = config
        .asked
        .manifest(PREFERENCES, TOOL, Some(&config.states))?
        .config(&recorded)?;
    Ok(manifest.input("candidates", table::fingerprint(&config.candidates)?))
}

fn preferences(material: &Material, states: &States, scores: Vec<(&List, Vec<f32>)>) -> Preferences {
    let mut preferences = Preferences::default();
    for (list, scores) in scores {
        let (chosen, margin) = chosen(&scores);
        preferences.state_hash.push(states.state_hash[list.state].clone());
        preferences
            .user_id
            .push(states.users.id(list.state as u32).to_string());
        let ids = list
            .items
            .iter()
            .map(|&code| material.catalogue.ids.id(code).to_string());
        preferences.candidates.push(ids.collect());
        preferences.scores.push(scores);
        preferences.chosen.push(chosen);
        preferences.margin.push(margin);
    }
    preferences
}

/// The place of the first of the highest scores, and how far it is above the next; 0 where there is one alone.
fn chosen(scores: &[f32]) -> (u32, f32) {
    let mut best = 0;
    for (place, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = place;
        }
    }
    let next = scores
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != best)
        .map(|(_, &score)| score)
        .reduce(f32::max);
    (best as u32, next.map_or(0.0, |next| scores[best] - next))
}

fn report(config: &Config, model: &Model, preferences: &Preferences, effort: Effort) {
    let candidates: usize = preferences.candidates.iter().map(Vec::len).sum();
    terminal::info(&format!(
        "{}: {candidates} candidates in {} lists scored by {}",
        config.asked.out.display(),
        preferences.user_id.len(),
        model.title(),
    ));
    terminal::info(&effort.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_best_is_chosen() {
        assert_eq!(chosen(&[-3.0, -1.0, -1.0]), (1, 0.0));
        assert_eq!(chosen(&[-3.0, -1.0, -1.5]), (1, 0.5));
        assert_eq!(chosen(&[-3.0]), (0, 0.0));
    }
}
