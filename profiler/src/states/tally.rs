//! The first pass over a log: who is in it, and how often. It says how much memory the second needs.

use common::Result;
use common::ids::Dictionary;
use common::logs::{Column, Scan};
use common::schema::interactions::Feedback;
use common::schema::states::Cut;

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
    pub(super) fn of(log: &Scan, cut: Cut, feedback: Feedback) -> Result<Self> {
        let mut tally = Tally {
            users: Dictionary::new(log.users),
            rows: Vec::new(),
            likes: Vec::new(),
        };
        let columns: &[Column] = match cut.hold_out {
            0 => &[Column::User],
            _ => &[Column::User, Column::Feedback],
        };
        log.columns("users", columns, |batch| {
            let codes = batch.users(&mut tally.users);
            tally.rows.resize(tally.users.len(), 0);
            for &user in &codes {
                tally.rows[user as usize] += 1;
            }
            if cut.hold_out > 0 {
                tally.likes.resize(tally.users.len(), 0);
                for (&user, &value) in codes.iter().zip(&batch.feedback) {
                    tally.likes[user as usize] += u32::from(feedback.is_like(value));
                }
            }
            Ok(())
        })?;
        Ok(tally)
    }
}
