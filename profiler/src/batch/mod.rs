//! Many prompts through the model: what they share once, ragged ends packed into full batches, equal prompts
//! once, finished work cached, the same result for any number of workers.
//!
//! Prompts share beginnings at every level. What all begin with is the *prefix*, evaluated once a context; a
//! prompt's own text is its *stem*, and after it may come several *branches*. Stems and branches of a unit are a
//! [`trie`]: a token that several prompts share is evaluated once, for the sequences of all of them.

mod cache;
pub(crate) mod crew;
mod engine;
mod forest;
mod plan;
mod softmax;
mod stems;
mod trie;
mod workers;

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

pub use cache::Cache;
use common::fingerprint::Fingerprint;
use common::{Error, Result};

use crate::model::Model;
use forest::{Family, Forest, Reading};
pub(crate) use softmax::{log_sum_exp, normaliser};
use stems::Stems;
pub(crate) use stems::longest;

/// A text to be continued, and whose it is in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// For messages: `item 17`.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// A prompt and what may follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The prompt.
    pub prompt: Prompt,
    /// The continuations that are asked about, by their places in a list that all questions share.
    pub continuations: Vec<u32>,
}

/// What a run did, for the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effort {
    /// Distinct prompts, each continuation of a prompt counted.
    pub distinct: usize,
    /// Those of them that came from the cache.
    pub cached: usize,
    /// Tokens evaluated, after the prefix.
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

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} distinct prompts, {} from the cache",
            self.distinct, self.cached
        )?;
        if self.tokens > 0 {
            let seconds = self.time.as_secs_f64();
            let speed = self.tokens as f64 / seconds;
            write!(
                f,
                "; {} tokens in {seconds:.1} s, {speed:.0} tokens/s",
                self.tokens
            )?;
        }
        Ok(())
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
    /// Whether each prompt is evaluated by itself: its answer then depends on no other prompt, to the last bit, and short
    /// prompts take longer.
    pub alone: bool,
}

/// For each prompt, the log-probabilities (natural log, over the model's whole vocabulary) of the tokens `words`
/// as its continuation. `beginning` is text that prompts are expected to begin with; it is evaluated once.
///
/// A prompt that does not fit the model's window, or whose answer is not finite, has an error of its own.
///
/// # Errors
/// When llama.cpp fails.
pub fn log_probabilities(
    means: Means,
    beginning: &str,
    prompts: &[Prompt],
    words: &[i32],
) -> Result<(Vec<Result<Vec<f32>>>, Effort)> {
    read(means, beginning, prompts, Reading::Words(words))
}

/// The content address of a prompt, by which an answer is known that was read by itself; `order` is what of its subject the
/// text does not tell, but what is left out where it is too long.
pub fn address(text: &str, order: &[u8]) -> String {
    Fingerprint::of_parts([cache::ENGINE_VERSION, text.as_bytes(), order]).to_string()
}

/// What `reading` is of each prompt.
fn read(
    means: Means,
    beginning: &str,
    prompts: &[Prompt],
    reading: Reading,
) -> Result<(Vec<Result<Vec<f32>>>, Effort)> {
    let started = Instant::now();
    let mut stems = Stems::new(means.model, beginning);
    let places: Vec<_> = prompts.iter().map(|prompt| stems.intern(prompt, 0)).collect();
    let nothing = [Vec::new()];
    let family = |stem| Family {
        stem,
        branches: vec![0],
    };
    let forests = stems.groups.map(|group| Forest {
        prefix: group.prefix,
        families: group.stems.into_iter().map(family).collect(),
        branches: &nothing,
        reading,
    });
    let (answers, mut effort) = evaluate(means, &forests)?;
    let rows = places.into_iter().zip(prompts).map(|(place, prompt)| {
        let (group, place) = place?;
        finite(answers[group][place].clone(), prompt)
    });
    let rows = rows.collect();
    effort.time = started.elapsed();
    Ok((rows, effort))
}

/// For each question, the log-probability (natural log) that the prompt goes on with each of its continuations:
/// of all tokens of the text, one after the other. A text that ends as the template would go on, with a new line,
/// is so no more likely than the longer one that it is the beginning of.
///
/// A question has an error of its own as a prompt has in [`log_probabilities`].
///
/// # Errors
/// As [`log_probabilities`], and when a continuation has no token.
pub fn log_likelihoods(
    means: Means,
    beginning: &str,
    questions: &[Question],
    continuations: &[String],
) -> Result<(Vec<Result<Vec<f32>>>, Effort)> {
    let started = Instant::now();
    let (branches, branch_of) = stems::branches(means.model, continuations)?;
    let longest = branches.iter().map(Vec::len).max().unwrap_or(0);
    let mut stems = Stems::new(means.model, beginning);
    let mut places = Vec::with_capacity(questions.len());
    let mut asked: [Vec<BTreeSet<u32>>; 2] = [Vec::new(), Vec::new()];
    for question in questions {
        let found = stems.intern(&question.prompt, longest);
        if let Ok((group, place)) = found {
            if place == asked[group].len() {
                asked[group].push(BTreeSet::new());
            }
            asked[group][place].extend(question.continuations.iter().map(|&c| branch_of[c as usize]));
        }
        places.push(found);
    }
    let mut asked = asked.into_iter();
    let forests = stems.groups.map(|group| Forest {
        prefix: group.prefix,
        families: group
            .stems
            .into_iter()
            .zip(asked.next().unwrap_or_default())
            .map(|(stem, branches)| Family {
                stem,
                branches: branches.into_iter().collect(),
            })
            .collect(),
        branches: &branches,
        reading: Reading::Branch,
    });
    let (answers, mut effort) = evaluate(means, &forests)?;
    let answer = |(question, place): (&Question, Result<(usize, usize)>)| {
        let (group, place) = place?;
        let family = &forests[group].families[place];
        let row = question.continuations.iter().filter_map(|&continuation| {
            let branch = branch_of[continuation as usize];
            let at = family.branches.binary_search(&branch).ok()?;
            Some(answers[group][place][at])
        });
        finite(row.collect(), &question.prompt)
    };
    let rows = questions.iter().zip(places).map(answer).collect();
    effort.time = started.elapsed();
    Ok((rows, effort))
}

/// Evaluates both groups and gives what is read of each of their families.
fn evaluate(means: Means, forests: &[Forest; 2]) -> Result<([Vec<Vec<f32>>; 2], Effort)> {
    let (first, mut effort) = workers::run(means, &forests[0])?;
    let (second, more) = workers::run(means, &forests[1])?;
    effort += more;
    Ok(([first, second], effort))
}

fn finite(row: Vec<f32>, prompt: &Prompt) -> Result<Vec<f32>> {
    if row.iter().all(|p| p.is_finite()) {
        return Ok(row);
    }
    Err(
        Error::data("the model gives no probabilities: its logits are all the same, NaN or infinite")
            .at(prompt.subject.clone())
            .hint("the model file may be damaged: fetch or prepare it again"),
    )
}
