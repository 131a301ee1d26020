//! The agent as a child process: frames over its stdin and stdout, its stderr kept for when it fails.

use std::collections::VecDeque;
use std::io::{BufReader, BufWriter, Read};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use common::error::Class;
use common::frame::{Hello, Reply, ReplyReceiver, Request, RequestSender};
use common::{Error, Result};

/// How much of the agent's stderr is kept: its end.
const TAIL_BYTES: usize = 4096;
const TAIL_LINES: usize = 15;
/// How long an agent that broke off may take to exit by itself before it is killed: it makes no difference to
/// any result, only to how well the failure is explained.
const GRACE: Duration = Duration::from_secs(2);

/// A running agent. Dropping it kills the process.
pub(super) struct Agent {
    child: Child,
    /// Who it is, in errors.
    name: String,
    sender: Option<RequestSender<BufWriter<ChildStdin>>>,
    receiver: Option<ReplyReceiver<BufReader<ChildStdout>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl Agent {
    /// Starts `words` and says hello; waits for the agent's schema.
    pub(super) fn start(words: &[String], hello: &Hello, name: String) -> Result<Self> {
        let mut child = std::process::Command::new(&words[0])
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
        let stderr = child
            .stderr
            .take()
            .map(|stderr| std::thread::spawn(move || tail(stderr)));
        let mut agent = Agent {
            child,
            name,
            sender: None,
            receiver: None,
            stderr,
        };
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            return Err(Error::retry(format!("{} has no stdin or stdout", agent.name)));
        };
        let opened = RequestSender::new(BufWriter::new(stdin), hello).and_then(|sender| {
            agent.sender = Some(sender);
            ReplyReceiver::new(BufReader::new(stdout))
        });
        match opened {
            Ok(receiver) => agent.receiver = Some(receiver),
            Err(error) => return Err(agent.explain(error)),
        }
        Ok(agent)
    }

    /// Sends one vector step and waits for the reply.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Reply> {
        let (Some(sender), Some(receiver)) = (&mut self.sender, &mut self.receiver) else {
            return Err(Error::retry(format!("{} is not connected", self.name)));
        };
        sender.send(request)?;
        receiver
            .receive()?
            .ok_or_else(|| Error::data("it closed its reply stream before the last episode was over"))
    }

    /// Ends the session and waits until the agent has written what it writes and exited.
    pub(super) fn finish(mut self) -> Result<()> {
        let closed = match self.sender.take() {
            Some(sender) => sender.finish(),
            None => Ok(()),
        };
        // Whatever it still sends is read, so that it does not block on a full pipe.
        let drained = closed.and_then(|()| match &mut self.receiver {
            Some(receiver) => {
                while receiver.receive()?.is_some() {}
                Ok(())
            }
            None => Ok(()),
        });
        if let Err(error) = drained {
            return Err(self.explain(error));
        }
        let status = self.child.wait();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(self.explain(Error::retry("it failed after the last episode"))),
            Err(error) => Err(Error::retry(format!("cannot wait for {}: {error}", self.name))),
        }
    }

    /// The error of an agent that broke off: how it exited, and the end of its stderr, say why.
    pub(super) fn explain(mut self, cause: Error) -> Error {
        let status = self.exit_status();
        let mut what = one_line(&cause);
        if let Some(status) = status.filter(|status| !status.success()) {
            what += &format!("; it ended with {status}");
        }
        // An agent's own verdict, by Headstart's exit codes, says more than that its pipe broke.
        let class = match status.and_then(|status| status.code()) {
            Some(2) => Class::Usage,
            Some(42) => Class::Data,
            Some(0) | None => cause.class(),
            Some(_) => Class::Retry,
        };
        self.failure(&what, class)
    }

    /// The error of an agent that runs, but whose reply cannot be taken.
    pub(super) fn refuse(self, cause: Error) -> Error {
        self.failure(&one_line(&cause), cause.class())
    }

    /// Ends the process and makes one error of what went wrong and the end of its stderr.
    fn failure(mut self, what: &str, class: Class) -> Error {
        (self.sender, self.receiver) = (None, None);
        let _ = self.child.kill();
        let _ = self.child.wait();
        let stderr = self
            .stderr
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        let stderr = String::from_utf8_lossy(&stderr);
        let mut what = format!("{} failed: {what}", self.name);
        let lines: Vec<&str> = stderr.trim_end().lines().collect();
        if !lines.is_empty() {
            what += "\nthe end of its stderr:";
            for line in &lines[lines.len().saturating_sub(TAIL_LINES)..] {
                what += &format!("\n    {line}");
            }
        }
        let error = match class {
            Class::Usage => Error::usage(what),
            Class::Data => Error::data(what),
            Class::Retry => Error::retry(what),
        };
        error.hint("run the command after --agent by itself to see whether it starts; it must speak step frames on stdin and stdout")
    }

    /// How the process ended, if it does so within the grace period.
    fn exit_status(&mut self) -> Option<ExitStatus> {
        const PAUSE: Duration = Duration::from_millis(10);
        for _ in 0..GRACE.as_millis() / PAUSE.as_millis() {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => std::thread::sleep(PAUSE),
                Err(_) => return None,
            }
        }
        None
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What and where, without the line breaks of a whole error.
fn one_line(error: &Error) -> String {
    let text = error.to_string();
    let parts: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("hint:"))
        .map(str::trim)
        .collect();
    parts.join("; ")
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
