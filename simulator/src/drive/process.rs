//! The agent as a child process: its pipes, how it ended, and the end of its stderr for when it fails.

use std::collections::VecDeque;
use std::io::Read;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use common::{Error, Result};

/// How much of the agent's stderr is kept: its end.
const TAIL_BYTES: usize = 4096;
const TAIL_LINES: usize = 15;
/// How long an agent that stopped early may take to exit by itself before it is killed: it makes no difference to
/// any result, only to how well the failure is explained.
const GRACE: Duration = Duration::from_secs(2);

/// A child process. Dropping it kills the process.
pub(super) struct Process {
    child: Arc<Mutex<Child>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Process {
    /// Starts `words`, called `name` in errors, and gives its pipes.
    pub(super) fn start(words: &[String], name: &str) -> Result<(Self, ChildStdin, ChildStdout)> {
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| {
                Error::usage(format!("{name} cannot be started: {e}"))
                    .file(&words[0])
                    .hint("--agent must begin with a program: its path, or a name found through PATH")
            })?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = child.stderr.take();
        let process = Process {
            child: Arc::new(Mutex::new(child)),
            stderr: stderr.map(|stderr| std::thread::spawn(move || tail(stderr))),
        };
        match (stdin, stdout) {
            (Some(stdin), Some(stdout)) => Ok((process, stdin, stdout)),
            _ => Err(Error::retry(format!("{name} has no stdin or stdout"))),
        }
    }

    /// What kills the process, from another thread too.
    pub(super) fn killer(&self) -> impl FnOnce() + Send + 'static {
        let child = self.child.clone();
        move || {
            let _ = lock(&child).kill();
        }
    }

    /// Waits for the end of the process.
    pub(super) fn wait(&mut self) -> std::io::Result<ExitStatus> {
        // By looking now and then: a blocking wait would hold the lock that the killer needs.
        const PAUSE: Duration = Duration::from_millis(5);
        loop {
            if let Some(status) = lock(&self.child).try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// How the process ended, if it does so within the grace period.
    pub(super) fn exit_status(&mut self) -> Option<ExitStatus> {
        const PAUSE: Duration = Duration::from_millis(10);
        for _ in 0..GRACE.as_millis() / PAUSE.as_millis() {
            match lock(&self.child).try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => std::thread::sleep(PAUSE),
                Err(_) => return None,
            }
        }
        None
    }

    /// Kills the process and gives the last lines of its stderr, indented.
    pub(super) fn last_words(mut self) -> String {
        self.end();
        let stderr = self
            .stderr
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        let stderr = String::from_utf8_lossy(&stderr);
        let lines: Vec<&str> = stderr.trim_end().lines().collect();
        let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
        last.iter().map(|line| format!("\n    {line}")).collect()
    }

    fn end(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn tail(mut stderr: ChildStderr) -> Vec<u8> {
    let (mut kept, mut buffer) = (VecDeque::new(), [0; 1024]);
    while let Ok(read) = stderr.read(&mut buffer)
        && read > 0
    {
        kept.extend(&buffer[..read]);
        let excess = kept.len().saturating_sub(TAIL_BYTES);
        kept.drain(..excess);
    }
    kept.into()
}
