//! A part: the events of one finished segment as Parquet, a log that profiling and pre-training read, and all that a
//! replay needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::fingerprint::Fingerprint;
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::schema::decisions::{Decisions, REFERENCE};
use common::schema::events::{self, EVENTS, Events};
use common::schema::interactions::{Feedback, Interactions, Kind};
use common::schema::table;
use common::{Error, Result};
use serde::{Deserialize, Serialize};

use super::state_folder::StateFolder;
use crate::adapt::EncodedContext;
use crate::context::Context;
use crate::experiment::Arms;
use crate::explore::Shown;
use crate::live::{Event, Settings};

/// A part's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The file.
    pub path: PathBuf,
    /// The number of its first event, in the order of application.
    pub from: u64,
    /// The number after that of its last.
    pub to: u64,
}

/// What a part's manifest says of it.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    epoch: u32,
    from: u64,
    to: u64,
    settings: Settings,
    /// The numbers of the arms by their names; none where the reference alone decided.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    arms: Names,
}

/// Numbers of arms by name, the reference left out.
pub(super) type Names = BTreeMap<String, u16>;

impl StateFolder {
    /// The parts, in order.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn parts(&self) -> Result<Vec<Part>> {
        let folder = self.events();
        let entries = std::fs::read_dir(&folder).map_err(|e| Error::io(e, "list", &folder))?;
        let mut parts = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| Error::io(e, "list", &folder))?.path();
            parts.extend(numbers(&path).map(|(from, to)| Part { path, from, to }));
        }
        parts.sort_unstable_by_key(|part| part.from);
        Ok(parts)
    }

    /// Writes `events`, the first of which has the number `from` and all of which were applied in `epoch`, as a part.
    /// The same events give the same bytes, so that writing it again does no harm.
    ///
    /// # Errors
    /// On I/O failure.
    pub(super) fn write_part(
        &self,
        epoch: u32,
        policy: &Fingerprint,
        items: &Items,
        from: u64,
        events: &[Event],
    ) -> Result<()> {
        let to = from + events.len() as u64;
        let about = About {
            epoch,
            from,
            to,
            settings: *self.settings(),
            arms: items.arms.clone(),
        };
        let manifest = Manifest::new(EVENTS, "online serve")
            .seed(self.settings().seed)
            .input("policy", policy.clone())
            .input("items", items.ids.fingerprint())
            .config(&about)?;
        let path = self.events().join(format!("{from:020}-{to:020}.parquet"));
        events::write(&path, &manifest, &items.table(events))
    }
}

/// The ids that a part is written with.
#[derive(Debug)]
pub(super) struct Items {
    /// Those of the policy's items, in the order of its codes.
    pub(super) ids: Dictionary,
    /// The type of its users' ids.
    pub(super) users: IdKind,
    /// The arms whose events they are.
    pub(super) arms: Names,
}

impl Items {
    fn name(&self, arm: u16) -> String {
        let mut names = self.arms.iter();
        let found = names.find(|(_, number)| **number == arm);
        found.map_or(REFERENCE.to_string(), |(name, _)| name.clone())
    }

    fn table(&self, events: &[Event]) -> Events {
        let mut users = Dictionary::new(self.users);
        let column = |of: fn(&Event) -> f32| events.iter().map(of).collect::<Vec<f32>>();
        let numbers = |of: fn(&Event) -> u64| events.iter().map(of).collect::<Vec<u64>>();
        let small = |of: fn(&Event) -> u32| events.iter().map(of).collect::<Vec<u32>>();
        Events {
            log: Interactions {
                user: events.iter().map(|event| users.intern(&event.user)).collect(),
                users,
                items: self.ids.clone(),
                item: small(|event| event.shown.item),
                timestamp: events.iter().map(|event| event.timestamp_ms).collect(),
                feedback: column(|event| event.reward),
                propensity: events.iter().map(|event| Some(event.shown.propensity)).collect(),
                // As for the live state: what is above 0 is a like.
                kind: Feedback {
                    kind: Kind::Click,
                    like_threshold: f32::MIN_POSITIVE,
                },
            },
            episode: small(|event| event.episode),
            step: small(|event| event.step),
            policy_version: numbers(|event| event.version),
            decisions: Some(Decisions {
                request: numbers(|event| event.request),
                position: small(|event| event.position),
                decided_after: numbers(|event| event.decided_after),
                epoch: small(|event| event.epoch),
                arm: events.iter().map(|event| self.name(event.arm)).collect(),
                history: events
                    .iter()
                    .map(|event| event.context().history.clone())
                    .collect(),
                traits: events
                    .iter()
                    .map(|event| event.context().traits.clone())
                    .collect(),
                prior: column(|event| event.shown.prior),
                adapted: column(|event| event.shown.adapted),
                weight: column(|event| event.shown.weight),
                negatives: events.iter().map(|event| event.negatives.clone()).collect(),
            }),
        }
    }
}

