//! Candidates scored a second.

use std::time::Instant;

use common::Result;
use common::bench::Row;
use llama_cpp_2::token::LlamaToken;

use super::plain::Plain;
use super::prompts::Made;
use super::{Caches, Config};
use crate::batch::{self, Means, log_sum_exp};
use crate::model::Model;

/// As `prefer` scores them: all users and candidates, with finished work written to disk.
pub(super) fn ours(config: &Config, model: &Model, made: &Made, scratch: &Caches) -> Result<Row> {
    Row::measure("prefer --form likelihood", config.runs, || {
        let cache = scratch.cache()?;
        let means = Means {
            model,
            cache: &cache,
            workers: config.workers,
            label: "candidates",
            alone: false,
        };
        let (rows, effort) =
            batch::log_likelihoods(means, &made.beginning, &made.questions, &made.continuations)?;
        let rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
        Ok((rows.iter().map(|row| row.len() as u64).sum(), effort.time))
    })
}

/// One prompt a pair, one after another with all threads, for some of the users.
pub(super) fn one_by_one(config: &Config, model: &Model, made: &Made) -> Result<Row> {
    let mut plain = Plain::new(model, config.workers)?;
    // A user's pairs take as long as another's; a few candidates of each are enough.
    let asked: Vec<(&str, &str)> = made
        .questions
        .iter()
        .take(config.subset)
        .flat_map(|question| {
            let few = question.continuations.iter().take(5);
            few.map(|&c| {
                (
                    question.prompt.text.as_str(),
                    made.continuations[c as usize].as_str(),
                )
            })
        })
        .collect();
    let what = format!("one prompt a pair, llama.cpp directly ({} pairs)", asked.len());
    Row::measure(what, config.runs, || {
        let started = Instant::now();
        for (prompt, continuation) in &asked {
            pair(model, &mut plain, prompt, continuation)?;
        }
        Ok((asked.len() as u64, started.elapsed()))
    })
}

/// The log-probability of `continuation` after `prompt`.
fn pair(model: &Model, plain: &mut Plain, prompt: &str, continuation: &str) -> Result<f64> {
    let mut tokens: Vec<LlamaToken> = model.beginning();
    tokens.extend(model.tokens(prompt));
    let read = tokens.len() - 1;
    let continuation = model.continuation(continuation);
    tokens.extend(&continuation);
    tokens.pop();
    let mut expected = continuation.iter();
    let mut sum = 0.0;
    plain.evaluate(&tokens, read, |logits| {
        if let Some(token) = expected.next() {
            sum += f64::from(logits[token.0 as usize]) - log_sum_exp(logits);
        }
    })?;
    Ok(sum)
}
