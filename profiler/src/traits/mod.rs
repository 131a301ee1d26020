//! `profiler traits`: what the language model reads in items and user states.
//!
//! For each subject the log-probabilities of the trait words as the next word of its prompt, minus those of the
//! same prompt with the subject left out (contextual calibration, Zhao et al. 2021, "Calibrate Before Use"):
//! the traits are how much more likely, in natural log-odds, a word is for this subject than for none. One
//! prefill a prompt, no generation.
//!
//! Of items also their *fame*: the log-probability of the title as the next one in a list of well-known ones. What the model
//! has read often it finds probable, and people have heard of.

use std::path::PathBuf;

use common::artifact::{self, Plan};
use common::fingerprint::Fingerprint;
use common::manifest::Manifest;
use common::schema::items::{self, Items};
use common::schema::profiles::{self, Kind, PROFILES, Profiles};
use common::schema::states::{self, States};
use common::schema::{table, users};
use common::{Result, terminal};
use serde::Serialize;

use crate::batch::{self, Cache, Effort, Means, Prompt, Question};
use crate::model::Model;
use crate::prompt::{Item, Template, Templates, User};
use crate::subjects::{self, Asked, History, Told};
use crate::vocab;

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
/// # Errors
/// When an input is missing or bad, the model cannot be used, words of the vocabulary cannot be told apart, or
/// `out` is another run's.
pub fn run(config: &Config) -> Result<()> {
    let asked = &config.asked;
    asked.check(&[config.states.as_ref(), config.vocabulary.as_ref()])?;
    let words = vocab::words(asked.domain, config.vocabulary.as_deref())?;
    let wanted = [Template::Item, Template::User, Template::Fame];
    let templates = Templates::load(asked.domain, asked.templates.as_deref(), &wanted)?;
    let manifest = manifest(config, &words, &templates)?;
    let catalogue = items::read(&asked.items)?;
    let users = asked.users.as_deref().map(users::read).transpose()?;
    let place = config.states.as_deref().unwrap_or(&asked.items);
    let states = match &config.states {
        Some(path) => states::read(path)?,
        None => States::empty(users.as_ref().map(|users| &users.ids)),
    };
    if artifact::plan(&asked.out, &manifest, asked.overwrite)? == Plan::AlreadyDone {
        return Ok(());
    }
    let items = item_subjects(&catalogue, &templates)?;
    let mut described = subjects::users(&states, &catalogue, users.as_ref(), place)?;
    let summaries = match &config.summaries {
        Some(told) => subjects::tell(told, &states, &mut described, place)?,
        None => Vec::new(),
    };
    let users = user_subjects(&states, &described, &templates)?;

    let model = Model::load(&asked.model, asked.gpu_layers)?;
    let tokens = vocab::tokens(&model, &words)?;
    let cache = Cache::beside(&asked.out);
    let means = Means {
        model: &model,
        cache: &cache,
        workers: asked.workers,
        label: "items",
    };
    let mut profiles = Profiles {
        vocabulary: words,
        ..Profiles::default()
    };
    let neutral = templates.item(&Item::default())?;
    let mut effort = read(
        means,
        &templates.item_beginning()?,
        neutral,
        items,
        &tokens,
        &mut profiles,
    )?;
    if let Some((prompt, beginning)) = templates.fame()? {
        let label = "titles";
        effort += read_fame(
            Means { label, ..means },
            prompt,
            &beginning,
            &catalogue,
            &mut profiles,
        )?;
    }
    let means = Means {
        label: "user states",
        ..means
    };
    let neutral = templates.user(&User::default())?;
    effort += read(
        means,
        &templates.user_beginning()?,
        neutral,
        users,
        &tokens,
        &mut profiles,
    )?;
    let users = profiles.len() - summaries.len();
    for (summary, text) in profiles.summary[users..].iter_mut().zip(summaries) {
        *summary = Some(text);
    }
    profiles::write(&asked.out, &manifest, &profiles)?;
    report(config, &model, &profiles, effort);
    Ok(())
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
        .manifest(PROFILES, "profiler traits", config.states.as_deref())?
        .config(&recorded)?;
    match &config.summaries {
        Some(told) => Ok(manifest.input("summaries", table::fingerprint(&told.file)?)),
        None => Ok(manifest),
    }
}

/// One whose traits are read.
struct Subject {
    kind: Kind,
    id: String,
    state_hash: Option<String>,
    prompt: String,
}

/// A prompt for each item of the catalogue.
fn item_subjects(catalogue: &Items, templates: &Templates) -> Result<Vec<Subject>> {
    let subject = |(code, id): (usize, &str)| {
        Ok(Subject {
            kind: Kind::Item,
            id: id.to_string(),
            state_hash: None,
            prompt: templates.item(&subjects::item(catalogue, code))?,
        })
    };
    catalogue.ids.ids().enumerate().map(subject).collect()
}

