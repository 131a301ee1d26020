//! Filling a log row by row.

use common::ids::Dictionary;
use common::schema::interactions::{Feedback, Interactions};

/// A log without rows, over these users and items.
pub(super) fn empty(users: &Dictionary, items: &Dictionary, kind: Feedback) -> Interactions {
    Interactions {
        users: users.clone(),
        items: items.clone(),
        user: Vec::new(),
        item: Vec::new(),
        timestamp: Vec::new(),
        feedback: Vec::new(),
        propensity: Vec::new(),
        kind,
    }
}

/// Adds a row of unknown propensity: published datasets do not say how they were logged.
pub(super) fn push(log: &mut Interactions, user: u32, item: u32, timestamp: i64, feedback: f32) {
    log.user.push(user);
    log.item.push(item);
    log.timestamp.push(timestamp);
    log.feedback.push(feedback);
    log.propensity.push(None);
}
