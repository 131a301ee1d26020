//! `profiler inspect`: some items and users as the pipeline sees them, for a person to judge.
//!
//! Of each the title or the titles of its state, its traits and summary, the prompt that they are read from, its
//! tokens, and what the model would say next. Each part is shown where its inputs are given; the model is loaded only
//! when it is asked for.

mod answers;
mod choose;
mod page;
mod prompts;

use std::path::PathBuf;

use common::fingerprint::Fingerprint;
use common::schema::items::{self, Items};
use common::schema::profiles::{self, Kind, Profiles};
use common::schema::states::{self, States};
use common::schema::table;
use common::{Error, Result, terminal};

use crate::vocab::Domain;
use choose::{Asked, Subject};
use page::Page;
use prompts::Prompts;

/// What `inspect` is to show.
#[derive(Clone, Debug)]
pub struct Config {
    /// The profiles: traits and summaries.
    pub profiles: Option<PathBuf>,
    /// The catalogue: titles.
    pub items: Option<PathBuf>,
    /// The user states: what users like.
    pub states: Option<PathBuf>,
    /// What else is known of users, for their prompts.
    pub users: Option<PathBuf>,
    /// The prompts of this domain.
    pub domain: Option<Domain>,
    /// Templates over the built-in ones.
    pub templates: Option<PathBuf>,
    /// The model, for tokens and answers.
    pub model: Option<PathBuf>,
    /// Show every token.
    pub tokens: bool,
    /// One id only.
    pub id: Option<String>,
    /// One kind only.
    pub kind: Option<Kind>,
    /// Traits and answers of each.
    pub top: usize,
    /// Items and users of each kind, where no id is asked for.
    pub sample: usize,
    /// Threads; the output does not depend on it.
    pub workers: usize,
}

/// The inputs that are given.
struct Inputs {
    profiles: Option<Profiles>,
    catalogue: Option<Items>,
    states: Option<States>,
}

/// Gives what was asked for as text, at most [`page::WIDTH`] columns wide where words allow.
///
/// # Errors
/// When an input is missing, bad, or does not belong to the others; when there is nothing with the id.
pub fn run(config: &Config) -> Result<String> {
    let inputs = read(config)?;
    let asked = Asked {
        id: config.id.as_deref(),
        kind: config.kind,
        sample: config.sample,
    };
    let subjects = choose::subjects(&inputs, &asked);
    if subjects.is_empty() {
        let asked = config
            .id
            .as_deref()
            .map_or(String::new(), |id| format!(" with the id `{id}`"));
        return Err(Error::usage(format!("no such item or user{asked}"))
            .hint("leave --id and --kind out to see which there are"));
    }
    let prompts = match (config.domain, &inputs.catalogue) {
        (Some(domain), Some(catalogue)) => Some(Prompts::of(
            &subjects,
            config,
            domain,
            catalogue,
            inputs.states.as_ref(),
        )?),
        (Some(_), None) => {
            return Err(needs(
                "--domain",
                "--items",
                "prompts tell of items by their titles",
            ));
        }
        (None, _) => None,
    };
    let answers = match (&config.model, &prompts) {
        (Some(model), Some(prompts)) => Some(answers::of(prompts, model, config)?),
        (Some(_), None) => return Err(needs("--model", "--domain", "the model answers prompts")),
        (None, _) => None,
    };
    let mut page = Page::default();
    for (at, subject) in subjects.iter().enumerate() {
        if let Some(prompts) = &prompts
            && (at == 0 || subjects[at - 1].kind != subject.kind)
        {
            page.beginning(subject.kind, prompts.beginning(subject.kind));
        }
        describe(&mut page, &inputs, subject, config.top);
        let own = prompts.as_ref().and_then(|prompts| prompts.own(at));
        if let Some(own) = own {
            page.own_prompt(own);
        }
        if let Some(answer) = answers.as_ref().and_then(|answers| answers.get(at)?.as_ref()) {
            page.answer(answer, config.tokens);
        }
        page.end();
    }
    Ok(page.finish())
}

fn needs(flag: &str, other: &str, why: &str) -> Error {
    Error::usage(format!("{flag} needs {other} too: {why}"))
}

fn read(config: &Config) -> Result<Inputs> {
    if config.profiles.is_none() && config.items.is_none() && config.states.is_none() {
        return Err(Error::usage("nothing to show").hint("pass --profiles, or --items and --states"));
    }
    if let Some(path) = &config.profiles
        && let Some(made) = table::read_manifest(path)?
    {
        if let Some(file) = &config.items {
            items::require(&made, &items::fingerprint(file)?, path, file)?;
        }
        if let Some(file) = &config.states {
            made.require_input("states", &table::fingerprint(file)?, path, file)?;
        }
        if let Some(model) = &config.model
            && made
                .require_input("model", &Fingerprint::of_file(model)?, path, model)
                .is_err()
        {
            terminal::warn("the profiles were read by another model than the one that answers here");
        }
    }
    Ok(Inputs {
        profiles: config.profiles.as_deref().map(profiles::read).transpose()?,
        catalogue: config.items.as_deref().map(items::read).transpose()?,
        states: config.states.as_deref().map(states::read).transpose()?,
    })
}

/// Names, traits and summary, as far as they are known.
fn describe(page: &mut Page, inputs: &Inputs, subject: &Subject, top: usize) {
    let title = |id: &str| {
        let catalogue = inputs.catalogue.as_ref()?;
        let code = catalogue.ids.code(id)?;
        Some(catalogue.title[code as usize].as_str())
    };
    match subject.kind {
        Kind::Item => page.heading(subject, title(&subject.id)),
        Kind::User => page.heading(subject, None),
    }
    if let (Kind::Item, Some(catalogue)) = (subject.kind, &inputs.catalogue)
        && let Some(code) = catalogue.ids.code(&subject.id)
    {
        page.list("categories", &catalogue.categories[code as usize], ", ");
    }
    if let (Kind::User, Some(states)) = (subject.kind, &inputs.states)
        && let Some(row) = states.users.code(&subject.id)
    {
        let row = row as usize;
        for (label, wanted) in [("liked", true), ("not liked", false)] {
            let state = states.items[row].iter().zip(&states.liked[row]);
            let ids = state.filter(|(_, liked)| **liked == wanted).map(|(id, _)| id);
            let named = ids.map(|id| match title(id) {
                Some(title) => format!("{title} [{id}]"),
                None => format!("[{id}]"),
            });
            page.list(label, &named.collect::<Vec<_>>(), "; ");
        }
    }
    if let (Some(profiles), Some(row)) = (&inputs.profiles, subject.profile) {
        page.traits(profiles, row, top);
        if let Some(summary) = &profiles.summary[row] {
            page.summary(summary);
        }
    }
}
