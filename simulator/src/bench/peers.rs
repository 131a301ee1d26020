//! Peers in Python, in a virtual environment of their own: what a user would otherwise step.

use std::path::Path;
use std::process::Command;

use common::{Error, Result, atomic_file, peers, terminal};
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
const REQUIREMENTS: &str = include_str!("../../python/bench/requirements-bench.txt");

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
    let python = peers::install(folder, REQUIREMENTS, &[], &["--no-deps"])?;
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
        for line in peers::output(&mut command, "")?.lines() {
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
