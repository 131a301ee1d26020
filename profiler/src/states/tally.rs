//! The first pass over a log: who is in it, and how often. It says how much memory the second needs.

use common::Result;
use common::ids::Dictionary;
use common::schema::interactions::{FEEDBACK, Feedback, USER_ID};
use common::schema::states::Cut;

use super::log::Log;

/// The users of a log, in the order in which they first appear.
pub(super) struct Tally {
    pub(super) users: Dictionary,
    /// How many rows each has.
    pub(super) rows: Vec<u32>,
    /// How many likes each has; empty where none are held out.
    pub(super) likes: Vec<u32>,
}

impl Tally {
    /// Counts the rows of `log`.
    ///
    /// # Errors
    /// When a file cannot be read, and for the first bad row.
    pub(super) fn of(log: &Log, cut: Cut, feedback: Feedback, workers: usize) -> Result<Self> {
        let mut tally = Tally {
            users: Dictionary::new(log.users),
            rows: Vec::new(),
            likes: Vec::new(),
        };
        let columns: &[&'static str] = match cut.hold_out {
            0 => &[USER_ID],
            _ => &[USER_ID, FEEDBACK],
        };
        log.scan("users", columns, workers, |batch| {
            let codes = batch.codes(USER_ID, &mut tally.users, workers)?;
            tally.rows.resize(tally.users.len(), 0);
            for &user in &codes {
                tally.rows[user as usize] += 1;
            }
            if cut.hold_out > 0 {
                tally.likes.resize(tally.users.len(), 0);
                for (&user, &value) in codes.iter().zip(batch.feedback()?) {
                    tally.likes[user as usize] += u32::from(feedback.is_like(value));
                }
            }
            Ok(())
        })?;
        Ok(tally)
    }
}
