//! Where in a file a value stands that was read and that only a tool can judge: its errors get file, column, row group and
//! row here, so that the columns' names stay in `common`.

use std::path::Path;

use super::{interactions, preferences, states, summaries, table};
use crate::Error;

/// At a row's user.
pub fn user(error: Error, path: &Path, row: usize) -> Error {
    table::place(error, path, interactions::USER_ID, row)
}

/// At a row's item.
pub fn item(error: Error, path: &Path, row: usize) -> Error {
    table::place(error, path, interactions::ITEM_ID, row)
}

/// At the items of a state.
pub fn items_of_state(error: Error, path: &Path, row: usize) -> Error {
    table::place(error, path, states::ITEMS, row)
}

/// At the candidates of preferences.
pub fn candidates(error: Error, path: &Path, row: usize) -> Error {
    table::place(error, path, preferences::CANDIDATES, row)
}

/// At the scores of preferences.
pub fn scores(error: Error, path: &Path, row: usize) -> Error {
    table::place(error, path, preferences::SCORES, row)
}

/// At a user's summary.
pub fn summary(error: Error, path: &Path, row: usize) -> Error {
    table::place(error, path, summaries::SUMMARY, row)
}

/// The refusal of a row of `path` that was made of a user in another state than the one in `states`; `what` says which.
pub fn another_state(path: &Path, row: usize, states: &Path, what: &str, hint: &str) -> Error {
    let (made, states) = (path.display(), states.display());
    let error = Error::usage(format!("{made} and {states} do not belong together: {what}")).hint(hint);
    table::place(error, path, states::STATE_HASH, row)
}
