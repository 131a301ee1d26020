//! A state folder replayed: from its first policy, its parts and its journal, without the snapshot.

use std::path::{Path, PathBuf};

use common::{Error, Result, terminal};
use serde_json::json;

use super::described;
use crate::journal::{Repaired, StateFolder};

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
    let (rebuilt, before, rewards) =
        folder.rebuild(|sum: &mut f64, event| *sum += f64::from(event.reward))?;
    let replayed = rebuilt.applied() - before;
    let mut shown = described(&rebuilt);
    shown["replayed"] = json!(replayed);
    shown["mean_reward"] = json!(rewards / replayed.max(1) as f64);
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

/// Makes the snapshot of a state folder anew where it is damaged, prints one JSON object about the outcome and says what it cost.
///
/// # Errors
/// A folder that is missing, in use, or damaged elsewhere too.
pub fn repair(state: &Path) -> Result<()> {
    let folder = StateFolder::open(state)?;
    let Some(repaired) = folder.repair()? else {
        terminal::info("the state can be recovered as it is: nothing is changed");
        let mut shown = described(&folder.recover(1)?.state);
        shown["repaired"] = json!(false);
        return terminal::print(format_args!("{shown}\n"));
    };
    let Repaired {
        state,
        replayed,
        from_record,
        unlearnt,
    } = repaired;
    terminal::warn(&format!(
        "the snapshot is made anew from {replayed} events. What was recommended before record {from_record} and not answered is forgotten: \
         feedback for it will be answered with 404{}",
        match unlearnt {
            true => "; so are the lessons of the other system, but for those after that record",
            false => "",
        }
    ));
    let mut shown = described(&state);
    shown["replayed"] = json!(replayed);
    shown["repaired"] = json!(true);
    terminal::print(format_args!("{shown}\n"))
}
