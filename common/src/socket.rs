//! A listening Unix socket.

use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

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

    /// What accepts connections.
    pub fn listener(&self) -> &UnixListener {
        &self.listener
    }
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
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(Socket::listen(&path).unwrap_err().class().code(), 2);
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }
}
