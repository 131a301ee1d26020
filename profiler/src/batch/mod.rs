//! Many prompts through the model: shared prefix once, ragged ends packed into full batches, equal prompts once,
//! finished work cached, the same result for any number of workers.

mod cache;
mod engine;
mod plan;
mod workers;

use std::collections::HashMap;
use std::time::{Duration, Instant};

pub use cache::Cache;
use common::{Error, Result};

use crate::model::Model;
use plan::Limits;
use workers::Job;

/// Tokens evaluated at once. Larger units fill the CPU's matrix kernels no better and attend over more cells.
const UNIT: Limits = Limits {
    tokens: 512,
    prompts: 64,
};
/// The longest prompt, prefix included, whatever the model's window: a context's memory is bounded by it.
const LONGEST: usize = 8192;

/// A text to be continued, and whose it is in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// For messages: `item 17`.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// What a run did, for the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effort {
    /// Distinct prompts.
    pub distinct: usize,
    /// Distinct prompts that came from the cache.
    pub cached: usize,
    /// Tokens evaluated.
    pub tokens: usize,
    /// Time spent on evaluation.
    pub time: Duration,
}

impl std::ops::AddAssign for Effort {
    fn add_assign(&mut self, other: Self) {
        self.distinct += other.distinct;
        self.cached += other.cached;
        self.tokens += other.tokens;
        self.time += other.time;
    }
}

/// The means of a run.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The model.
    pub model: &'a Model,
    /// Where finished units are kept.
    pub cache: &'a Cache,
    /// Threads; the result does not depend on it.
    pub workers: usize,
    /// What the progress bar says.
    pub label: &'a str,
}

/// For each prompt, the log-probabilities (natural log, over the model's whole vocabulary) of the tokens `words`
/// as its continuation. `beginning` is text that prompts are expected to begin with; it is evaluated once.
///
/// # Errors
/// When a prompt does not fit the model's window, the model answers with something else than probabilities, or
/// llama.cpp fails.
pub fn log_probabilities(
    means: Means,
    beginning: &str,
    prompts: &[Prompt],
    words: &[i32],
) -> Result<(Vec<Vec<f32>>, Effort)> {
    let started = Instant::now();
    let model = means.model;
    let start: Vec<i32> = model.beginning().iter().map(|t| t.0).collect();
    let tokens = |text: &str| model.tokens(text).iter().map(|t| t.0).collect::<Vec<i32>>();
    let prefix = [start.clone(), tokens(beginning)].concat();
    // Prompts that do not begin as announced are a group of their own, with no prefix but the model's mark.
    let mut groups = [Group::new(prefix), Group::new(start)];
    let mut places = Vec::with_capacity(prompts.len());
    for prompt in prompts {
        let (group, rest) = match prompt.text.strip_prefix(beginning) {
            Some(rest) => (0, rest),
            None => (1, prompt.text.as_str()),
        };
        let tail = tokens(rest);
        check_length(model, prompt, groups[group].prefix.len(), tail.len())?;
        places.push((group, groups[group].intern(tail)));
    }
    let mut effort = Effort::default();
    let mut answers = Vec::new();
    for group in &groups {
        let units = plan::units(&group.tails, UNIT);
        let job = Job {
            prefix: &group.prefix,
            prompts: &group.tails,
            units: &units,
            words,
        };
        let (rows, done) = workers::run(means, &job)?;
        effort += done;
        answers.push(rows);
    }
    let finite = |row: &[f32]| row.iter().all(|p| p.is_finite());
    let rows = places
        .iter()
        .zip(prompts)
        .map(|(&(group, place), prompt)| match &answers[group][place] {
            row if finite(row) => Ok(row.clone()),
            _ => Err(
                Error::data("the model gives no probabilities (NaN or infinite logits)")
                    .at(prompt.subject.clone())
                    .hint("the model file may be damaged: fetch or prepare it again"),
            ),
        })
        .collect::<Result<_>>()?;
    effort.time = started.elapsed();
    Ok((rows, effort))
}

/// Prompts that share a prefix; equal ones once.
struct Group {
    prefix: Vec<i32>,
    tails: Vec<Vec<i32>>,
    known: HashMap<Vec<i32>, usize>,
}

impl Group {
    fn new(prefix: Vec<i32>) -> Self {
        Group {
            prefix,
            tails: Vec::new(),
            known: HashMap::new(),
        }
    }

    fn intern(&mut self, tail: Vec<i32>) -> usize {
        *self.known.entry(tail).or_insert_with_key(|tail| {
            self.tails.push(tail.clone());
            self.tails.len() - 1
        })
    }
}

fn check_length(model: &Model, prompt: &Prompt, prefix: usize, tail: usize) -> Result<()> {
    let longest = model.window().min(LONGEST);
    let refused = if tail == 0 {
        Error::data("the prompt is empty").hint("the template must end in text behind its subject")
    } else if prefix + tail > longest {
        Error::data(format!(
            "the prompt has {} tokens; the model takes {longest}",
            prefix + tail
        ))
        .hint("shorten the template or the texts, or take fewer interactions with `profiler states --window`")
    } else {
        return Ok(());
    };
    Err(refused.at(prompt.subject.clone()))
}
