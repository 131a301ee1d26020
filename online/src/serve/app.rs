//! What every handler shares.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use axum::http::StatusCode;
use common::Result;
use common::schema::items;

use super::Config;
use super::buffers::BufferPool;
use super::eligible::Attributes;
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
    /// Whether clients may change the experiment and the items.
    pub(super) admin: bool,
    /// Whether it learns from another system and recommends nothing itself.
    pub(super) apprentice: bool,
    /// The categories of items.
    pub(super) attributes: Attributes,
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
    /// By what is asked of the service.
    ///
    /// # Errors
    /// A table of items that is missing or damaged.
    pub(super) fn new(config: &Config) -> Result<Self> {
        let table = config.items.as_deref().map(items::read).transpose()?;
        let categories = table.map(|table| {
            let rows = table.ids.ids().zip(table.categories);
            rows.map(|(id, categories)| (id.to_string(), categories))
                .collect()
        });
        Ok(App {
            attributes: Attributes::new(categories),
            policies: config.policies.clone(),
            explains: config.explains,
            admin: config.admin,
            apprentice: config.apprentice,
            ..App::plain(config.limits)
        })
    }

    /// One that answers no more than what every service does.
    pub(super) fn plain(limits: Limits) -> Self {
        App {
            live: OnceLock::new(),
            stage: AtomicU8::new(Stage::Recovering as u8),
            limits,
            metrics: Arc::new(Metrics::new()),
            buffers: BufferPool::default(),
            policies: None,
            explains: false,
            admin: false,
            apprentice: false,
            attributes: Attributes::default(),
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

    /// # Errors
    /// 403 where clients may change nothing of the kind.
    pub(super) fn require_admin(&self, what: &str) -> Answer<()> {
        match self.admin {
            true => Ok(()),
            false => {
                let text = format!("{what} are not changed over HTTP");
                Err(Refusal::new(StatusCode::FORBIDDEN, text).hint("start the service with --admin"))
            }
        }
    }
}
