//! A state folder replayed: from its first policy, its parts and its journal, without the snapshot.

use std::path::PathBuf;

use common::{Error, Result, terminal};
use serde_json::json;

use super::described;
use crate::journal::StateFolder;

/// What to replay.
#[derive(Debug, Clone)]
pub struct CheckConfig {
    /// The state folder.
    pub state: PathBuf,
    /// Whether to hold the outcome to what a server would recover.
    pub check: bool,
}

/// Replays a state folder and prints one JSON object about the outcome; with `check` beside what a server would recover
/// from the snapshot.
///
/// # Errors
/// A folder that is missing, damaged or, with `check`, in use; with `check` [`common::error::Class::Refused`] where the
/// two differ.
pub fn rebuild(config: &CheckConfig) -> Result<()> {
    let CheckConfig { state, check } = config;
    // Beside a server that goes on, the two would be of different moments.
    let folder = if *check {
        StateFolder::open(state)?
    } else {
        StateFolder::read(state)?
    };
    let (rebuilt, rewards) = folder.rebuild(|sum: &mut f64, event| *sum += f64::from(event.reward))?;
    let mut shown = described(&rebuilt);
    shown["mean_reward"] = json!(rewards / (rebuilt.applied().max(1)) as f64);
    if !check {
        return terminal::print(format_args!("{shown}\n"));
    }
    let recovered = folder.recover(1)?.state;
    let same = rebuilt.digest() == recovered.digest();
    shown["recovered"] = described(&recovered);
    shown["same"] = json!(same);
    terminal::print(format_args!("{shown}\n"))?;
    match same {
        true => Ok(()),
        false => Err(Error::refused("the replay and the recovered state differ").file(state)),
    }
}
