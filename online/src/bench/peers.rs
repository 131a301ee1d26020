//! A contextual bandit that many use, in a virtual environment of its own: Vowpal Wabbit.

use std::path::Path;
use std::process::Command;

use common::{Error, Result, atomic_file, peers, terminal};
use serde::Deserialize;

use super::PairsConfig;

/// The script, as it stands in online/bench.
const SCRIPT: (&str, &str) = ("vowpal_wabbit.py", include_str!("../../bench/vowpal_wabbit.py"));
const REQUIREMENTS: &str = include_str!("../../bench/requirements.txt");

/// Runs of one set-up with one number of actions.
pub(super) struct Row {
    pub(super) what: String,
    pub(super) actions: usize,
    /// Decisions a second of each run.
    pub(super) rates: Vec<f64>,
}

/// A line of the script's stdout: one run.
#[derive(Deserialize)]
struct Line {
    peer: String,
    actions: usize,
    decisions: u64,
    seconds: f64,
}

/// Installs the peer into `folder` where that has not been done, and measures it.
///
/// # Errors
/// No Python, an installation that fails, a script that fails or says something else than it should.
pub(super) fn measure(folder: &Path, config: &PairsConfig) -> Result<Vec<Row>> {
    let python = peers::install(folder, REQUIREMENTS, &[], &[])?;
    let script = folder.join(SCRIPT.0);
    atomic_file::write_bytes(&script, SCRIPT.1.as_bytes())?;
    let mut rows: Vec<Row> = Vec::new();
    for &actions in &config.actions {
        terminal::info(&format!("measuring Vowpal Wabbit with {actions} actions"));
        let flags = [
            ("--actions", actions.to_string()),
            ("--dims", config.sizes.dims.to_string()),
            ("--seconds", config.time.as_secs_f64().to_string()),
            ("--runs", config.runs.to_string()),
            ("--seed", config.settings.seed.to_string()),
        ];
        let mut command = Command::new(&python);
        command.arg(&script);
        flags
            .iter()
            .for_each(|(flag, value)| _ = command.arg(flag).arg(value));
        for line in peers::output(&mut command, "")?.lines() {
            let line: Line = serde_json::from_str(line)
                .map_err(|e| Error::retry(format!("it printed no result: {e}")).file(&script))?;
            let rate = line.decisions as f64 / line.seconds;
            let same = |row: &&mut Row| row.what == line.peer && row.actions == line.actions;
            match rows.iter_mut().find(same) {
                Some(row) => row.rates.push(rate),
                None => rows.push(Row {
                    what: line.peer,
                    actions: line.actions,
                    rates: vec![rate],
                }),
            }
        }
    }
    Ok(rows)
}
