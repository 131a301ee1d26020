//! Whether states, log and likes belong together.

use std::path::Path;

use common::fingerprint::Fingerprint;
use common::schema::states::{self, Cut};
use common::schema::table;
use common::{Error, Result};

/// How the states at `path` were cut from their log.
///
/// # Errors
/// When they do not say.
pub fn require_cut(path: &Path) -> Result<Cut> {
    states::cut(path)?.ok_or_else(|| {
        Error::usage("the states do not say how they were cut from their log")
            .file(path)
            .hint("make them with `profiler states`")
    })
}

/// As [`require_cut`], of states that hold likes out.
///
/// # Errors
/// When they hold none out, or do not say.
pub fn require_hold_out(path: &Path) -> Result<Cut> {
    let cut = require_cut(path)?;
    if cut.hold_out == 0 {
        return Err(Error::usage(
            "the states hold no like out: what is read from them includes all there is to ask about",
        )
        .file(path)
        .hint("make them with `profiler states --hold-out 5`, and everything that is read from them again"));
    }
    Ok(cut)
}

/// The fingerprint of `log`, which must be the one that `states` were made from.
///
/// # Errors
/// When it is missing, held-out truth, or another one.
pub fn require_log(states: &Path, log: &Path) -> Result<Fingerprint> {
    let fingerprint = table::fingerprint(log)?;
    if let Some(manifest) = table::read_manifest(states)? {
        manifest.require_input("log", &fingerprint, states, log)?;
    }
    Ok(fingerprint)
}
