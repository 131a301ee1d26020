//! Processes that measure: a task on the standard input, lines of JSON on the standard output.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use common::{Error, Result};
use serde::Serialize;

use super::task::{Line, Reached, Task};

/// Has this program measure `task` in a process of its own, so that its peak memory is that of the training.
pub(super) fn ours(task: &Task) -> Result<Reached> {
    let program =
        std::env::current_exe().map_err(|e| Error::retry(format!("cannot find this program: {e}")))?;
    let mut command = Command::new(program);
    command.arg("bench-task");
    Running::start(command, task)?.finish()
}

/// A process that measures.
pub(super) struct Running {
    program: PathBuf,
    child: Child,
}

impl Running {
    /// Starts `command` and hands it `task`.
    pub(super) fn start(mut command: Command, task: &impl Serialize) -> Result<Self> {
        let program = PathBuf::from(command.get_program());
        let text = serde_json::to_vec(task)
            .map_err(|e| Error::usage(format!("the task cannot be written as JSON: {e}")))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|e| Error::usage(format!("cannot start it: {e}")).file(&program))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A child that ends without reading says why on stderr, and by its exit status.
            let _ = stdin.write_all(&text);
        }
        Ok(Running { program, child })
    }

    /// Waits for its end and reads what it printed.
    pub(super) fn finish(self) -> Result<Reached> {
        let program = self.program;
        let output = self
            .child
            .wait_with_output()
            .map_err(|e| Error::retry(format!("cannot wait for it: {e}")).file(&program))?;
        if !output.status.success() {
            return Err(Error::retry(format!("it ended with {}", output.status))
                .file(&program)
                .hint("its messages are above"));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let line = |line: &str| {
            serde_json::from_str::<Line>(line)
                .map_err(|e| Error::retry(format!("it printed no measurement: {e}: {line}")).file(&program))
        };
        Ok(Reached::of(&text.lines().map(line).collect::<Result<Vec<_>>>()?))
    }
}