/// A prompt for each user state.
fn user_subjects(states: &States, described: &[User], templates: &Templates) -> Result<Vec<Subject>> {
    let subject = |((id, hash), user): ((&str, &String), &User)| {
        Ok(Subject {
            kind: Kind::User,
            id: id.to_string(),
            state_hash: Some(hash.clone()),
            prompt: templates.user(user)?,
        })
    };
    let ids = states.users.ids().zip(&states.state_hash);
    ids.zip(described).map(subject).collect()
}

/// Reads the traits of `subjects` and appends their profiles.
fn read(
    means: Means,
    beginning: &str,
    neutral: String,
    subjects: Vec<Subject>,
    words: &[i32],
    profiles: &mut Profiles,
) -> Result<Effort> {
    let (mut prompts, mut kinds) = (
        Vec::with_capacity(subjects.len() + 1),
        Vec::with_capacity(subjects.len()),
    );
    for Subject {
        kind,
        id,
        state_hash,
        prompt,
    } in subjects
    {
        prompts.push(Prompt {
            subject: format!("{} {id}", kind.as_str()),
            text: prompt,
        });
        kinds.push((kind, id, state_hash));
    }
    prompts.push(Prompt {
        subject: "the subject left out".into(),
        text: neutral,
    });
    let (mut rows, effort) = batch::log_probabilities(means, beginning, &prompts, words)?;
    let neutral = rows.pop().unwrap_or_default();
    for ((kind, id, state_hash), row) in kinds.into_iter().zip(rows) {
        push(profiles, kind, id, state_hash, &row, &neutral);
    }
    Ok(effort)
}

/// Reads how well known the items are, whose profiles are there already.
fn read_fame(
    means: Means,
    prompt: String,
    beginning: &str,
    catalogue: &Items,
    profiles: &mut Profiles,
) -> Result<Effort> {
    let (mut rows, mut titles) = (Vec::new(), Vec::new());
    for row in 0..profiles.len() {
        let title = subjects::item(catalogue, row).title;
        if !title.trim().is_empty() {
            rows.push(row);
            // With the new line that follows a title in the template: see `batch::log_likelihoods`.
            titles.push(format!(" {title}\n"));
        }
    }
    if rows.is_empty() {
        return Ok(Effort::default());
    }
    let question = Question {
        prompt: Prompt {
            subject: "the list of well-known items".into(),
            text: prompt,
        },
        continuations: (0..titles.len() as u32).collect(),
    };
    let (scores, effort) = batch::log_likelihoods(means, beginning, &[question], &titles)?;
    for (row, score) in rows.into_iter().zip(scores.into_iter().flatten()) {
        profiles.fame[row] = Some(score);
    }
    Ok(effort)
}

fn push(
    profiles: &mut Profiles,
    kind: Kind,
    id: String,
    state_hash: Option<String>,
    row: &[f32],
    neutral: &[f32],
) {
    profiles.kind.push(kind);
    profiles.id.push(id);
    profiles.state_hash.push(state_hash);
    profiles
        .traits
        .extend(row.iter().zip(neutral).map(|(with, without)| with - without));
    profiles.summary.push(None);
    profiles.confidence.push(mass(row));
    profiles.fame.push(None);
}

/// How much of the model's probability is on trait words at all: near 0, it would have said something else.
fn mass(row: &[f32]) -> f32 {
    row.iter()
        .map(|&p| f64::from(p).exp())
        .sum::<f64>()
        .clamp(0.0, 1.0) as f32
}

fn report(config: &Config, model: &Model, profiles: &Profiles, effort: Effort) {
    let items = profiles.kind.iter().filter(|&&kind| kind == Kind::Item).count();
    terminal::info(&format!(
        "{}: {items} items, {} users, {} traits read by {}",
        config.asked.out.display(),
        profiles.len() - items,
        profiles.vocabulary.len(),
        model.title(),
    ));
    terminal::info(&effort.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traits_are_relative_to_the_subject_left_out() {
        let mut profiles = Profiles {
            vocabulary: vec!["a".into(), "b".into()],
            ..Profiles::default()
        };
        push(
            &mut profiles,
            Kind::Item,
            "1".into(),
            None,
            &[-1.0, -2.0],
            &[-3.0, -2.0],
        );
        assert_eq!(profiles.traits_of(0), [2.0, 0.0]);
        assert!((profiles.confidence[0] - ((-1_f32).exp() + (-2_f32).exp())).abs() < 1e-6);
    }
}
