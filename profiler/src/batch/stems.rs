//! From texts to the tokens of prompts: their stems after a prefix, and what may follow them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use common::{Error, Result};

use super::Prompt;
use crate::model::Model;

/// The longest prompt, prefix included, whatever the model's window: a context's memory is bounded by it.
const LONGEST: usize = 8192;

/// The distinct prompts after their prefixes.
pub(super) struct Stems<'a> {
    model: &'a Model,
    beginning: &'a str,
    /// Prompts that do not begin as announced are a group of their own, with no prefix but the model's mark.
    pub(super) groups: [Group; 2],
}

/// Prompts that share a prefix; equal ones once.
pub(super) struct Group {
    pub(super) prefix: Vec<i32>,
    pub(super) stems: Vec<Vec<i32>>,
    known: HashMap<Vec<i32>, usize>,
}

impl<'a> Stems<'a> {
    pub(super) fn new(model: &'a Model, beginning: &'a str) -> Self {
        let start: Vec<i32> = model.beginning().iter().map(|t| t.0).collect();
        let group = |prefix| Group {
            prefix,
            stems: Vec::new(),
            known: HashMap::new(),
        };
        let prefix = [start.clone(), tokens(model, beginning)].concat();
        Stems {
            model,
            beginning,
            groups: [group(prefix), group(start)],
        }
    }

    /// The group of `prompt` and its place there; it must leave room for `more` tokens.
    pub(super) fn intern(&mut self, prompt: &Prompt, more: usize) -> Result<(usize, usize)> {
        let (group, rest) = match prompt.text.strip_prefix(self.beginning) {
            Some(rest) => (0, rest),
            None => (1, prompt.text.as_str()),
        };
        let stem = tokens(self.model, rest);
        let chosen = &mut self.groups[group];
        check_length(self.model, prompt, chosen.prefix.len(), stem.len(), more)?;
        let place = *chosen.known.entry(stem).or_insert_with_key(|stem| {
            chosen.stems.push(stem.clone());
            chosen.stems.len() - 1
        });
        Ok((group, place))
    }
}

/// The longest prompt, in tokens.
pub(crate) fn longest(model: &Model) -> usize {
    model.window().min(LONGEST)
}

fn tokens(model: &Model, text: &str) -> Vec<i32> {
    model.tokens(text).iter().map(|token| token.0).collect()
}

fn check_length(model: &Model, prompt: &Prompt, prefix: usize, stem: usize, more: usize) -> Result<()> {
    let longest = longest(model);
    let refused = if stem == 0 {
        Error::data("the prompt is empty").hint("the template must end in text after its subject")
    } else if prefix + stem + more > longest {
        Error::data(format!(
            "the prompt has {} tokens; the model takes {longest}",
            prefix + stem + more
        ))
        .hint("shorten the template or the texts, or take fewer interactions with `profiler states --window`")
    } else {
        return Ok(());
    };
    Err(refused.at(prompt.subject.clone()))
}

/// The distinct tokens of `continuations` in rising order, and the place of each among them.
pub(super) fn branches(model: &Model, continuations: &[String]) -> Result<(Vec<Vec<i32>>, Vec<u32>)> {
    let tokens: Vec<Vec<i32>> = continuations
        .iter()
        .map(|text| model.continuation(text).iter().map(|token| token.0).collect())
        .collect();
    if let Some(empty) = tokens.iter().position(Vec::is_empty) {
        return Err(Error::data(format!(
            "the model's tokeniser has no token for the text `{}`",
            continuations[empty].trim()
        )));
    }
    let distinct: BTreeSet<&Vec<i32>> = tokens.iter().collect();
    let places: BTreeMap<&Vec<i32>, u32> = distinct.iter().copied().zip(0..).collect();
    let branch_of = tokens.iter().map(|tokens| places[tokens]).collect();
    Ok((distinct.into_iter().cloned().collect(), branch_of))
}
