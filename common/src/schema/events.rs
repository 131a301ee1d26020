//! `events.parquet`: what the online policy did and what came back. All columns of an interactions log with
//! `propensity` never null, plus `episode` (u32), `step` (u32), `policy_version` (u64): the loop closes, an
//! events file is itself a valid log.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{UInt32Array, UInt64Array};

use super::interactions::{self, Interactions};
use super::table::Table;
use super::write;
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind.
pub const EVENTS: &str = "events";
const EPISODE: &str = "episode";
const STEP: &str = "step";
const POLICY_VERSION: &str = "policy_version";

/// Events in memory, a struct of arrays.
#[derive(Clone, Debug)]
pub struct Events {
    /// The part that is a log. Every propensity is there.
    pub log: Interactions,
    /// The episode that each belongs to.
    pub episode: Vec<u32>,
    /// Its step in the episode, from 0.
    pub step: Vec<u32>,
    /// The version of the policy that chose.
    pub policy_version: Vec<u64>,
}

/// Reads events.
///
/// # Errors
/// As [`interactions::read_log`], and a null propensity.
pub fn read(path: &Path) -> Result<Events> {
    let table = Table::read(path)?;
    let log = interactions::from_table(&table, &[EVENTS], None)?;
    if let Some(row) = log.propensity.iter().position(Option::is_none) {
        return Err(Error::data("an event without propensity")
            .file(path)
            .column(interactions::PROPENSITY)
            .row(row));
    }
    Ok(Events {
        log,
        episode: table.u32s(EPISODE)?,
        step: table.u32s(STEP)?,
        policy_version: table.u64s(POLICY_VERSION)?,
    })
}

/// Writes events.
///
/// # Errors
/// On I/O failure, or a missing propensity.
pub fn write(path: &Path, manifest: &Manifest, events: &Events) -> Result<()> {
    if let Some(row) = events.log.propensity.iter().position(Option::is_none) {
        return Err(Error::data("an event without propensity")
            .column(interactions::PROPENSITY)
            .row(row));
    }
    let mut columns = interactions::columns(&events.log.rows())?;
    columns.push((
        EPISODE,
        Arc::new(UInt32Array::from(events.episode.clone())),
        false,
    ));
    columns.push((STEP, Arc::new(UInt32Array::from(events.step.clone())), false));
    columns.push((
        POLICY_VERSION,
        Arc::new(UInt64Array::from(events.policy_version.clone())),
        false,
    ));
    write::write(
        path,
        manifest,
        &[interactions::feedback_metadata(&events.log.kind)],
        columns,
    )
}
