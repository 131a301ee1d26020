//! A Unix socket that one end of step frames listens on, and the other connects to.

use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{Error, Result, output};

/// How often a limited wait for a connection looks.
const LOOK: Duration = Duration::from_millis(20);

/// A listening socket; its file goes with it.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    listener: UnixListener,
}

impl Socket {
    /// Listens on `path`. A socket file that nobody listens on any more is replaced.
    ///
    /// # Errors
    /// When something else stands at `path`, another process listens there, or the path is too long.
    pub fn listen(path: &Path) -> Result<Self> {
        output::on_this_machine(path, "a socket")?;
        let stale = || {
            let is_socket = std::fs::metadata(path).is_ok_and(|found| found.file_type().is_socket());
            is_socket && UnixStream::connect(path).is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
        };
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && stale() => {
                std::fs::remove_file(path).and_then(|()| UnixListener::bind(path))
            }
            bound => bound,
        };
        let listener = listener.map_err(|e| {
            let hint = match e.kind() {
                ErrorKind::AddrInUse => "something stands or listens there already: choose another path",
                _ => "the folder must exist, and the path have less than 100 characters",
            };
            Error::usage(format!("cannot listen on the socket: {e}"))
                .file(path)
                .hint(hint)
        })?;
        Ok(Socket {
            path: path.to_path_buf(),
            listener,
        })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What accepts connections, for those who wait in another way than [`Socket::accept`].
    pub fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// The next connection, waited for without limit, or for `limit`.
    ///
    /// # Errors
    /// When nobody connects in time, or the socket fails.
    pub fn accept(&self, limit: Option<Duration>) -> Result<UnixStream> {
        let failed =
            |e: std::io::Error| Error::retry(format!("cannot take a connection: {e}")).file(&self.path);
        let Some(limit) = limit else {
            return Ok(self.listener.accept().map_err(failed)?.0);
        };
        self.listener.set_nonblocking(true).map_err(failed)?;
        let deadline = Instant::now() + limit;
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).map_err(failed)?;
                    return Ok(stream);
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                    std::thread::sleep(LOOK);
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    let what = format!("nobody has connected within {} seconds", limit.as_secs());
                    return Err(Error::retry(what).file(&self.path));
                }
                Err(e) => return Err(failed(e)),
            }
        }
    }
}

/// Connects to the socket that somebody listens on at `path`.
///
/// # Errors
/// Wrong usage, when nobody does.
pub fn connect(path: &Path) -> Result<UnixStream> {
    output::on_this_machine(path, "a socket")?;
    UnixStream::connect(path).map_err(|e| {
        Error::usage(format!("cannot connect to the socket: {e}"))
            .file(path)
            .hint("the other side must listen there first")
    })
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_or_a_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let live = Socket::listen(&path).unwrap();
        assert!(
            Socket::listen(&path)
                .unwrap_err()
                .to_string()
                .contains("choose another")
        );
        drop(live);
        assert!(!path.exists());
        let error = connect(&path).unwrap_err();
        assert!(error.to_string().contains("must listen"), "{error}");
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(Socket::listen(&path).unwrap_err().class().code(), 2);
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn a_wait_for_a_connection_can_be_limited() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let socket = Socket::listen(&path).unwrap();
        let error = socket.accept(Some(Duration::ZERO)).unwrap_err();
        assert!(error.to_string().contains("nobody has connected"), "{error}");
        let _client = connect(&path).unwrap();
        assert!(socket.accept(Some(Duration::from_secs(5))).is_ok());
    }
}
