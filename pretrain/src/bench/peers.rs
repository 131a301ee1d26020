//! The same network, batch and data in PyTorch, in a virtual environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Result, atomic_file, peers, terminal};
use serde::Serialize;

use super::ours::{Inputs, WIDTH};
use super::process::Running;
use super::table::Row;
use super::task::{Kind, Reached, Task};
use crate::algorithms::ialp::IalpConfig;

/// The scripts, as they stand in pretrain/bench.
const SCRIPTS: [(&str, &str); 3] = [
    ("torch_network.py", include_str!("../../bench/torch_network.py")),
    (WHOLE, include_str!("../../bench/torch_a2c.py")),
    (SAMPLED, include_str!("../../bench/torch_sampled.py")),
];
const WHOLE: &str = "torch_a2c.py";
const SAMPLED: &str = "torch_sampled.py";
const REQUIREMENTS: &str = include_str!("../../bench/requirements.txt");

/// An interpreter that has PyTorch, and the scripts.
pub(super) struct Peers {
    python: PathBuf,
    scripts: PathBuf,
}

/// What a script reads.
#[derive(Serialize)]
struct PeerTask<'a> {
    method: &'a str,
    items: usize,
    dims: usize,
    hidden: usize,
    window: usize,
    batch: usize,
    horizon: usize,
    negatives: Option<usize>,
    users: Vec<(Vec<u32>, Vec<f32>)>,
    /// Each item's probability of a like; empty where nothing is played.
    reward: Vec<f32>,
    likes: &'a [f32],
    threads: usize,
    runs: usize,
    updates: u64,
    seed: u64,
}

impl Peers {
    /// Of the virtual environment in `venv`, made where there is none; the scripts go to `scripts`.
    ///
    /// # Errors
    /// No Python, an installation that fails.
    pub(super) fn install(venv: &Path, scripts: &Path) -> Result<Self> {
        let python = peers::install(venv, REQUIREMENTS, &[], &[])?;
        for (name, text) in SCRIPTS {
            atomic_file::write_bytes(&scripts.join(name), text.as_bytes())?;
        }
        Ok(Peers {
            python,
            scripts: scripts.to_path_buf(),
        })
    }

    /// Rows of the ways in which PyTorch does `task`, `updates` a run; where that fails, the row says why.
    pub(super) fn measure(&self, task: &Task, updates: u64) -> Result<Vec<Row>> {
        let inputs = Inputs::read(task)?;
        let mut rows = Vec::new();
        for (what, method, threads, processes) in ways(task) {
            terminal::info(&format!("measuring {what}"));
            let peer = inputs.peer_task(task, method, threads, updates)?;
            rows.push(match self.run(task, &peer, processes) {
                Ok(reached) => Row::new(what, reached),
                Err(error) => {
                    terminal::warn(&error.to_string());
                    Row::not_measured(what, error.what())
                }
            });
        }
        Ok(rows)
    }

    fn run(&self, task: &Task, peer: &PeerTask, processes: usize) -> Result<Reached> {
        let script = self
            .scripts
            .join(if task.negatives.is_some() { SAMPLED } else { WHOLE });
        let start = |_| {
            let mut command = Command::new(&self.python);
            command.arg(&script);
            Running::start(command, peer)
        };
        let running = (0..processes).map(start).collect::<Result<Vec<_>>>()?;
        let reached = running
            .into_iter()
            .map(Running::finish)
            .collect::<Result<Vec<_>>>()?;
        Ok(Reached::together(reached))
    }
}

/// What is measured: a name for the table, the script's method, its threads, processes side by side.
fn ways(task: &Task) -> Vec<(String, &'static str, usize, usize)> {
    let threads = task.workers;
    let on = |what: &str, method| (format!("PyTorch, {what}"), method, threads, 1);
    match (task.negatives, task.kind) {
        (None, _) => vec![
            on("torch.multinomial", "multinomial"),
            on("one uniform number a draw", "inverse"),
            on("the graph of the episodes kept", "one pass"),
            (
                format!("PyTorch, one uniform number a draw, {threads} processes of 1 thread"),
                "inverse",
                1,
                threads,
            ),
        ],
        (Some(_), Kind::A2c) => vec![
            on("dense gradients, Adam", "a2c dense"),
            on("sparse gradients, SparseAdam", "a2c sparse"),
        ],
        (Some(_), Kind::Bc) => vec![
            on("dense gradients, Adam", "bc dense"),
            on("sparse gradients, SparseAdam", "bc sparse"),
        ],
    }
}

impl Inputs {
    fn peer_task<'a>(
        &'a self,
        task: &Task,
        method: &'a str,
        threads: usize,
        updates: u64,
    ) -> Result<PeerTask<'a>> {
        let network = self.network();
        let logs = self.dataset.logs()?;
        let reward = match &self.reward {
            // Without traits it is the same in every state.
            Some(reward) => {
                let context = reward.context(&[], &[]);
                (0..network.items as u32)
                    .map(|item| reward.probability(&context, item))
                    .collect()
            }
            None => Vec::new(),
        };
        Ok(PeerTask {
            method,
            items: network.items,
            dims: WIDTH,
            hidden: WIDTH,
            window: network.window,
            batch: task.batch(),
            horizon: IalpConfig::default().horizon,
            negatives: task.negatives,
            users: logs
                .iter()
                .filter(|log| !log.is_empty())
                .map(|log| log.iter().copied().unzip())
                .collect(),
            reward,
            likes: &self.dataset.popularity,
            threads,
            runs: task.runs,
            updates,
            seed: task.seed,
        })
    }
}
