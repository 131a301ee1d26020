//! Where the service listens, and how many it lets in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use common::socket::Socket;
use common::{Error, Result, terminal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::connection;
use super::limits::Limits;
use super::metrics::Metrics;

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A TCP address; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// A bound address.
pub(super) enum Listener {
    Tcp(TcpListener),
    /// The first removes the file when it goes.
    Unix(Socket, UnixListener),
}

/// How long a client beyond the limit is waited for, so that it reads why it was turned away.
const FAREWELL: Duration = Duration::from_secs(1);
/// Clients beyond the limit that are told so; those beyond these are just closed.
const FAREWELLS: usize = 64;
/// How long to wait when the process has no file descriptor left: to try at once would only burn the processor.
const OUT_OF_FILES: Duration = Duration::from_millis(50);

const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    retry-after: 1\r\nconnection: close\r\ncontent-length: 33\r\n\r\n{\"error\":\"too many connections\"}\n";

impl Listener {
    /// # Errors
    /// When the address is taken or not of this machine.
    pub(super) async fn bind(address: &Address) -> Result<Self> {
        match address {
            Address::Tcp(address) => {
                let bound = TcpListener::bind(address).await;
                bound.map(Listener::Tcp).map_err(|e| {
                    Error::usage(format!("cannot listen on {address}: {e}"))
                        .hint("choose another --listen; port 0 takes any free one")
                })
            }
            Address::Unix(path) => {
                let socket = Socket::listen(path)?;
                let failed = |e| Error::io(e, "listen on", path);
                let listener = socket.listener().try_clone().map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                let listener = UnixListener::from_std(listener).map_err(failed)?;
                Ok(Listener::Unix(socket, listener))
            }
        }
    }

    /// The address as text: what a client connects to.
    pub(super) fn shown(&self) -> String {
        match self {
            Listener::Tcp(listener) => listener
                .local_addr()
                .map_or_else(|e| e.to_string(), |a| a.to_string()),
            Listener::Unix(socket, _) => socket.path().display().to_string(),
        }
    }

    /// Serves connections until `stop` says so; then those that are open until their running requests are answered.
    pub(super) async fn serve(
        self,
        router: Router,
        limits: Limits,
        metrics: Arc<Metrics>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut door = Door {
            router,
            limits,
            metrics,
            places: Arc::new(Semaphore::new(limits.connections)),
            farewells: Arc::new(Semaphore::new(FAREWELLS)),
            stop: stop.clone(),
            open: JoinSet::new(),
        };
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = self.accept(&mut door) => accepted,
            };
            if let Err(error) = accepted
                && is_of_the_process(&error)
            {
                terminal::warn(&format!("cannot take a connection: {error}"));
                tokio::time::sleep(OUT_OF_FILES).await;
            }
        }
        // The address is free, and its socket file gone, while the last requests are answered.
        drop(self);
        while door.open.join_next().await.is_some() {}
    }

    async fn accept(&self, door: &mut Door) -> std::io::Result<()> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // A reply is one small write: it must not wait for the acknowledgement of the last one.
                stream.set_nodelay(true)?;
                door.enter(stream);
            }
            Listener::Unix(_, listener) => door.enter(listener.accept().await?.0),
        }
        Ok(())
    }
}

/// Whether no connection can be taken at all; other errors are those of one client that is gone already.
fn is_of_the_process(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, InvalidInput, NotConnected};
    let kind = error.kind();
    ![
        ConnectionAborted,
        ConnectionReset,
        Interrupted,
        InvalidInput,
        NotConnected,
    ]
    .contains(&kind)
}

/// Lets connections in while there is room.
struct Door {
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    places: Arc<Semaphore>,
    farewells: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
    open: JoinSet<()>,
}

impl Door {
    fn enter(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        // What has ended need not be kept until the end.
        while self.open.try_join_next().is_some() {}
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            let (router, limits, stop) = (self.router.clone(), self.limits, self.stop.clone());
            let connected = self.metrics.connected();
            self.open.spawn(async move {
                connection::serve(stream, router, &limits, stop).await;
                drop((connected, place));
            });
            return;
        }
        self.metrics.turned_away.inc();
        if let Ok(place) = self.farewells.clone().try_acquire_owned() {
            self.open.spawn(async move {
                let _ = tokio::time::timeout(FAREWELL, say_farewell(stream)).await;
                drop(place);
            });
        }
    }
}

/// Says 503, and reads on until the client has closed: to close over unread bytes would reset the connection, and the
/// client might never see the reply.
async fn say_farewell(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    stream.write_all(TURNED_AWAY).await?;
    stream.shutdown().await?;
    let mut unread = [0; 1024];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}
