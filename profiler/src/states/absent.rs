//! Users of whom much may be known, but no interaction: empty states.

use std::path::Path;

use common::ids::IdKind;
use common::schema::states::{States, state_hash};
use common::schema::users;
use common::{Error, Result};

/// Adds an empty state for each user of the file `users` that `states` lacks, in the file's order.
///
/// # Errors
/// When the file cannot be read, or has ids that are no integers where those of the log are.
pub(super) fn add(states: &mut States, users: &Path) -> Result<()> {
    let hash = state_hash::<&str>(&[], &[]);
    for (row, id) in users::read_ids(users)?.ids().enumerate() {
        if states.users.code(id).is_some() {
            continue;
        }
        if states.users.kind() == IdKind::Integer && id.parse::<i64>().is_err() {
            return Err(
                Error::usage(format!("the user `{id}` is no integer, but the log's users are"))
                    .file(users)
                    .row(row)
                    .hint("users and log must come from the same data"),
            );
        }
        states.users.intern(id);
        states.items.push(Vec::new());
        states.feedback.push(Vec::new());
        states.liked.push(Vec::new());
        states.interactions.push(0);
        states.state_hash.push(hash.clone());
    }
    Ok(())
}
