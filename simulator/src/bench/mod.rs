//! Environment steps per second: alone, and through step frames.

mod alone;
mod frames;

use std::path::PathBuf;
use std::time::Duration;

use common::bench::{Table, peak_memory};
use common::{Result, terminal};

use crate::environment::Environment;
use crate::environment::rules::Rules;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the environment.
    pub environment: PathBuf,
    /// The rules of an episode.
    pub rules: Rules,
    /// A matrix of ratings, under [`crate::environment::rules::Rule::EasyRl4Rec`]; `None`: the user model's.
    pub ratings: Option<PathBuf>,
    /// Numbers of environments stepped together.
    pub batches: Vec<u32>,
    /// How long one run lasts.
    pub time: Duration,
    /// Runs of each measurement; the median counts.
    pub runs: usize,
    /// Seed of users, rewards and actions.
    pub seed: u64,
    /// Worker threads of the measurements that use more than one.
    pub workers: usize,
}

/// Measures and prints a table a batch to stdout.
///
/// # Errors
/// A missing environment, a child process that fails.
pub fn run(config: &Config) -> Result<()> {
    let (environment, _) =
        Environment::load_under(&config.environment, &config.rules, config.ratings.as_deref())?;
    let mut text = format!(
        "steps per second in {} (resets not counted), median of {} runs of {:.1} s, and the slowest and fastest\n",
        environment.name_under(&config.rules),
        config.runs,
        config.time.as_secs_f64()
    );
    for &batch in &config.batches {
        let mut rows = alone::measure(&environment, config, batch)?;
        rows.push(frames::measure(&environment, config, batch)?);
        let table = Table {
            title: format!("environments at once: {batch}"),
            unit: "steps/s",
            rows,
        };
        text += &format!("\n{table}");
    }
    terminal::print(text)?;
    if let Some(memory) = peak_memory() {
        terminal::info(&format!(
            "peak memory of this process: {:.2} GiB",
            memory / f64::from(1 << 20)
        ));
    }
    Ok(())
}
