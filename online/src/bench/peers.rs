//! What others do, in a virtual environment of its own: a contextual bandit that many use, Vowpal Wabbit, and the product
//! of a query with the table of embeddings by OpenBLAS.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use common::{Error, Result, atomic_file, peers, terminal};
use serde::Deserialize;

use super::PairsConfig;

/// The scripts, as they stand in online/bench.
const SCRIPT: Script = ("vowpal_wabbit.py", include_str!("../../bench/vowpal_wabbit.py"));
const OPENBLAS: Script = ("openblas.py", include_str!("../../bench/openblas.py"));
const REQUIREMENTS: &str = include_str!("../../bench/requirements.txt");

type Script = (&'static str, &'static str);

/// One measurement of OpenBLAS' product, in microseconds.
#[derive(Deserialize)]
pub(super) struct Sgemv {
    pub(super) library: String,
    pub(super) p50: f64,
    pub(super) p99: f64,
    /// What of each is the call from Python.
    pub(super) overhead: f64,
}

impl Sgemv {
    /// The product alone.
    pub(super) fn alone(&self) -> f64 {
        self.p50 - self.overhead
    }
}

/// A process that measures the product whenever it is asked to, so that it can take turns with ours.
pub(super) struct OpenBlas {
    child: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl OpenBlas {
    /// Installs the peers into `folder` where that has not been done, and starts the process.
    ///
    /// # Errors
    /// No Python, an installation that fails.
    pub(super) fn start(folder: &Path, config: &PairsConfig) -> Result<Self> {
        let python = peers::install(folder, REQUIREMENTS, &[], &[])?;
        let mut child = Command::new(&python)
            .arg(script(folder, OPENBLAS)?)
            .args(["--items", &config.sizes.items.to_string()])
            .args(["--dims", &config.sizes.dims.to_string()])
            .args(["--seed", &config.settings.seed.to_string()])
            .env("OPENBLAS_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| Error::io(e, "start", &python))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(asked), Some(answers)) => Ok(OpenBlas {
                child,
                asked,
                answers: BufReader::new(answers),
            }),
            _ => Err(Error::retry("it has no pipes").file(&python)),
        }
    }

    /// Measures for so long.
    ///
    /// # Errors
    /// A process that has ended, or says something else than it should.
    pub(super) fn measure(&mut self, time: Duration) -> Result<Sgemv> {
        let mut line = String::new();
        writeln!(self.asked, "{}", time.as_secs_f64())
            .and_then(|()| self.answers.read_line(&mut line))
            .map_err(|e| Error::retry(format!("it cannot be asked: {e}")).file(Path::new(OPENBLAS.0)))?;
        serde_json::from_str(&line).map_err(|e| {
            Error::retry(format!("it gave no result: {e}"))
                .file(Path::new(OPENBLAS.0))
                .hint("its messages are above")
        })
    }
}

impl Drop for OpenBlas {
    fn drop(&mut self) {
        // It waits for the next line and has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
    let script = script(folder, SCRIPT)?;
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

/// Writes a script to where Python can read it.
fn script(folder: &Path, (name, text): Script) -> Result<PathBuf> {
    let path = folder.join(name);
    atomic_file::write_bytes(&path, text.as_bytes())?;
    Ok(path)
}
