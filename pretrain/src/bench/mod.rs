//! How fast policies are trained.
//!
//! Each measurement is made by a process of its own, one after another, so that its peak memory is that of the training
//! and nothing is warm but what it warmed itself.

mod ours;
mod process;
mod scaling;
mod synthetic;
mod task;

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use common::bench::Table;
use common::folder::{self, Scratch};
use common::{Error, Result, atomic_file, output, terminal};
use serde::Serialize;

use scaling::Scaling;
use task::{Kind, Task};

use crate::train::NEGATIVES;

/// What is counted.
const UNIT: &str = "transitions/s";
/// Policies of the measurement of how runs share the workers.
const POLICIES: u64 = 8;

/// A part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// A2C with a GRU on the log, the whole catalogue scored
    A2c,
    /// Sampled softmax over a large catalogue: behaviour cloning and A2C, and their memory
    Large,
    /// Eight runs with one worker and with all
    Scaling,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Runs of each measurement; the median counts.
    pub runs: usize,
    /// Updates of a run on the log.
    pub updates: u64,
    /// Updates of a run over the large catalogue.
    pub large_updates: u64,
    /// Items of the large catalogue.
    pub items: u32,
    /// Users of its log.
    pub users: u32,
}

/// What to measure.
#[derive(Clone, Debug)]
pub struct Config {
    /// The log, as `pretrain train` takes it.
    pub log: PathBuf,
    /// From where on feedback is a like; over what the log itself says.
    pub like_threshold: Option<f32>,
    /// Which parts.
    pub parts: Vec<Part>,
    /// How much.
    pub size: Size,
    /// The folder that gets what is trained on as JSON, a file a table.
    pub write_tasks: Option<PathBuf>,
    /// Where the result goes as JSON too.
    pub out: Option<PathBuf>,
    /// Seed of weights, batches and what is made up.
    pub seed: u64,
    /// Threads of every measurement that does not say otherwise.
    pub workers: usize,
}

/// The result as JSON.
#[derive(Serialize)]
struct Report<'a> {
    tool: &'static str,
    version: &'static str,
    workers: usize,
    seed: u64,
    tables: &'a [Table],
    #[serde(skip_serializing_if = "Option::is_none")]
    scaling: Option<&'a Scaling>,
}

/// Measures and prints tables to stdout.
///
/// # Errors
/// A log that cannot be read, a process that fails.
pub fn run(config: &Config) -> Result<()> {
    output::files(config.out.as_deref(), [config.log.as_path()])?;
    let scratch = folder::scratch()?;
    let (mut tables, mut scaling) = (Vec::new(), None);
    let has = |part| config.parts.contains(&part);
    if has(Part::A2c) {
        tables.push(on_the_log(config, &scratch)?);
    }
    if has(Part::Large) {
        let made = scratch.path().join("large");
        synthetic::write(&made, config.size.users, config.size.items, config.seed)?;
        for kind in [Kind::Bc, Kind::A2c] {
            tables.push(large(config, &scratch, &made, kind)?);
        }
    }
    if has(Part::Scaling) {
        scaling = Some(share(config, &scratch)?);
    }
    let mut shown = format!(
        "{} threads, median of {} runs, the slowest and the fastest; the ratio is the first row to this one\n\n",
        config.workers, config.size.runs
    );
    for table in &tables {
        shown += &format!("{table}\n");
    }
    if let Some(scaling) = &scaling {
        shown += &format!("{scaling}\n");
    }
    let Some(out) = &config.out else {
        return terminal::print(shown);
    };
    let report = Report {
        tool: "pretrain bench",
        version: env!("CARGO_PKG_VERSION"),
        workers: config.workers,
        seed: config.seed,
        tables: &tables,
        scaling: scaling.as_ref(),
    };
    let text = serde_json::to_vec_pretty(&report)
        .map_err(|e| Error::usage(format!("the result cannot be written as JSON: {e}")))?;
    // The figures are wanted even where the file cannot be written, and the file even where no one reads on.
    let (written, printed) = (atomic_file::write_bytes(out, &text), terminal::print(shown));
    written.and(printed)
}

/// Measures the task that stands on the standard input, for [`run`] in another process.
///
/// # Errors
/// A task that cannot be read; as training.
pub fn run_task() -> Result<()> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|e| Error::usage(format!("the task cannot be read: {e}")))?;
    let task: Task = serde_json::from_str(&text)
        .map_err(|e| Error::usage(format!("the standard input holds no task: {e}")))?;
    let row = serde_json::to_string(&ours::measure(&task)?)
        .map_err(|e| Error::usage(format!("the measurement cannot be written as JSON: {e}")))?;
    terminal::print(row)
}

/// One A2C run on the log.
fn task(config: &Config, scratch: &Scratch) -> Task {
    Task {
        what: "one run".into(),
        log: config.log.clone(),
        like_threshold: config.like_threshold,
        scratch: scratch.path().to_path_buf(),
        kind: Kind::A2c,
        negatives: None,
        updates: config.size.updates,
        runs: config.size.runs,
        workers: config.workers,
        copies: 1,
        whole: false,
        seed: config.seed,
    }
}

/// Measures the tasks of one table; what the first is trained on is written where that is wanted.
fn measured(config: &Config, title: String, tasks: &[Task]) -> Result<Table> {
    terminal::info(&format!("measuring {title}"));
    if let (Some(folder), Some(task)) = (&config.write_tasks, tasks.first()) {
        let mut described = ours::described(task)?;
        described["title"] = title.as_str().into();
        let name = match (task.kind, task.negatives) {
            (Kind::A2c, None) => "a2c.json",
            (Kind::A2c, Some(_)) => "large-a2c.json",
            (Kind::Bc, _) => "large-bc.json",
        };
        atomic_file::write_bytes(&folder.join(name), described.to_string().as_bytes())?;
    }
    let rows = tasks.iter().map(process::measure).collect::<Result<_>>()?;
    Ok(Table {
        title,
        unit: UNIT,
        rows,
    })
}

fn on_the_log(config: &Config, scratch: &Scratch) -> Result<Table> {
    let mut tasks = vec![task(config, scratch)];
    if config.workers > 1 {
        tasks.push(Task {
            what: format!("{} runs side by side", config.workers),
            copies: config.workers as u64,
            ..task(config, scratch)
        });
    }
    let title = format!("A2C with a GRU, whole catalogue: {}", config.log.display());
    measured(config, title, &tasks)
}

fn large(config: &Config, scratch: &Scratch, folder: &Path, kind: Kind) -> Result<Table> {
    let task = Task {
        log: folder.to_path_buf(),
        like_threshold: None,
        kind,
        negatives: Some(NEGATIVES),
        updates: config.size.large_updates,
        ..task(config, scratch)
    };
    let name = match kind {
        Kind::A2c => "A2C",
        Kind::Bc => "Behaviour cloning",
    };
    let items = config.size.items;
    measured(
        config,
        format!("{name} with a GRU, {NEGATIVES} sampled of {items} items"),
        &[task],
    )
}

fn share(config: &Config, scratch: &Scratch) -> Result<Scaling> {
    let row = |workers: usize| {
        let what = format!("{workers} worker{}", if workers == 1 { "" } else { "s" });
        terminal::info(&format!("measuring {POLICIES} runs, {what}"));
        process::measure(&Task {
            what,
            copies: POLICIES,
            whole: true,
            workers,
            ..task(config, scratch)
        })
    };
    Ok(Scaling {
        policies: POLICIES,
        workers: config.workers,
        alone: row(1)?,
        together: row(config.workers)?,
    })
}