impl Part {
    /// The epoch that its events were applied in, as its manifest says.
    ///
    /// # Errors
    /// A manifest that is missing or not a part's.
    pub fn epoch(&self) -> Result<u32> {
        Ok(self.about()?.epoch)
    }

    fn about(&self) -> Result<About> {
        let manifest = table::read_manifest(&self.path)?
            .ok_or_else(|| Error::data("the file has no manifest").file(&self.path))?;
        serde_json::from_value(manifest.config)
            .map_err(|e| Error::data(format!("the manifest is not that of a part: {e}")).file(&self.path))
    }

    /// Its events in the order of application, each in the codes of the arm that decided, or of the reference where that has
    /// left.
    ///
    /// # Errors
    /// A file that cannot be read, lacks the columns of decisions or has another number of events than its name says; an
    /// item that is not in the catalogue.
    pub fn read(&self, arms: &Arms) -> Result<Vec<Event>> {
        let numbers = self.about()?.arms;
        let Events {
            log,
            episode,
            step,
            policy_version,
            decisions,
        } = events::read(&self.path)?;
        let damaged = |what: &str| Error::data(what).file(&self.path);
        let mut decisions =
            decisions.ok_or_else(|| damaged("the events do not say how they were decided"))?;
        if self.from + log.len() as u64 != self.to {
            return Err(damaged(
                "the file has another number of events than its name says",
            ));
        }
        let codes_of = |items: &Dictionary| log.items.ids().map(|id| items.code(id)).collect();
        let of_reference: Vec<Option<u32>> = codes_of(arms.items());
        let of_others: BTreeMap<u16, Vec<Option<u32>>> = numbers
            .values()
            .filter_map(|number| Some((*number, codes_of(arms.state(*number)?.items()))))
            .collect();
        let arm_of = |row: usize| numbers.get(&decisions.arm[row]).copied().unwrap_or(0);
        let arms: Vec<u16> = (0..log.len()).map(arm_of).collect();
        let code = |row: usize, item: u32| {
            let codes = of_others.get(&arms[row]).unwrap_or(&of_reference);
            codes[item as usize].ok_or_else(|| {
                damaged(&format!(
                    "the item `{}` is not in the policy's catalogue",
                    log.items.id(item)
                ))
                .row(row)
            })
        };
        let mut read = Vec::with_capacity(log.len());
        for row in 0..log.len() {
            let context = Context {
                traits: std::mem::take(&mut decisions.traits[row]),
                history: decisions.history[row]
                    .iter()
                    .map(|&(item, feedback)| Ok((code(row, item)?, feedback)))
                    .collect::<Result<_>>()?,
                memory: Vec::new(),
            };
            let negatives = decisions.negatives[row].iter().map(|&item| code(row, item));
            read.push(Event {
                request: decisions.request[row],
                position: decisions.position[row],
                arm: arms[row],
                user: log.users.id(log.user[row]).to_string(),
                episode: episode[row],
                step: step[row],
                decided_after: decisions.decided_after[row],
                epoch: decisions.epoch[row],
                version: policy_version[row],
                negatives: negatives.collect::<Result<_>>()?,
                user_context: std::sync::Arc::new(EncodedContext::new(context)),
                shown: Shown {
                    item: code(row, log.item[row])?,
                    propensity: log.propensity[row].unwrap_or(0.0),
                    prior: decisions.prior[row],
                    adapted: decisions.adapted[row],
                    weight: decisions.weight[row],
                },
                reward: log.feedback[row],
                timestamp_ms: log.timestamp[row],
            });
        }
        Ok(read)
    }
}

/// The numbers in a part's name.
fn numbers(path: &Path) -> Option<(u64, u64)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".parquet")?;
    let (from, to) = name.split_once('-')?;
    if from.len() != 20 || to.len() != 20 {
        return None;
    }
    Some((from.parse().ok()?, to.parse().ok()?))
}
