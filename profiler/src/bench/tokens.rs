//! Prompt tokens evaluated a second.

use std::time::Instant;

use common::bench::Row;
use common::{Result, terminal};
use llama_cpp_2::token::LlamaToken;

use super::plain::{BATCH, Plain};
use super::prompts::Made;
use super::{Caches, Config};
use crate::batch::{self, Means};
use crate::model::Model;
use crate::vocab::{self, Domain};

/// Full batches in a run.
const BATCHES: usize = 8;

/// As `traits` reads users: with the prompts' own tokens counted alone, and the time for all there is to do.
pub(super) fn ours(config: &Config, model: &Model, made: &Made, scratch: &Caches) -> Result<Row> {
    let words = vocab::tokens(model, &vocab::words(Domain::Film, None)?)?;
    // Each worker evaluates what all prompts begin with in a context of its own: with few users much of the time, and of no count.
    let beginning = model.tokens(&made.trait_beginning).len();
    let what = format!(
        "traits (and {} x {beginning} tokens of the beginning, not counted)",
        config.workers
    );
    Row::measure(what, config.runs, || {
        let cache = scratch.cache()?;
        let means = Means {
            model,
            cache: &cache,
            workers: config.workers,
            label: "user states",
            alone: true,
        };
        let (_, effort) =
            batch::log_probabilities(means, &made.trait_beginning, &made.trait_prompts, &words)?;
        Ok((effort.tokens as u64, effort.time))
    })
}

/// The same tokens as one sequence in full batches: each from the start of an empty context, and each after what all prompts begin
/// with, whose cells these tokens then look at as ours do; none where they fill no batch.
pub(super) fn full_batches(config: &Config, model: &Model, made: &Made) -> Result<Vec<Row>> {
    let mut plain = Plain::new(model, config.workers)?;
    let tokens: Vec<LlamaToken> = made
        .trait_prompts
        .iter()
        .flat_map(|prompt| model.tokens(&prompt.text[made.trait_beginning.len()..]))
        .collect();
    let batches: Vec<&[LlamaToken]> = tokens.chunks_exact(BATCH).cycle().take(BATCHES).collect();
    if batches.is_empty() {
        terminal::warn("full batches are not measured: the prompts of these users fill none");
        return Ok(Vec::new());
    }
    let count = (BATCHES * BATCH) as u64;
    let alone = Row::measure(
        format!("llama.cpp, full batches of {BATCH} of these tokens"),
        config.runs,
        || {
            let started = Instant::now();
            for batch in &batches {
                plain.evaluate(batch, BATCH - 1, |_| ())?;
            }
            Ok((count, started.elapsed()))
        },
    )?;
    let beginning: Vec<i32> = model
        .tokens(&made.trait_beginning)
        .iter()
        .map(|token| token.0)
        .collect();
    let what = format!(
        "llama.cpp, the same after the {} tokens that all prompts begin with",
        beginning.len()
    );
    let after = Row::measure(what, config.runs, || {
        plain.begin(&beginning)?;
        let started = Instant::now();
        batches
            .iter()
            .try_for_each(|batch| plain.follow(beginning.len(), batch))?;
        Ok((count, started.elapsed()))
    })?;
    Ok(vec![alone, after])
}
