//! Units over worker threads: one context of one thread each, all on one model.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use common::fingerprint::Fingerprint;
use common::terminal::Progress;
use common::{Error, Result};

use super::cache::Cache;
use super::engine::Engine;
use super::{Effort, Means, UNIT};
use crate::model::ContextSize;

/// Prompts cut into units.
pub(super) struct Job<'a> {
    pub(super) prefix: &'a [i32],
    pub(super) prompts: &'a [Vec<i32>],
    pub(super) units: &'a [Vec<usize>],
    pub(super) words: &'a [i32],
}

impl Job<'_> {
    fn prompts_of(&self, unit: usize) -> Vec<&[i32]> {
        self.units[unit]
            .iter()
            .map(|&index| self.prompts[index].as_slice())
            .collect()
    }

    fn tokens_of(&self, unit: usize) -> usize {
        self.units[unit]
            .iter()
            .map(|&index| self.prompts[index].len())
            .sum()
    }

    /// The context that the longest unit needs, in steps of llama.cpp's padding.
    fn context_size(&self) -> ContextSize {
        let longest = (0..self.units.len())
            .map(|unit| self.tokens_of(unit))
            .max()
            .unwrap_or(0);
        let cells = self.prefix.len() + longest.max(UNIT.tokens);
        ContextSize {
            tokens: cells.next_multiple_of(256) as u32,
            batch: UNIT.tokens as u32,
            sequences: 1 + UNIT.prompts as u32,
        }
    }
}

/// Runs all units of `job`, from the cache where they are there, and gives a row for each prompt.
pub(super) fn run(means: Means, job: &Job) -> Result<(Vec<Vec<f32>>, Effort)> {
    let mut rows = vec![Vec::new(); job.prompts.len()];
    let mut effort = Effort {
        distinct: job.prompts.len(),
        ..Effort::default()
    };
    let mut missing: Vec<(usize, Fingerprint)> = Vec::new();
    for unit in 0..job.units.len() {
        let prompts = job.prompts_of(unit);
        let key = Cache::key(means.model.fingerprint(), job.prefix, job.words, &prompts);
        match means.cache.load(&key, prompts.len(), job.words.len()) {
            Some(answers) => {
                effort.cached += answers.len();
                place(&mut rows, &job.units[unit], answers);
            }
            None => missing.push((unit, key)),
        }
    }
    if missing.is_empty() {
        return Ok((rows, effort));
    }
    effort.tokens = missing.iter().map(|(unit, _)| job.tokens_of(*unit)).sum();
    let progress = Progress::new(means.label, effort.tokens as u64, "tokens");
    compute(means, job, &missing, |unit, answers| {
        progress.add(job.tokens_of(unit) as u64);
        place(&mut rows, &job.units[unit], answers);
    })?;
    Ok((rows, effort))
}

fn place(rows: &mut [Vec<f32>], unit: &[usize], answers: Vec<Vec<f32>>) {
    for (&index, row) in unit.iter().zip(answers) {
        rows[index] = row;
    }
}

/// Computes and caches the `missing` units; `done` is called for each, in no fixed order.
fn compute(
    means: Means,
    job: &Job,
    missing: &[(usize, Fingerprint)],
    mut done: impl FnMut(usize, Vec<Vec<f32>>),
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let size = job.context_size();
    std::thread::scope(|scope| {
        for _ in 0..means.workers.clamp(1, missing.len()) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let outcome = work(means, job, missing, next, size, &sender);
                if let Err(error) = outcome {
                    // The others stop at their next unit; the receiver is gone only where all is lost already.
                    next.store(missing.len(), Ordering::Relaxed);
                    let _ = sender.send(Err(error));
                }
            });
        }
        drop(sender);
        let mut finished = 0;
        for message in receiver {
            let (unit, answers) = message?;
            done(unit, answers);
            finished += 1;
        }
        if finished < missing.len() {
            return Err(Error::retry("a worker stopped before its work was done"));
        }
        Ok(())
    })
}

type Message = Result<(usize, Vec<Vec<f32>>)>;

fn work(
    means: Means,
    job: &Job,
    missing: &[(usize, Fingerprint)],
    next: &AtomicUsize,
    size: ContextSize,
    sender: &mpsc::Sender<Message>,
) -> Result<()> {
    let mut engine = Engine::new(means.model, job.prefix, size)?;
    while let Some((unit, key)) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
        let answers = engine.run(&job.prompts_of(*unit), job.words)?;
        means.cache.store(key, &answers)?;
        if sender.send(Ok((*unit, answers))).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
