//! A measurement in a process of its own, so that its peak memory is that of the training.

use std::io::Write;
use std::process::{Command, Stdio};

use common::bench::Row;
use common::{Error, Result};

use super::task::Task;

/// Has this program measure `task`: a task on the standard input, a row on the standard output, both as JSON.
pub(super) fn measure(task: &Task) -> Result<Row> {
    let program =
        std::env::current_exe().map_err(|e| Error::retry(format!("cannot find this program: {e}")))?;
    let text = serde_json::to_vec(task)
        .map_err(|e| Error::usage(format!("the task cannot be written as JSON: {e}")))?;
    let failed = |e: std::io::Error| Error::io(e, "start", &program);
    let mut child = Command::new(&program)
        .arg("bench-task")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ends without reading says why on stderr, and by its exit status.
        let _ = stdin.write_all(&text);
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Err(Error::retry(format!("it ended with {}", output.status))
            .file(&program)
            .hint("its messages are above"));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|e| Error::retry(format!("it printed no measurement: {e}")).file(&program))
}
