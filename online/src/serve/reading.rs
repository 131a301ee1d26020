//! The numbers that are read from the live policy and its journal when somebody asks.

use common::Result;

use crate::adapt::{Buffers, Reason};
use crate::context::Context;
use crate::journal::{Durable, Progress};
use crate::live::Ask;

/// What the live policy and the journal say of themselves at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    ready: bool,
    applied: u64,
    refused_updates: u64,
    pending: usize,
    users: usize,
    epoch: u32,
    updates: u64,
    /// The prior's share of what acts, for a user of whom nothing is known.
    weight: f32,
    /// Why it is that: the bound of the gate, alarms of drift and the like.
    pub(super) reasons: Vec<Reason>,
    journal: Progress,
}

impl Reading {
    /// # Errors
    /// When the state cannot be trusted any more.
    pub(super) fn of(live: &Durable, ready: bool, buffers: &mut Buffers) -> Result<Self> {
        let pending = live.pending_len();
        let state = live.read()?;
        let nothing = Context {
            traits: vec![0.0; state.network().traits],
            history: Vec::new(),
            memory: Vec::new(),
        };
        let newcomer = Ask {
            user: "newcomer",
            k: 1,
            candidates: None,
            given: Some(&nothing),
        };
        let (_, explanation) = state.explain(&newcomer, buffers)?;
        Ok(Reading {
            ready,
            applied: state.applied(),
            refused_updates: state.refused(),
            pending,
            users: state.changed_users(),
            epoch: state.epoch(),
            updates: state.version(),
            weight: explanation.weight,
            reasons: explanation.reasons,
            journal: live.progress(),
        })
    }
}

/// Name, help and value of a number that is read when somebody asks.
pub(super) type Read = (&'static str, &'static str, fn(&Reading) -> f64);

pub(super) const GAUGES: [Read; 9] = [
    ("ready", "Whether requests are answered: 1 or 0", |now| {
        f64::from(u8::from(now.ready))
    }),
    ("applied_events", "Feedback in the state since it began", |now| {
        now.applied as f64
    }),
    (
        "refused_updates",
        "Updates left out, since the state began, because a weight would not have been finite",
        |now| now.refused_updates as f64,
    ),
    (
        "pending_decisions",
        "Decisions that feedback may still name",
        |now| now.pending as f64,
    ),
    ("changed_users", "Users who have given feedback", |now| {
        now.users as f64
    }),
    (
        "policy_epoch",
        "Policies that served in this state before the present one",
        |now| f64::from(now.epoch),
    ),
    (
        "policy_updates",
        "Updates that the present policy has had",
        |now| now.updates as f64,
    ),
    (
        "prior_weight",
        "The prior's share of what acts, for a user of whom nothing is known",
        |now| f64::from(now.weight),
    ),
    (
        "journal_slowest_commit_seconds",
        "The longest that writing and syncing has taken since the start",
        |now| now.journal.slowest,
    ),
];

pub(super) const SUMS: [Read; 3] = [
    ("journal_bytes", "Bytes written to the journal", |now| {
        now.journal.bytes as f64
    }),
    (
        "journal_commits",
        "Writes of the journal, each with a sync",
        |now| now.journal.commits as f64,
    ),
    ("journal_commit_seconds", "Time spent in them", |now| {
        now.journal.seconds
    }),
];
