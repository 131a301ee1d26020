//! How fast prompts go through the model, side by side with llama.cpp used plainly.
//!
//! Users, titles and prompts are made up from a seed and the built-in templates for films; every method gets the
//! same ones, the same model file and the same number of threads, one after another in one run.

mod pairs;
mod plain;
mod prompts;
mod tokens;

use std::cell::Cell;
use std::path::PathBuf;

use common::bench::Table;
use common::folder::{self, Scratch};
use common::{Result, atomic_file, terminal};

use crate::batch::Cache;
use crate::model::Model;
use prompts::Made;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Config {
    /// The language model, a GGUF.
    pub model: PathBuf,
    /// Made-up users.
    pub users: usize,
    /// Candidates of each.
    pub candidates: usize,
    /// Runs of each measurement; the median counts.
    pub runs: usize,
    /// Users of those that slow methods are measured on.
    pub subset: usize,
    /// Gets the pairs of these as JSON.
    pub write_task: Option<PathBuf>,
    /// Seed of what is made up.
    pub seed: u64,
    /// Threads of every method.
    pub workers: usize,
}

/// Measures and prints a table to stdout.
///
/// # Errors
/// When the model cannot be used, or a temporary folder not be written.
pub fn run(config: &Config) -> Result<()> {
    let model = Model::load(&config.model, 0)?;
    let made = Made::new(config.users, config.candidates, config.seed)?;
    let scratch = Caches {
        folder: folder::scratch()?,
        made: Cell::new(0),
    };
    if let Some(path) = &config.write_task {
        let pairs = made.pairs(config.subset).to_string();
        atomic_file::write_bytes(path, pairs.as_bytes())?;
    }
    terminal::info("measuring prefer");
    let mut rows = vec![pairs::ours(config, &model, &made, &scratch)?];
    terminal::info("measuring one prompt a pair");
    rows.push(pairs::one_by_one(config, &model, &made)?);
    let candidates = Table {
        title: format!(
            "candidates scored a second: {} users x {} candidates, log-likelihoods of titles",
            config.users, config.candidates
        ),
        unit: "candidates/s",
        rows,
    };
    terminal::info("measuring traits");
    let mut rows = vec![tokens::ours(config, &model, &made, &scratch)?];
    rows.extend(tokens::full_batches(config, &model, &made)?);
    let prompts = Table {
        title: format!(
            "prompt tokens evaluated a second: traits of {} users",
            config.users
        ),
        unit: "tokens/s",
        rows,
    };
    terminal::print(format_args!(
        "{}, {} threads, median of {} runs, the slowest and the fastest; the ratio is the first row to this one\n\n{candidates}\n{prompts}",
        model.title(),
        config.workers,
        config.runs,
    ))
}

/// A folder for finished units, removed at the end. Finished work is written as always, but no run finds another's.
struct Caches {
    folder: Scratch,
    made: Cell<usize>,
}

impl Caches {
    /// An empty cache for one run.
    fn cache(&self) -> common::Result<Cache> {
        self.made.set(self.made.get() + 1);
        Cache::beside(&self.folder.path().join(self.made.get().to_string()))
    }
}
