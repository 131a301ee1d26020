//! `online serve`: the live policy over HTTP.
//!
//! [`Listener`](listen) lets connections in, `connection` speaks HTTP/1 under [`Limits`], `router` finds the handler, a
//! file a route; behind them stands [`crate::journal::Durable`], which decides, learns and keeps everything on disk.

mod app;
mod body;
mod buffers;
mod clock;
mod connection;
mod eligible;
mod experiment;
mod explain;
mod feedback;
mod health;
mod id;
mod items;
mod limits;
mod listen;
mod metrics;
mod openapi;
mod patience;
mod policy;
mod reading;
mod recommend;
mod refusal;
mod reply;
mod router;
mod shown;
mod stop;

pub use limits::Limits;
pub use listen::Address;
pub use openapi::OPENAPI;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::{Error, Result, terminal};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::journal::{Durable, OpenConfig};
use app::{App, Stage};
use listen::Listener;
use stop::{Signals, Wish};

/// What to serve, and how.
#[derive(Debug, Clone)]
pub struct Config {
    /// The policy, the state folder, how to act and learn.
    pub open: OpenConfig,
    /// Where to listen.
    pub address: Address,
    /// What one client may ask for.
    pub limits: Limits,
    /// The folder below which clients may name policies; none: they may name none.
    pub policies: Option<PathBuf>,
    /// Whether `POST /explain` is answered.
    pub explains: bool,
    /// Whether `POST /experiment` and `POST /items` are answered.
    pub admin: bool,
    /// A table of items with their categories, for rules over them in requests.
    pub items: Option<PathBuf>,
    /// Whether nothing is recommended, and `POST /shown` is answered.
    pub apprentice: bool,
    /// How long running requests may take when the process is told to stop.
    pub grace: Duration,
    /// Threads that answer requests.
    pub workers: usize,
}

/// Serves until the process is told to stop (SIGTERM or SIGINT). When the state is recovered and requests are taken, one
/// line of JSON on stdout says where: `{"listening":"127.0.0.1:8080"}`.
///
/// # Errors
/// An address that is taken; a policy or state folder that is missing, damaged or does not fit; a journal that can no
/// longer be written.
pub fn run(config: Config) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.workers)
        .enable_all()
        .build()
        .map_err(|e| Error::retry(format!("cannot start threads: {e}")))?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<()> {
    let mut signals = Signals::catch()?;
    let app = Arc::new(App::new(&config)?);
    // Before the state is there: whoever watches sees a process that lives and is not ready.
    let listener = Listener::bind(&config.address).await?;
    let address = listener.shown();
    let (stop, stopped) = watch::channel(false);
    let served = listener.serve(
        router::router(app.clone()),
        config.limits,
        app.metrics.clone(),
        stopped,
    );
    let mut server = Server {
        stop,
        task: tokio::spawn(served),
    };

    let opened = {
        let open = config.open.clone();
        blocking(move || Durable::open(&open))
    };
    let live = tokio::select! {
        opened = opened => opened??,
        () = stop_wish(&mut signals) => {
            server.end(config.grace).await;
            return Ok(());
        }
    };
    app.attributes.add(live.added()?);
    app.open(live.clone());
    let outcome = match terminal::print(format_args!("{}\n", json!({ "listening": address }))) {
        Ok(()) => {
            terminal::info(&format!("listening on {address}"));
            attend(&app, &live, &config, &mut signals).await
        }
        Err(unheard) => Err(unheard),
    };
    app.enter(if outcome.is_ok() {
        Stage::Draining
    } else {
        Stage::Failed
    });
    server.end(config.grace).await;
    blocking(move || live.close()).await?.and(outcome)
}

/// Does what the operator wishes, until that is to stop.
///
/// # Errors
/// When the journal has failed.
async fn attend(app: &Arc<App>, live: &Arc<Durable>, config: &Config, signals: &mut Signals) -> Result<()> {
    loop {
        let wish = tokio::select! {
            error = live.failure() => return Err(error),
            wish = signals.next() => wish,
        };
        match wish {
            Wish::Stop => return Ok(()),
            Wish::Reload => {
                let (app, live, open) = (app.clone(), live.clone(), config.open.clone());
                blocking(move || policy::reload(&app, &live, &open)).await?;
            }
        }
    }
}

async fn stop_wish(signals: &mut Signals) {
    while signals.next().await != Wish::Stop {}
}

/// Work that waits for the disk, on a thread of its own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::retry(format!("a thread panicked: {e}")))
}

/// The task that serves connections.
struct Server {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Takes no more connections, and waits until the running requests are answered, at most `grace`.
    async fn end(&mut self, grace: Duration) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(grace, &mut self.task).await.is_err() {
            terminal::warn(&format!(
                "requests still ran after {grace:?}; their connections are closed"
            ));
            self.task.abort();
        }
    }
}
