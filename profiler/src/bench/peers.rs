//! The peer in Python, in a virtual environment of its own: llama.cpp's server.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Error, Result, atomic_file, terminal};
use serde::{Deserialize, Serialize};

use super::Config;
use super::prompts::Made;
use super::table::Row;

/// The script and what it needs, as they stand in profiler/bench.
const SCRIPT: (&str, &str) = ("llama_server.py", include_str!("../../bench/llama_server.py"));
const REQUIREMENTS: (&str, &str) = ("requirements.txt", include_str!("../../bench/requirements.txt"));
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
    let python = install(folder)?;
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
    for line in output(Command::new(&python).arg(&script), &task)?.lines() {
        let line: Line = serde_json::from_str(line)
            .map_err(|e| Error::retry(format!("the script printed no result: {e}")).file(&script))?;
        rates.push(line.pairs as f64 / line.seconds);
        (slots, pairs) = (line.slots, line.pairs);
    }
    let what = format!("llama.cpp's server, {slots} slots, prompts cached ({pairs} pairs)");
    Ok(Row::new(what, rates))
}

/// The interpreter of the virtual environment in `folder`; packages that the system's Python has are used.
fn install(folder: &Path) -> Result<PathBuf> {
    let python = folder.join("bin").join("python");
    let (name, text) = REQUIREMENTS;
    let installed = folder.join(name);
    // The list of what is installed is written last: it tells that the installation is whole, and of this version.
    if std::fs::read(&installed).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(python);
    }
    terminal::info(&format!("installing the peer into {}", folder.display()));
    let venv = ["-m", "venv", "--clear", "--system-site-packages"];
    output(Command::new("python3").args(venv).arg(folder), "")?;
    let wanted = folder.join("wanted.txt");
    atomic_file::write_bytes(&wanted, text.as_bytes())?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ];
    output(Command::new(&python).args(pip).arg(&wanted), "")?;
    atomic_file::write_bytes(&installed, text.as_bytes())?;
    Ok(python)
}

/// Runs a command on `input` and gives its stdout; its stderr goes to ours.
fn output(command: &mut Command, input: &str) -> Result<String> {
    let program = command.get_program().to_os_string();
    let failed = |e: std::io::Error| {
        Error::usage(format!("cannot start {}: {e}", program.display()))
            .hint("--peers needs python3 with venv and pip")
    };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ends without reading says why on stderr, and by its exit status.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Err(
            Error::retry(format!("{} ended with {}", program.display(), output.status))
                .hint("its messages are above; the package registry must be reachable the first time"),
        );
    }
    String::from_utf8(output.stdout).map_err(|_| Error::retry("it printed what is not text").file(&program))
}
