//! Steps of the environments themselves, no agent: actions are drawn beforehand.

use std::time::Instant;

use common::bench::Row;
use common::rng::{RngExt, stream};
use common::{Error, Result};

use super::Config;
use crate::environment::Environment;
use crate::environment::vector::{Outcome, VectorEnvironment};

/// Vector steps of actions that are drawn beforehand; then they come again.
const DRAWN: usize = 64;

/// The rates of one worker, and of all of them where the batch is large enough to share out.
pub(super) fn measure(environment: &Environment, config: &Config, batch: u32) -> Result<Vec<Row>> {
    let mut rng = stream(config.seed, "bench actions", &[u64::from(batch)]);
    let items = environment.items.len() as u32;
    let actions: Vec<Vec<u32>> = (0..DRAWN)
        .map(|_| (0..batch).map(|_| rng.random_range(0..items)).collect())
        .collect();
    let mut rows = Vec::new();
    let shared_out = (config.workers > 1 && batch >= 1024).then_some(config.workers);
    for workers in std::iter::once(1).chain(shared_out) {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .build()
            .map_err(|e| Error::retry(format!("cannot start {workers} workers: {e}")))?;
        // Each run goes on where the last one ended, so that episodes are at all stages.
        let mut vector = VectorEnvironment::new(environment, config.rules, config.seed, 0..batch);
        let mut outcomes = vec![Outcome::default(); batch as usize];
        let name = if workers == 1 {
            "alone, 1 core".to_string()
        } else {
            format!("alone, {workers} workers")
        };
        let row = pool.install(|| {
            Row::measure(name, config.runs, || {
                let (start, mut steps, mut at) = (Instant::now(), 0, 0);
                // Vector steps that begin a new episode somewhere are not steps there.
                let mut over = 0;
                while start.elapsed() < config.time {
                    // Looking at the clock takes as long as a step: once for many steps is enough.
                    for _ in 0..(1024 / batch).max(1) {
                        vector.step(&actions[at % DRAWN], &mut outcomes);
                        steps += u64::from(batch) - over;
                        over = outcomes.iter().filter(|outcome| outcome.end.is_some()).count() as u64;
                        at += 1;
                    }
                }
                Ok((steps, start.elapsed()))
            })
        })?;
        rows.push(row);
    }
    Ok(rows)
}
