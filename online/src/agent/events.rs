//! The log of what was recommended and what came back.

use std::path::Path;

use common::Result;
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::events::{self, Events};
use common::schema::interactions::{Feedback, Interactions};

use super::episode::Episode;
use crate::live::Event;

/// Events in memory, in the order in which their feedback came; one costs some 50 bytes. They are written together at
/// the end, because the type of the users' ids, which stands before all rows of a file, is known only then.
#[derive(Debug, Clone)]
pub struct EventLog {
    events: Events,
}

impl EventLog {
    /// An empty log over the catalogue `items`.
    pub fn new(items: Dictionary, users: IdKind) -> Self {
        let log = Interactions::new(Dictionary::new(users), items, Feedback::CLICKS);
        EventLog {
            events: Events {
                log,
                episode: Vec::new(),
                step: Vec::new(),
                policy_version: Vec::new(),
                decisions: None,
            },
        }
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.events.log.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.events.log.is_empty()
    }

    /// The mean feedback; 0 where there is no event.
    pub fn mean_feedback(&self) -> f64 {
        let feedback = &self.events.log.feedback;
        feedback.iter().map(|&f| f64::from(f)).sum::<f64>() / feedback.len().max(1) as f64
    }

    /// Takes an event of an episode, at the step that it is at.
    pub(super) fn push(&mut self, of: &Episode, event: &Event) {
        let Events {
            log,
            episode,
            step,
            policy_version,
            ..
        } = &mut self.events;
        // Logical time: the order of events. A clock would make two runs differ.
        log.timestamp.push(log.user.len() as i64);
        log.user.push(log.users.intern(&of.user));
        log.item.push(event.shown.item);
        log.feedback.push(event.reward);
        log.propensity.push(Some(event.shown.propensity));
        episode.push(of.number);
        step.push(of.step);
        policy_version.push(event.version);
    }

    /// Writes the log as `events.parquet`.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn write(&self, path: &Path, manifest: &Manifest) -> Result<()> {
        events::write(path, manifest, &self.events)
    }
}
