//! `events.parquet`: what the online policy did and what came back. All columns of an interactions log with
//! `propensity` never null, plus `episode` (u32), `step` (u32), `policy_version` (u64): the loop closes, an
//! events file is itself a valid log. Where the service wrote it, the columns of [`Decisions`] too.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{UInt32Array, UInt64Array};

use super::decisions::Decisions;
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
    /// How each recommendation came about, where that is known.
    pub decisions: Option<Decisions>,
}

/// Reads events.
///
/// # Errors
/// As [`interactions::read_log`], and a null propensity.
pub fn read(path: &Path) -> Result<Events> {
    let table = Table::open(path)?;
    let mut log = interactions::read(path, &[EVENTS], None, interactions::Empty::Refuse)?;
    if let Some(row) = log.propensity.iter().position(Option::is_none) {
        let error = Error::data("an event without propensity");
        return Err(table.place(error, interactions::PROPENSITY, row));
    }
    let decisions = Decisions::read(&table, &mut log.items)?;
    Ok(Events {
        log,
        episode: table.u32s(EPISODE)?,
        step: table.u32s(STEP)?,
        policy_version: table.u64s(POLICY_VERSION)?,
        decisions,
    })
}

/// Writes events. Users whose ids are integers but for some newcomer's are written as text, all of them.
///
/// # Errors
/// On I/O failure, or a missing propensity.
pub fn write(path: &Path, manifest: &Manifest, events: &Events) -> Result<()> {
    if let Some(row) = events.log.propensity.iter().position(Option::is_none) {
        return Err(Error::data("an event without propensity")
            .column(interactions::PROPENSITY)
            .row(row));
    }
    let users = events.log.users.as_text_where_needed();
    let rows = events.log.rows();
    let mut columns = interactions::columns(&interactions::Rows {
        users: users.as_ref().unwrap_or(rows.users),
        ..rows
    })?;
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
    if let Some(decisions) = &events.decisions {
        columns.extend(decisions.columns(&events.log.items)?);
    }
    write::write(
        path,
        manifest,
        &[interactions::feedback_metadata(&events.log.kind)],
        columns,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Dictionary, IdKind};
    use crate::schema::interactions::Feedback;

    fn ids(kind: IdKind, ids: &[&str]) -> Dictionary {
        Dictionary::from_values(kind, ids.iter().map(ToString::to_string)).unwrap()
    }

    fn events(items: IdKind) -> Events {
        Events {
            log: Interactions {
                users: ids(IdKind::Integer, &["1", "new"]),
                items: ids(items, &["7", "8", "9"]),
                user: vec![0, 1],
                item: vec![2, 0],
                timestamp: vec![5, 6],
                feedback: vec![1.0, 0.0],
                propensity: vec![Some(0.5), Some(0.25)],
                kind: Feedback::CLICKS,
            },
            episode: vec![0, 1],
            step: vec![0, 0],
            policy_version: vec![3, 4],
            decisions: Some(Decisions {
                request: vec![u64::MAX, 2],
                position: vec![0, 1],
                decided_after: vec![0, 1],
                epoch: vec![0, 1],
                arm: vec!["reference".into(), "b".into()],
                history: vec![vec![(1, 1.0), (2, -1.0)], vec![]],
                traits: vec![vec![0.1, -0.2], vec![0.0, 0.0]],
                prior: vec![0.5, 0.1],
                adapted: vec![0.6, 0.2],
                weight: vec![0.25, 0.75],
                negatives: vec![vec![1, 1], vec![]],
            }),
        }
    }

    #[test]
    fn decisions_come_back_and_the_file_is_still_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.parquet");
        for kind in [IdKind::Text, IdKind::Integer] {
            let written = events(kind);
            write(&path, &Manifest::new(EVENTS, "online serve"), &written).unwrap();
            let found = read(&path).unwrap();
            assert_eq!(found.log.items.kind(), kind);
            assert!(found.log.users.ids().eq(["1", "new"]));
            let (Some(found_decisions), Some(decisions)) = (&found.decisions, &written.decisions) else {
                panic!("no decisions");
            };
            let codes: Vec<u32> = written
                .log
                .items
                .ids()
                .filter_map(|id| found.log.items.code(id))
                .collect();
            let mapped = Decisions {
                history: vec![vec![(codes[1], 1.0), (codes[2], -1.0)], vec![]],
                negatives: vec![vec![codes[1]; 2], vec![]],
                ..decisions.clone()
            };
            assert_eq!(*found_decisions, mapped);
            let log = interactions::read_log(&path, None).unwrap();
            assert_eq!((log.len(), log.items.len()), (2, 2));
        }
    }

    #[test]
    fn events_without_decisions_are_events() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.parquet");
        let mut plain = events(IdKind::Text);
        plain.decisions = None;
        write(&path, &Manifest::new(EVENTS, "online agent"), &plain).unwrap();
        assert!(read(&path).unwrap().decisions.is_none());
    }
}
