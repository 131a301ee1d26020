//! What every handler shares.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use super::buffers::BufferPool;
use super::limits::Limits;
use super::metrics::Metrics;
use super::refusal::{Answer, Refusal};
use crate::journal::Durable;

/// The service: the live policy once it is recovered, and what bounds and counts its requests.
pub(super) struct App {
    live: OnceLock<Arc<Durable>>,
    stage: AtomicU8,
    pub(super) limits: Limits,
    pub(super) metrics: Arc<Metrics>,
    pub(super) buffers: BufferPool,
    /// The folder below which policies may be named by clients; none: they may name none.
    pub(super) policies: Option<PathBuf>,
    /// Whether what is known of a user may be asked for.
    pub(super) explains: bool,
}

/// Where the process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    Recovering = 0,
    Ready = 1,
    Draining = 2,
    Failed = 3,
}

impl App {
    pub(super) fn new(limits: Limits, policies: Option<PathBuf>, explains: bool) -> Self {
        App {
            live: OnceLock::new(),
            stage: AtomicU8::new(Stage::Recovering as u8),
            limits,
            metrics: Arc::new(Metrics::new()),
            buffers: BufferPool::default(),
            policies,
            explains,
        }
    }

    /// The live policy is there: requests are answered from now on.
    pub(super) fn open(&self, live: Arc<Durable>) {
        // It is opened once.
        let _ = self.live.set(live);
        self.enter(Stage::Ready);
    }

    /// Enters a later stage; stages never go back.
    pub(super) fn enter(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
    }

    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Recovering,
            1 => Stage::Ready,
            2 => Stage::Draining,
            _ => Stage::Failed,
        }
    }

    /// The live policy. While the process drains, requests on open connections are still answered.
    ///
    /// # Errors
    /// 503 before it is recovered and after the journal has failed.
    pub(super) fn live(&self) -> Answer<&Arc<Durable>> {
        match (self.stage(), self.live.get()) {
            (Stage::Failed, _) => Err(Refusal::unavailable("the journal cannot be written")),
            (_, None) => Err(Refusal::unavailable("the state is being recovered")),
            (_, Some(live)) => Ok(live),
        }
    }
}
