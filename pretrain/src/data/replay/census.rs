//! The first pass over a log: who is in it, and how often.

use common::Result;
use common::ids::Dictionary;
use common::logs::Scan;
use common::schema::times::Times;

use crate::data::time_cut::TimeCut;

/// The users and items of a whole log, and the interactions before the cut.
#[derive(Clone, Debug)]
pub(crate) struct Census {
    /// Users, in the order of their first rows.
    pub(crate) users: Dictionary,
    /// The catalogue, or else the items in the order of their first rows.
    pub(crate) items: Dictionary,
    /// How many interactions each user has before the cut.
    pub(crate) counts: Vec<u32>,
    /// The times of all rows.
    pub(crate) times: Times,
    /// How many bad rows were skipped.
    pub(crate) skipped: u64,
}

impl Census {
    /// Of the log in `scan`. Users and items are those of all rows: only interactions are cut.
    ///
    /// # Errors
    /// A log that cannot be read, an item outside `catalogue`.
    pub(crate) fn take(scan: &Scan, catalogue: Option<Dictionary>, cut: TimeCut) -> Result<Self> {
        let mut users = Dictionary::new(scan.users);
        let mut counts: Vec<u32> = Vec::new();
        let known = catalogue.is_some();
        let mut items = catalogue.unwrap_or_else(|| Dictionary::new(scan.items));
        let mut times = Times::default();
        let mut cut = cut.pass();
        let skipped = scan.rows("users and items", |batch| {
            if known {
                batch.known_items(&items)?;
            } else {
                batch.items(&mut items);
            }
            times.add(&batch.timestamp);
            let user = batch.users(&mut users);
            counts.resize(users.len(), 0);
            for (user, &time) in user.into_iter().zip(&batch.timestamp) {
                counts[user as usize] += u32::from(cut.is_first(time));
            }
            Ok(())
        })?;
        Ok(Census {
            users,
            items,
            counts,
            times,
            skipped,
        })
    }

    /// How many interactions there are before the cut.
    pub(crate) fn interactions(&self) -> u64 {
        self.counts.iter().map(|&count| u64::from(count)).sum()
    }
}
