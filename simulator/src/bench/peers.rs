//! Peers in Python, in a virtual environment of their own: what a user would otherwise step.

use std::path::Path;
use std::process::{Command, Stdio};

use common::{Error, Result, atomic_file, terminal};
use serde::Deserialize;

use super::{Config, Row};
use crate::environment::rules::Rules;

/// The scripts, as they stand in simulator/python/bench.
const SCRIPTS: [(&str, &str); 2] = [
    (
        "gymnasium_port.py",
        include_str!("../../python/bench/gymnasium_port.py"),
    ),
    (
        "recsim_peer.py",
        include_str!("../../python/bench/recsim_peer.py"),
    ),
];
const REQUIREMENTS: (&str, &str) = (
    "requirements-bench.txt",
    include_str!("../../python/bench/requirements-bench.txt"),
);

/// A line of a script's stdout: one run.
#[derive(Deserialize)]
struct Line {
    peer: String,
    batch: u32,
    steps: u64,
    seconds: f64,
}

/// Installs the peers into `folder` where that has not been done, and measures them.
///
/// # Errors
/// Rules with drift, no Python, an installation that fails, a script that fails or says something else than it should.
pub(super) fn measure(folder: &Path, config: &Config) -> Result<Vec<Row>> {
    if config.rules.drift.is_some() {
        return Err(Error::usage("the peers know no drift").hint("measure them without --drift"));
    }
    let python = install(folder)?;
    let mut rows: Vec<Row> = Vec::new();
    for (name, text) in SCRIPTS {
        let script = folder.join(name);
        atomic_file::write_bytes(&script, text.as_bytes())?;
        let mut command = Command::new(&python);
        command.arg(&script).arg("--environment").arg(&config.environment);
        command.args(["--seconds", &config.time.as_secs_f64().to_string()]);
        command.args([
            "--runs",
            &config.runs.to_string(),
            "--seed",
            &config.seed.to_string(),
        ]);
        let Rules {
            horizon,
            patience,
            boredom,
            ..
        } = config.rules;
        let rules = [
            ("--horizon", Some(horizon)),
            ("--patience", patience),
            ("--boredom", boredom),
        ];
        for (flag, value) in rules {
            command.args(value.map(|value| format!("{flag}={value}")));
        }
        terminal::info(&format!("measuring {name}"));
        for line in output(&mut command)?.lines() {
            let line: Line = serde_json::from_str(line)
                .map_err(|e| Error::retry(format!("{name} printed no result: {e}")).file(&script))?;
            let rate = line.steps as f64 / line.seconds;
            match rows
                .iter_mut()
                .find(|row| row.what == line.peer && row.batch == line.batch)
            {
                Some(row) => row.rates.push(rate),
                None => rows.push(Row::new(line.peer, line.batch, vec![rate])),
            }
        }
    }
    Ok(rows
        .into_iter()
        .map(|row| Row::new(row.what, row.batch, row.rates))
        .collect())
}

/// The interpreter of the virtual environment in `folder`.
fn install(folder: &Path) -> Result<std::path::PathBuf> {
    let python = folder.join("bin").join("python");
    let (name, text) = REQUIREMENTS;
    let installed = folder.join(name);
    // The list of what is installed is written last: it tells that the installation is whole, and of this version.
    if std::fs::read(&installed).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(python);
    }
    terminal::info(&format!("installing the peers into {}", folder.display()));
    output(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(folder),
    )?;
    let wanted = folder.join("wanted.txt");
    atomic_file::write_bytes(&wanted, text.as_bytes())?;
    output(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "-r",
            ])
            .arg(&wanted),
    )?;
    atomic_file::write_bytes(&installed, text.as_bytes())?;
    Ok(python)
}

/// Runs a command and gives its stdout; its stderr goes to ours.
fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_os_string();
    let output = command.stderr(Stdio::inherit()).output().map_err(|e| {
        Error::usage(format!("cannot start it: {e}"))
            .file(&program)
            .hint("--peers needs python3 with venv and pip")
    })?;
    if !output.status.success() {
        return Err(Error::retry(format!("it ended with {}", output.status))
            .file(&program)
            .hint("its messages are above; the package registry must be reachable the first time"));
    }
    String::from_utf8(output.stdout).map_err(|_| Error::retry("it printed what is not text").file(&program))
}
