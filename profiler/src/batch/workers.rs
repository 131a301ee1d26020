//! Units over worker threads: one context of one thread each, all on one model.

use common::Result;
use common::fingerprint::Fingerprint;
use common::terminal::Progress;

use super::cache::Cache;
use super::crew;
use super::engine::Engine;
use super::forest::{Forest, Path, Piece};
use super::plan::{self, Limits, Unit};
use super::{Effort, Means};
use crate::model::ContextSize;

/// Tokens evaluated at once. Larger units fill the CPU's matrix kernels no better and attend over more cells;
/// prompts are sequences of llama.cpp, which has at most 256.
const UNIT: Limits = Limits {
    tokens: 512,
    prompts: 240,
};

/// A forest cut into units.
struct Job<'a> {
    forest: &'a Forest<'a>,
    units: Vec<Unit>,
}

impl Job<'_> {
    fn paths(&self, unit: usize) -> Vec<Path<'_>> {
        let pieces = self.units[unit].iter();
        pieces.flat_map(|&piece| self.forest.paths(piece)).collect()
    }

    fn prompts(&self, unit: usize) -> usize {
        self.units[unit].iter().map(|piece| piece.len()).sum()
    }

    fn values(&self, unit: usize) -> usize {
        self.prompts(unit) * self.forest.reading.width()
    }

    fn tokens(&self, unit: usize) -> usize {
        self.forest.tokens(&self.units[unit])
    }

    /// Tokens that go through the model, where each prompt may do so by itself.
    fn effort(&self, unit: usize, alone: bool) -> usize {
        match alone {
            true => self.paths(unit).into_iter().map(Path::len).sum(),
            false => self.tokens(unit),
        }
    }

    /// The context that all units fit, in steps of llama.cpp's padding.
    fn context_size(&self) -> ContextSize {
        let most = |count: fn(&Self, usize) -> usize| {
            let counts = (0..self.units.len()).map(|unit| count(self, unit));
            counts.max().unwrap_or(0)
        };
        let cells = self.forest.prefix.len() + most(Self::tokens).max(UNIT.tokens);
        ContextSize {
            tokens: cells.next_multiple_of(256) as u32,
            batch: UNIT.tokens as u32,
            sequences: 1 + most(Self::prompts) as u32,
        }
    }
}

/// Evaluates `forest`, from the cache where its units are there, and gives what is read of each family: branch
/// after branch.
pub(super) fn run(means: Means, forest: &Forest) -> Result<(Vec<Vec<f32>>, Effort)> {
    let units = plan::units(forest, UNIT);
    let job = Job { forest, units };
    let width = forest.reading.width();
    let mut answers: Vec<Vec<f32>> = forest
        .families
        .iter()
        .map(|family| vec![0.0; family.branches.len() * width])
        .collect();
    let mut place = |unit: &[Piece], values: &[f32]| {
        let mut values = values;
        for piece in unit {
            let (own, rest) = values.split_at(piece.len() * width);
            answers[piece.family][piece.first * width..piece.end * width].copy_from_slice(own);
            values = rest;
        }
    };
    let mut effort = Effort::default();
    let mut missing: Vec<(usize, Fingerprint)> = Vec::new();
    for unit in 0..job.units.len() {
        effort.distinct += job.prompts(unit);
        let key = Cache::key(means.model.fingerprint(), forest, &job.units[unit], means.alone);
        match means.cache.load(&key, job.values(unit)) {
            Some(values) => {
                effort.cached += job.prompts(unit);
                place(&job.units[unit], &values);
            }
            None if means.cache.works(&key) => missing.push((unit, key)),
            None => {}
        }
    }
    if !missing.is_empty() {
        effort.tokens = missing
            .iter()
            .map(|(unit, _)| job.effort(*unit, means.alone))
            .sum();
        let progress = Progress::new(means.label, effort.tokens as u64, "tokens");
        let size = job.context_size();
        crew::run(
            means.workers,
            &missing,
            || Engine::new(means.model, &forest.prefix, size),
            |engine, (unit, key)| {
                let values = engine.evaluate(&job.paths(*unit), forest.reading, means.alone)?;
                means.cache.store(key, &values)?;
                Ok(values)
            },
            |&(unit, _), values| {
                progress.add(job.effort(unit, means.alone) as u64);
                place(&job.units[unit], &values);
            },
        )?;
    }
    Ok((answers, effort))
}
