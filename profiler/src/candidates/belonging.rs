//! Whether states, log and likes belong together.

use std::path::Path;

use common::fingerprint::Fingerprint;
use common::schema::states::{self, Cut};
use common::schema::table;
use common::{Error, Result};

use crate::states as log_of_states;

/// How the states at `path` were cut from their log, which must have left likes out.
///
/// # Errors
/// When they have left none out, or do not say.
pub fn require_hold_out(path: &Path) -> Result<Cut> {
    let refused = |what: &str| {
        Err(Error::usage(what).file(path).hint(
            "make them with `profiler states --hold-out 5`, and everything that is read from them again",
        ))
    };
    match states::cut(path)? {
        Some(cut) if cut.hold_out > 0 => Ok(cut),
        Some(_) => {
            refused("the states hold no like out: what they were made from includes all there is to ask")
        }
        None => refused("the states do not say which likes they hold out"),
    }
}

/// The fingerprint of `log`, which must be the one that `states` were made from.
///
/// # Errors
/// When it is missing, held-out truth, or another one.
pub fn require_log(states: &Path, log: &Path) -> Result<Fingerprint> {
    let files = log_of_states::sources::files(log)?;
    let fingerprint = log_of_states::fingerprint(&files)?;
    if let Some(manifest) = table::read_manifest(states)? {
        manifest.require_input("log", &fingerprint, states, log)?;
    }
    Ok(fingerprint)
}
