//! Environment steps a second: alone, through step frames, and those of peers.

mod alone;
mod frames;
mod peers;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::bench::{peak_memory, thousands};
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
    /// Numbers of environments stepped together.
    pub batches: Vec<u32>,
    /// How long one run lasts.
    pub time: Duration,
    /// Runs of each measurement; the median counts.
    pub runs: u32,
    /// The folder of the peers' virtual environment, made where it is missing; `None`: no peers.
    pub peers: Option<PathBuf>,
    /// Seed of users, rewards and actions.
    pub seed: u64,
    /// Worker threads of the measurements that use more than one.
    pub workers: usize,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    what: String,
    batch: u32,
    /// Steps a second of each run, rising.
    rates: Vec<f64>,
}

impl Row {
    /// Measures `run` as often as wanted; it gives the number of steps that it made.
    fn measure(
        what: impl Into<String>,
        batch: u32,
        config: &Config,
        mut run: impl FnMut() -> Result<u64>,
    ) -> Result<Self> {
        let mut rates = Vec::new();
        for _ in 0..config.runs {
            let start = Instant::now();
            let steps = run()?;
            rates.push(steps as f64 / start.elapsed().as_secs_f64());
        }
        Ok(Row::new(what, batch, rates))
    }

    fn new(what: impl Into<String>, batch: u32, mut rates: Vec<f64>) -> Self {
        rates.sort_by(f64::total_cmp);
        Row {
            what: what.into(),
            batch,
            rates,
        }
    }

    fn median(&self) -> f64 {
        self.rates[self.rates.len() / 2]
    }
}

/// Measures and prints a table to stdout.
///
/// # Errors
/// A missing environment, a child process that fails, peers that cannot be installed.
pub fn run(config: &Config) -> Result<()> {
    let (environment, _) = Environment::load(&config.environment)?;
    let mut rows = Vec::new();
    for &batch in &config.batches {
        rows.extend(alone::measure(&environment, config, batch)?);
    }
    for &batch in &config.batches {
        rows.push(frames::measure(&environment, config, batch)?);
    }
    if let Some(folder) = &config.peers {
        rows.extend(peers::measure(folder, config)?);
    }
    terminal::print(table(&environment.name_under(&config.rules), config, &rows))?;
    if let Some(memory) = peak_memory() {
        terminal::info(&format!(
            "peak memory of this process: {:.2} GiB",
            memory / f64::from(1 << 20)
        ));
    }
    Ok(())
}

fn table(name: &str, config: &Config, rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
    let mut text = format!(
        "steps a second in {name} (resets not counted), median of {} runs of {:.1} s, and the slowest and fastest\n\n",
        config.runs,
        config.time.as_secs_f64()
    );
    text += &format!(
        "{:<width$}  {:>9}  {:>12}  {:>25}\n",
        "", "envs", "steps/s", "range"
    );
    for row in rows {
        let range = format!(
            "{} to {}",
            thousands(row.rates[0]),
            thousands(row.rates[row.rates.len() - 1])
        );
        text += &format!(
            "{:<width$}  {:>9}  {:>12}  {range:>25}\n",
            row.what,
            row.batch,
            thousands(row.median())
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_run() {
        let row = Row::new("x", 1, vec![3.0, 1.0, 2.0]);
        assert_eq!((row.median(), row.rates[0], row.rates[2]), (2.0, 1.0, 3.0));
    }
}
