//! Recommendations to many users at once, as `online recommend` makes them, without the file.

use std::time::Instant;

use common::bench::{Row, Table};
use common::{Result, terminal};

use super::made::{self, Sizes};
use crate::adapt::{Buffers, Name};
use crate::live::{Settings, State, Whom};

/// Users asked for at once.
const BATCH: usize = 32;
/// Users that a thread takes at once.
const SLICE: usize = 2048;

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
    let users: Vec<&str> = state.everybody().collect();
    let mut rows = Vec::new();
    for (greedy, what) in [(true, "the best"), (false, "drawn")] {
        let row = Row::measure(what, config.runs, || {
            let begun = Instant::now();
            let slices: Vec<&[&str]> = users.chunks(SLICE).collect();
            for wave in slices.chunks(config.workers.max(1)) {
                common::parallel::map(wave, |slice| {
                    let mut buffers = Buffers::new();
                    for batch in slice.chunks(BATCH) {
                        let known: Vec<_> = batch.iter().map(|user| state.as_trained(user)).collect();
                        let whom: Vec<Whom<'_>> = batch
                            .iter()
                            .zip(&known)
                            .zip(0..)
                            .map(|((&user, given), key)| Whom {
                                given: given.as_ref(),
                                user,
                                closed: state.consumed_before(user),
                                candidates: None,
                                key,
                            })
                            .collect();
                        std::hint::black_box(state.recommend_to(&whom, config.k, greedy, &mut buffers));
                    }
                });
            }
            Ok((users.len() as u64, begun.elapsed()))
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
