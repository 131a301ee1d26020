//! A Unix socket that agents connect to.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Error, Result, socket};

/// How often a limited wait for a connection looks.
const LOOK: Duration = Duration::from_millis(20);

/// A listening socket; its file goes with it.
#[derive(Debug)]
pub(crate) struct Socket(socket::Socket);

impl Socket {
    /// Listens on `path`.
    ///
    /// # Errors
    /// Those of [`socket::Socket::listen`].
    pub(crate) fn listen(path: &Path) -> Result<Self> {
        socket::Socket::listen(path).map(Socket)
    }

    /// The next connection, waited for without limit, or for `limit`.
    ///
    /// # Errors
    /// When nobody connects in time, or the socket fails.
    pub(crate) fn accept(&self, limit: Option<Duration>) -> Result<UnixStream> {
        let failed =
            |e: std::io::Error| Error::retry(format!("cannot take a connection: {e}")).file(self.0.path());
        let Some(limit) = limit else {
            return Ok(self.0.listener().accept().map_err(failed)?.0);
        };
        self.0.listener().set_nonblocking(true).map_err(failed)?;
        let deadline = Instant::now() + limit;
        loop {
            match self.0.listener().accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).map_err(failed)?;
                    return Ok(stream);
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                    std::thread::sleep(LOOK);
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    let what = format!("no agent has connected within {} seconds", limit.as_secs());
                    return Err(Error::retry(what)
                        .file(self.0.path())
                        .hint("start one agent for every seed, or give it more time by --agent-timeout"));
                }
                Err(e) => return Err(failed(e)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_a_connection_can_be_limited() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let socket = Socket::listen(&path).unwrap();
        let error = socket.accept(Some(Duration::ZERO)).unwrap_err();
        assert!(error.to_string().contains("no agent has connected"), "{error}");
        let _client = UnixStream::connect(&path).unwrap();
        assert!(socket.accept(Some(Duration::from_secs(5))).is_ok());
    }
}
