//! Users of whom much may be known, but no interaction: empty states.

use std::path::Path;

use common::ids::Dictionary;
use common::schema::at;
use common::schema::states::States;
use common::schema::users;
use common::{Error, Result};

/// An empty state for each user of the file `users` that the log lacks, in the file's order.
///
/// # Errors
/// When the file cannot be read, or has ids that are not integers where those of the log are.
pub(super) fn states(of_log: &Dictionary, users: &Path) -> Result<States> {
    let mut absent = Dictionary::new(of_log.kind());
    for (row, id) in users::read_ids(users)?.ids().enumerate() {
        if of_log.code(id).is_some() {
            continue;
        }
        if !of_log.kind().holds(id) {
            let error = Error::usage(format!(
                "the user `{id}` is not an integer, but the log's users are"
            ))
            .hint("users and log must come from the same data");
            return Err(at::user(error, users, row));
        }
        absent.intern(id);
    }
    Ok(States::empty(Some(&absent)))
}
