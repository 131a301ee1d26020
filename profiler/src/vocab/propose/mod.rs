//! `profiler vocab`: a trait vocabulary for a catalogue, from its categories, titles and texts.
//!
//! Words are chosen one after the other: each time the one that varies most, between the tastes of users and then
//! between items, beyond what the words before it tell; see [`choose`]. A vocabulary is a text that people go on to edit: what
//! was counted stands above each word.

mod choose;
mod told_apart;
mod words;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use common::fingerprint::Fingerprint;
use common::schema::items::{self, Items};
use common::schema::{states, table};
use common::{Error, Result, artifact, output, terminal};

use super::parse;
use crate::model::Model;
use choose::{Chosen, Groups};
use told_apart::ToldApart;
use words::Words;

/// What `vocab` is to propose.
#[derive(Clone, Debug)]
pub struct Config {
    /// The catalogue.
    pub items: PathBuf,
    /// User states: with them words are to tell users' tastes apart, else items.
    pub states: Option<PathBuf>,
    /// The model whose tokeniser must tell the words apart.
    pub model: Option<PathBuf>,
    /// How many words.
    pub words: usize,
    /// A file of words that must be among them, one a line.
    pub keep: Option<PathBuf>,
    /// Where the vocabulary goes; None gives it back alone.
    pub out: Option<PathBuf>,
    /// Replace another file.
    pub overwrite: bool,
}

/// Gives the vocabulary as text, one word a line under what was counted of it, and writes it where that is asked for.
///
/// # Errors
/// When an input is missing or bad, the catalogue has too few words, kept words cannot be told apart, or `out` has
/// another content.
pub fn run(config: &Config) -> Result<String> {
    let more = [&config.states, &config.model, &config.keep];
    let more = more.into_iter().filter_map(|input| input.as_deref());
    output::files(config.out.as_deref(), more.chain([config.items.as_path()]))?;
    let kept = match &config.keep {
        Some(path) => super::read(path)?,
        None => Vec::new(),
    };
    let catalogue = items::read(&config.items)?;
    let words = Words::new(&catalogue, &kept);
    let tastes = config
        .states
        .as_deref()
        .map(|path| tastes(path, &catalogue))
        .transpose()?;
    let model = config
        .model
        .as_deref()
        .map(|path| Model::load(path, 0))
        .transpose()?;
    let mut told_apart = ToldApart::new(model.as_ref(), &kept)?;
    let chosen = choose(config.words, &words, &kept, tastes.as_ref(), &mut told_apart);
    if chosen.len() < config.words {
        terminal::warn(&format!(
            "only {} words of the {} asked for tell anything: the catalogue has no more",
            chosen.len(),
            config.words
        ));
    }
    let mut text = heading(config, &catalogue, tastes.as_ref())?;
    let liked = tastes.map(|tastes| tastes.means(&words));
    for (chosen, of) in chosen {
        let word = chosen.word as usize;
        text += &comment(&words, chosen, of, liked.as_ref().map(|liked| liked[word]));
        text += told_apart.written(&words.words[word]);
        text.push('\n');
    }
    told_apart.describe(&mut text);
    parse(&text).map_err(|e| e.file(&config.items))?;
    if let Some(out) = &config.out {
        write(out, &text, config.overwrite)?;
    }
    Ok(text)
}

/// `kept` words first, then what tells tastes apart where these are known, then what tells items apart; each with
/// what it tells apart.
fn choose(
    count: usize,
    words: &Words,
    kept: &[String],
    tastes: Option<&Groups>,
    told_apart: &mut ToldApart,
) -> Vec<(Chosen, &'static str)> {
    let code = |word: &String| words.words.binary_search(word).ok().map(|code| code as u32);
    let mut chosen: Vec<(Chosen, &'static str)> = Vec::new();
    let items = Groups::items(words.of_item.len());
    for (groups, of) in tastes
        .map(|groups| (groups, "tastes"))
        .into_iter()
        .chain([(&items, "items")])
    {
        let before: Vec<u32> = match chosen.is_empty() {
            true => kept.iter().filter_map(code).collect(),
            false => chosen.iter().map(|(chosen, _)| chosen.word).collect(),
        };
        let take = |word: u32| told_apart.take(&words.words[word as usize]);
        let all = choose::choose(words, groups, &before, count.max(kept.len()), take);
        chosen.extend(all.into_iter().skip(chosen.len()).map(|chosen| (chosen, of)));
    }
    chosen
}

/// What users like, by code of the catalogue.
fn tastes(path: &Path, catalogue: &Items) -> Result<Groups> {
    let states = states::read(path)?;
    let likes = states.items.iter().zip(&states.liked).map(|(items, liked)| {
        let liked = items.iter().zip(liked).filter(|(_, liked)| **liked);
        liked
            .filter_map(|(id, _)| catalogue.ids.code(id).map(|code| code as usize))
            .collect()
    });
    let groups = Groups::users(likes);
    if groups.len() == 0 {
        return Err(Error::usage("no user likes two items of the catalogue")
            .file(path)
            .hint("leave --states out: words are then chosen to tell items apart"));
    }
    Ok(groups)
}

fn heading(config: &Config, catalogue: &Items, tastes: Option<&Groups>) -> Result<String> {
    let mut text = format!(
        "# Proposed by profiler vocab {} for {} items ({})",
        env!("CARGO_PKG_VERSION"),
        catalogue.ids.len(),
        items::fingerprint(&config.items)?,
    );
    // Writing to a String cannot fail.
    let _ = match config.states.as_deref().zip(tastes) {
        Some((states, tastes)) => writeln!(
            text,
            ",\n# to tell the tastes of {} users apart ({}), then items",
            tastes.len(),
            table::fingerprint(states)?
        ),
        None => writeln!(text, ", to tell items apart"),
    };
    let _ = match &config.model {
        Some(model) => writeln!(
            text,
            "# with the tokeniser of the model {}",
            Fingerprint::of_file(model)?
        ),
        None => writeln!(
            text,
            "# no model has checked that its tokens tell them apart: pass --model"
        ),
    };
    Ok(text)
}

/// What was counted of a word; `likes` is the share of what users like that has it.
fn comment(words: &Words, chosen: Chosen, of: &str, likes: Option<f64>) -> String {
    let word = chosen.word as usize;
    let items = words.items[word] as f64 / words.of_item.len() as f64;
    let likes = likes.map_or(String::new(), |likes| {
        format!(", {:.1} % of likes", 100.0 * likes)
    });
    let place = match words.in_categories[word] * 2 >= words.items[word].max(1) {
        true => "categories",
        false => "titles and texts",
    };
    let more = 100.0 * chosen.share;
    format!(
        "\n# {:.1} % of items{likes}, from {place}; tells {more:.2} % more of {of}\n",
        100.0 * items
    )
}

/// Writes `text` unless `out` has it already.
pub(super) fn write(out: &Path, text: &str, overwrite: bool) -> Result<()> {
    artifact::write_text(out, text, "is another vocabulary", overwrite)
}
