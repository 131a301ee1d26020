//! A log, read one batch of rows after the other: the one meaning of a log in every verb of every tool.
//!
//! A path stands for the files that [`crate::schema::parts`] finds. Columns are decoded over threads, those that are asked
//! for and no others, and handed on in the order of the rows, with memory for a few batches, whatever the size of the files
//! or of their row groups. Parts may differ in their types: each column is read as [`crate::convert`] says, and ids are
//! integers where they are so in every part. A row that holds what it should not is named with its place, or set
//! aside, see [`crate::bad_rows`].

mod codes;
mod decode;
mod ids;
mod scan;

pub use scan::{Batch, Scan};

use crate::schema::interactions;

/// A column of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Who.
    User,
    /// With what.
    Item,
    /// When.
    Time,
    /// What came of it.
    Feedback,
    /// The probability with which the item was chosen; a log may lack it.
    Propensity,
}

impl Column {
    /// All of them.
    pub const ALL: [Column; 5] = [
        Column::User,
        Column::Item,
        Column::Time,
        Column::Feedback,
        Column::Propensity,
    ];

    fn name(self) -> &'static str {
        match self {
            Column::User => interactions::USER_ID,
            Column::Item => interactions::ITEM_ID,
            Column::Time => interactions::TIMESTAMP,
            Column::Feedback => interactions::FEEDBACK,
            Column::Propensity => interactions::PROPENSITY,
        }
    }
}
