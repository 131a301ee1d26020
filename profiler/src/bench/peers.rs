//! The peer in Python, in a virtual environment of its own: llama.cpp's server.

use std::path::Path;
use std::process::Command;

use common::{Error, Result, atomic_file, peers, terminal};
use serde::{Deserialize, Serialize};

use super::Config;
use super::prompts::Made;
use super::table::Row;

/// The script and what it needs, as they stand in profiler/bench.
const SCRIPT: (&str, &str) = ("llama_server.py", include_str!("../../bench/llama_server.py"));
const REQUIREMENTS: &str = include_str!("../../bench/requirements.txt");
/// Numbers of slots that are tried.
const SLOTS: [usize; 5] = [1, 2, 4, 8, 16];

#[derive(Serialize)]
struct Task<'a> {
    model: &'a Path,
    threads: usize,
    slots: &'a [usize],
    runs: usize,
    users: Vec<UserTask<'a>>,
}

#[derive(Serialize)]
struct UserTask<'a> {
    prompt: &'a str,
    continuations: Vec<&'a str>,
}

/// A line of the script's stdout: one run.
#[derive(Deserialize)]
struct Line {
    slots: usize,
    pairs: usize,
    seconds: f64,
}

/// Measures the server on some of the users; where that fails, the row says why.
pub(super) fn measure(folder: &Path, config: &Config, made: &Made) -> Row {
    terminal::info("measuring llama.cpp's server");
    try_measure(folder, config, made).unwrap_or_else(|error| {
        terminal::warn(&error.to_string());
        Row::not_measured("llama.cpp's server", error.what())
    })
}

fn try_measure(folder: &Path, config: &Config, made: &Made) -> Result<Row> {
    // Packages that the system's Python has are used.
    let python = peers::install(folder, REQUIREMENTS, &["--system-site-packages"], &[])?;
    let script = folder.join(SCRIPT.0);
    atomic_file::write_bytes(&script, SCRIPT.1.as_bytes())?;
    let users = made
        .questions
        .iter()
        .take(config.subset)
        .map(|question| UserTask {
            prompt: &question.prompt.text,
            continuations: question
                .continuations
                .iter()
                // The answer to the last token is not needed, so neither do we evaluate the new line.
                .map(|&c| made.continuations[c as usize].trim_end())
                .collect(),
        });
    let task = Task {
        model: &config.model,
        threads: config.workers,
        slots: &SLOTS,
        runs: config.runs,
        users: users.collect(),
    };
    let task = serde_json::to_string(&task)
        .map_err(|e| Error::usage(format!("the prompts cannot be written as JSON: {e}")))?;
    let mut rates = Vec::new();
    let (mut slots, mut pairs) = (0, 0);
    for line in peers::output(Command::new(&python).arg(&script), &task)?.lines() {
        let line: Line = serde_json::from_str(line)
            .map_err(|e| Error::retry(format!("the script printed no result: {e}")).file(&script))?;
        rates.push(line.pairs as f64 / line.seconds);
        (slots, pairs) = (line.slots, line.pairs);
    }
    let what = format!("llama.cpp's server, {slots} slots, prompts cached ({pairs} pairs)");
    Ok(Row::new(what, rates))
}
