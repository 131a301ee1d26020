//! The server under load, as a process of its own.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use common::{Error, Result};

/// A running `online serve`; it ends with this value.
pub(super) struct Process {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Process {
    /// Starts this very program as `online serve` with these arguments, on a free port, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start; what it says itself stands on stderr.
    pub(super) fn start(arguments: &[OsString]) -> Result<Self> {
        let program = std::env::current_exe();
        let program = program.map_err(|e| Error::retry(format!("cannot find this program: {e}")))?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|e| Error::retry(format!("cannot start the server: {e}")))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            let read = BufReader::new(stdout).read_line(&mut line);
            read.map_err(|e| Error::retry(format!("cannot hear the server: {e}")))?;
        }
        let said: Option<serde_json::Value> = serde_json::from_str(&line).ok();
        let address = said.and_then(|said| said.get("listening")?.as_str()?.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Error::usage(
                "the server did not start: its own message stands above",
            ));
        };
        Ok(Process { child, address })
    }

    /// The memory that it holds at present, in bytes, where the system tells.
    pub(super) fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib << 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be killed at any moment: what it has acknowledged is on disk.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
