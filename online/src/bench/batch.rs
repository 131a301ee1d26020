//! Recommendations to many users at once, as `online recommend` makes them, without the file.

use std::time::Instant;

use common::bench::{Row, Table};
use common::{Result, terminal};

use super::made::{self, Sizes};
use crate::adapt::Name;
use crate::live::{Settings, State};
use crate::recommend::{Job, Lists};

/// What to measure.
#[derive(Debug, Clone)]
pub struct BatchConfig {
    /// The made-up policy's.
    pub sizes: Sizes,
    /// Items for each user.
    pub k: usize,
    /// Runs; their median counts.
    pub runs: usize,
    /// Threads.
    pub workers: usize,
    /// Decides the policy and the draws.
    pub seed: u64,
}

/// Measures greedy and drawn recommendations, and prints a table of users per second.
///
/// # Errors
/// A closed stdout.
pub fn batch(config: &BatchConfig) -> Result<()> {
    terminal::info("making a policy");
    let policy = made::policy(config.sizes, config.seed)?;
    let state = State::new(policy, &Settings::new(Name::Frozen, config.seed))?;
    let lists = Lists::everybody(&state);
    let mut rows = Vec::new();
    for (greedy, what) in [(true, "the best"), (false, "drawn")] {
        let job = Job::new(&state, &lists, config.k, greedy, false);
        let row = Row::measure(what, config.runs, || {
            let begun = Instant::now();
            job.run(job.users(), config.workers, |piece| {
                std::hint::black_box(piece);
                Ok(())
            })?;
            Ok((lists.users.len() as u64, begun.elapsed()))
        })?;
        rows.push(row.with_peak_memory());
    }
    let table = Table {
        title: format!(
            "{} of {} items for each of {} users, {} workers",
            config.k, config.sizes.items, config.sizes.users, config.workers
        ),
        unit: "users/s",
        rows,
    };
    terminal::print(table)
}
