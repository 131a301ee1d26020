//! What the operator says by signals.

use common::{Error, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A wish of the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// SIGTERM or SIGINT: end, with nothing lost.
    Stop,
    /// SIGHUP: read the policy's folder again.
    Reload,
}

/// The signals that are listened for.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From here on these signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system does not let them be caught.
    pub(super) fn catch() -> Result<Self> {
        let catch = |kind| signal(kind).map_err(|e| Error::retry(format!("cannot catch signals: {e}")));
        Ok(Signals {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            hang_up: catch(SignalKind::hangup())?,
        })
    }

    /// The next wish.
    pub(super) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.hang_up.recv() => Wish::Reload,
        }
    }
}
