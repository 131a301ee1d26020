//! An agent at the other end of step frames: a child process, or whoever connected to a Unix socket.

use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use common::error::Class;
use common::frame::{Hello, Reply, ReplyReceiver, Request, RequestSender};
use common::{Error, Result};

use super::exchange::BUFFER;
use super::process::Process;
use super::watchdog::Watchdog;

/// How long an agent may be silent after the hello before the user is told.
const PATIENCE: Duration = Duration::from_secs(5);
/// Why it usually is.
const LATE: &str = "It may still be loading; else it waits for a request before it writes its schema, which it must write as \
                    soon as it has read the hello";

type Sink = BufWriter<Box<dyn Write + Send>>;
type Source = BufReader<Box<dyn Read + Send>>;

/// A connected agent. Dropping it kills a child process.
pub(crate) struct Agent {
    /// Who it is, in errors.
    name: String,
    sender: Option<RequestSender<Sink>>,
    receiver: Option<ReplyReceiver<Source>>,
    watchdog: Watchdog,
    process: Option<Process>,
}

impl Agent {
    /// Starts `words`, says hello and waits for the agent's schema. No answer may take longer than `limit`.
    pub(crate) fn start(words: &[String], hello: &Hello, name: String, limit: Duration) -> Result<Self> {
        let (process, stdin, stdout) = Process::start(words, &name)?;
        let watchdog = Watchdog::new(limit, process.killer());
        Agent {
            name,
            sender: None,
            receiver: None,
            watchdog,
            process: Some(process),
        }
        .open(Box::new(stdin), Box::new(stdout), hello)
    }

    /// Says hello to the agent on `stream` and waits for its schema. No answer may take longer than `limit`.
    pub(crate) fn connected(
        stream: &UnixStream,
        hello: &Hello,
        name: String,
        limit: Duration,
    ) -> Result<Self> {
        let clone = || {
            stream
                .try_clone()
                .map_err(|e| Error::retry(format!("{name} cannot be talked to: {e}")))
        };
        let (sink, source, watched) = (clone()?, clone()?, clone()?);
        Agent {
            watchdog: Watchdog::new(limit, move || {
                let _ = watched.shutdown(std::net::Shutdown::Both);
            }),
            name,
            sender: None,
            receiver: None,
            process: None,
        }
        .open(Box::new(sink), Box::new(source), hello)
    }

    fn open(
        mut self,
        sink: Box<dyn Write + Send>,
        source: Box<dyn Read + Send>,
        hello: &Hello,
    ) -> Result<Self> {
        let notice = format!("{} has not answered the hello yet. {LATE}", self.name);
        let opened = self.watchdog.after(PATIENCE, notice).during(|| {
            let sender = RequestSender::new(BufWriter::with_capacity(BUFFER, sink), hello)?;
            self.sender = Some(sender);
            ReplyReceiver::new(BufReader::with_capacity(BUFFER, source))
        });
        match opened {
            Ok(receiver) => self.receiver = Some(receiver),
            Err(error) if self.watchdog.verdict().is_some() => {
                return Err(self
                    .explain(error)
                    .hint(format!("it never answered the hello. {LATE}")));
            }
            Err(error) => return Err(self.explain(error)),
        }
        Ok(self)
    }

    /// Sends one vector step and waits for the reply; `None` when the agent has closed its reply stream.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Option<Reply>> {
        let (Some(sender), Some(receiver)) = (&mut self.sender, &mut self.receiver) else {
            return Err(Error::retry(format!("{} is not connected", self.name)));
        };
        self.watchdog.during(|| {
            let sent = sender.send(request);
            let reply = receiver.receive();
            // What it said before it was gone tells more than that its pipe broke.
            if reply.as_ref().is_ok_and(Option::is_some) {
                sent?;
            }
            reply
        })
    }

    /// Ends the session and waits until the agent has closed its stream and, a process, has written what it writes
    /// and exited.
    pub(crate) fn finish(mut self) -> Result<()> {
        let (sender, receiver) = (self.sender.take(), &mut self.receiver);
        // Whatever it still sends is read, so that it does not block on a full pipe.
        let drained = self.watchdog.during(|| {
            if let Some(sender) = sender {
                sender.finish()?;
            }
            if let Some(receiver) = receiver {
                while receiver.receive()?.is_some() {}
            }
            Ok(())
        });
        if let Err(error) = drained {
            return Err(self.explain(error));
        }
        let Some(process) = &mut self.process else {
            return Ok(());
        };
        match self.watchdog.during(|| process.wait()) {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(self.explain(Error::retry("it failed after the last episode"))),
            Err(error) => Err(Error::retry(format!("cannot wait for {}: {error}", self.name))),
        }
    }

    /// The error of an agent that stopped early: how it exited, and the end of its stderr, say why.
    pub(crate) fn explain(mut self, cause: Error) -> Error {
        if let Some(verdict) = self.watchdog.verdict() {
            return self.failure(&verdict, Class::Retry);
        }
        let status = self.process.as_mut().and_then(Process::exit_status);
        let mut what = one_line(&cause);
        if let Some(status) = status.filter(|status| !status.success()) {
            what += &format!("; it ended with {status}");
        }
        // An agent's own verdict, by Headstart's exit codes, says more than that its pipe broke.
        let class = match status.map(|status| status.code()) {
            Some(Some(2)) => Class::Usage,
            Some(Some(42)) => Class::Data,
            Some(Some(0)) | None => cause.class(),
            // A signal ended it, or it failed in a way of its own.
            Some(_) => Class::Retry,
        };
        self.failure(&what, class)
    }

    /// The error of an agent that runs, but whose reply cannot be taken.
    pub(crate) fn refuse(self, cause: Error) -> Error {
        self.failure(&one_line(&cause), cause.class())
    }

    /// Ends the connection and makes one error of what went wrong and the end of a process's stderr.
    fn failure(mut self, what: &str, class: Class) -> Error {
        (self.sender, self.receiver) = (None, None);
        let mut what = format!("{} failed: {what}", self.name);
        let mut hint = "whoever connects to the socket must speak step frames, one reply row a request row";
        if let Some(process) = self.process {
            hint = "run the command after --agent by itself to see whether it starts; it must speak step frames \
                    on stdin and stdout";
            let lines = process.last_words();
            if !lines.is_empty() {
                what += &format!("\nthe end of its stderr:{lines}");
            }
        }
        let error = match class {
            Class::Usage => Error::usage(what),
            Class::Data => Error::data(what),
            Class::Retry | Class::Refused => Error::retry(what),
        };
        error.hint(hint)
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
