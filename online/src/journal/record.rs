//! What the journal holds.

use common::fingerprint::Fingerprint;
use serde::{Deserialize, Serialize};

use super::queue::Meaning;
use crate::experiment::{Arms, Lesson, Turn};
use crate::live::{Decision, Event, State};

/// A record, in the order in which the state took it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Record {
    /// A process opened the state folder. It counts requests from `next_request`, which none before it has come to: not
    /// even those whose records a crash took, so that no answer to one of them can be taken for another's.
    Started {
        /// The number of its first request.
        next_request: u64,
    },
    /// Something was recommended; it waits for feedback.
    Recommended(Decision),
    /// Feedback came and was applied.
    Answered(Event),
    /// Another policy serves from here on.
    Swapped {
        /// Which, counted from 0.
        epoch: u32,
        /// Its fingerprint.
        policy: Fingerprint,
    },
    /// As [`Record::Recommended`], while an experiment runs.
    RecommendedBy {
        /// The arm that decided; 0 is the reference.
        arm: u16,
        /// What it decided.
        decision: Decision,
    },
    /// As [`Record::Answered`], of what another arm than the reference decided.
    AnsweredBy {
        /// The arm.
        arm: u16,
        /// Which of the arm's policies, in whose codes the items are; none where it has left since, and they are in the codes of
        /// the reference.
        epoch: Option<u32>,
        /// The answer.
        event: Event,
    },
    /// The experiment changes.
    Turned(Turn),
    /// Another system showed something; it waits for feedback.
    Shown {
        /// The item and the state, as if the policy had decided for it.
        decision: Decision,
        /// What it would have done.
        lesson: Lesson,
    },
}

impl Record {
    /// Of what was just decided.
    pub(super) fn recommended(arms: &Arms, decision: Decision) -> Self {
        match arms.is_experiment() {
            true => Record::RecommendedBy {
                arm: decision.arm,
                decision,
            },
            false => Record::Recommended(decision),
        }
    }

    /// Of an answer that was just applied.
    pub(super) fn answered(arms: &Arms, event: Event) -> Self {
        match event.arm {
            0 => Record::Answered(event),
            arm => Record::AnsweredBy {
                arm,
                epoch: arms.state(arm).map(State::epoch),
                event,
            },
        }
    }

    /// The record, whose decision or event says its arm itself.
    pub(super) fn with_arm(mut self) -> Self {
        match &mut self {
            Record::RecommendedBy { arm, decision } => decision.arm = *arm,
            Record::AnsweredBy { arm, event, .. } => event.arm = *arm,
            _ => {}
        }
        self
    }

    /// Whether it is an answered event.
    pub(super) fn is_event(&self) -> bool {
        matches!(self, Record::Answered(_) | Record::AnsweredBy { .. })
    }

    pub(super) fn meaning(&self) -> Meaning {
        match self {
            Record::Answered(_) | Record::AnsweredBy { .. } => Meaning::Event,
            Record::Turned(_) => Meaning::Turn,
            Record::Swapped { epoch, policy } => Meaning::Swap {
                epoch: *epoch,
                policy: policy.clone(),
            },
            Record::Started { .. }
            | Record::Recommended(_)
            | Record::RecommendedBy { .. }
            | Record::Shown { .. } => Meaning::Other,
        }
    }
}
