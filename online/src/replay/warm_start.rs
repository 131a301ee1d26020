//! A new state folder from events of any origin: the agent's, another policy's, another strategy's.
//!
//! Who decided then is not who would decide now. Of each event this takes what stays true: the user, the item, what came
//! back, the probability that the item really had, and the state it was decided in, where the file says it. What the present
//! policies would have given the item, and what to draw beside it, is computed anew from the state at that event.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::artifact;
use common::ids::Dictionary;
use common::schema::events::{self, Events};
use common::schema::table;
use common::{Result, terminal};

use super::described;
use crate::adapt::{Buffers, EncodedContext, Explanation};
use crate::context::Context;
use crate::explore::Shown;
use crate::journal::{Durable, Keeping, StateFolder};
use crate::live::{Ask, Event, Pending, Settings, State};

/// What to make, and of what.
#[derive(Debug, Clone)]
pub struct WarmStartConfig {
    /// The state folder to make.
    pub state: PathBuf,
    /// Whether one of another run may be replaced.
    pub overwrite: bool,
    /// The policy folder that it begins with.
    pub policy: PathBuf,
    /// How it acts and learns.
    pub settings: Settings,
    /// Files, or folders of part files, with events: they are applied in this order, and in the order of their rows.
    pub events: Vec<PathBuf>,
}

/// Makes a state folder of events and prints one JSON object about it.
///
/// # Errors
/// A policy or events that are missing or damaged; a folder of another run.
pub fn warm_start(config: &WarmStartConfig) -> Result<()> {
    let WarmStartConfig {
        state,
        overwrite,
        policy,
        settings,
        events,
    } = config;
    let mut manifest = StateFolder::manifest("online replay", policy, settings)?;
    for (number, path) in events.iter().enumerate() {
        manifest = manifest.input(&format!("events {number}"), table::fingerprint(path)?);
    }
    let plan = || artifact::plan_folder(state, &[], &manifest, *overwrite);
    let learnt = StateFolder::make(state, policy, settings, &manifest, plan, |folder| {
        let durable = Durable::of_folder(folder, &Keeping::DEFAULT, Pending::CAPACITY)?;
        let mut pupil = Pupil {
            durable: &durable,
            buffers: Buffers::new(),
            events: 0,
            strange: 0,
        };
        for path in events {
            pupil.teach(path)?;
        }
        if pupil.strange > 0 {
            terminal::warn(&format!(
                "{} of {} events are of items that the policy does not have, and are left out",
                pupil.strange, pupil.events
            ));
        }
        durable.close()?;
        let learnt = described(&*durable.read()?);
        Ok(learnt)
    })?;
    match learnt {
        Some(learnt) => terminal::print(format_args!("{learnt}\n")),
        None => Ok(()),
    }
}

struct Pupil<'a> {
    durable: &'a Durable,
    buffers: Buffers,
    /// Read so far.
    events: u64,
    /// Of them, those of unknown items.
    strange: u64,
}

impl Pupil<'_> {
    fn teach(&mut self, path: &Path) -> Result<()> {
        let events = events::read(path)?;
        let codes = Codes::new(&events.log.items, self.durable.read()?.items());
        for row in 0..events.log.len() {
            let request = self.events;
            self.events += 1;
            match codes.code(events.log.item[row]) {
                Some(item) => {
                    let event = self.event(&events, row, item, request, &codes);
                    self.durable.teach(event.map_err(|e| e.file(path).row(row))?)?;
                }
                None => self.strange += 1,
            }
        }
        Ok(())
    }

    /// The event of a row, as if the state had just decided for that item.
    fn event(
        &mut self,
        events: &Events,
        row: usize,
        item: u32,
        request: u64,
        codes: &Codes,
    ) -> Result<Event> {
        let Events {
            log, policy_version, ..
        } = events;
        let state = self.durable.read()?;
        let context = context(events, row, codes, &state);
        let ask = Ask {
            user: log.users.id(log.user[row]),
            k: 1,
            candidates: None,
            given: context.as_ref(),
        };
        let decision = state.decide(&ask, request, &mut self.buffers)?;
        let (user_context, explanation) = state.explain(&ask, &mut self.buffers)?;
        let propensity = log.propensity[row].unwrap_or(0.0);
        Ok(Event {
            request,
            position: 0,
            arm: 0,
            user: decision.user,
            episode: 0,
            step: 0,
            decided_after: decision.decided_after,
            epoch: decision.epoch,
            version: policy_version[row],
            user_context: context.map_or(user_context, |context| Arc::new(EncodedContext::new(context))),
            shown: shown(item, propensity, &explanation),
            negatives: decision.slate.negatives,
            reward: log.feedback[row],
            timestamp_ms: log.timestamp[row],
        })
    }
}

/// The state that the file says the row was decided in, as far as the policy can read it.
fn context(events: &Events, row: usize, codes: &Codes, state: &State) -> Option<Context> {
    let decisions = events.decisions.as_ref()?;
    let traits = decisions
        .traits
        .get(row)
        .filter(|traits| traits.len() == state.network().traits)?;
    let history = decisions.history[row].iter();
    let mut history: Vec<(u32, f32)> = history
        .filter_map(|&(item, feedback)| Some((codes.code(item)?, feedback)))
        .collect();
    history.drain(..history.len().saturating_sub(state.network().window));
    Some(Context {
        traits: traits.clone(),
        history,
        memory: Vec::new(),
    })
}

/// The probability that the item had, and those that the present policies give it.
fn shown(item: u32, propensity: f32, explanation: &Explanation) -> Shown {
    let of = |distribution: &[f32]| {
        distribution
            .get(item as usize)
            .map(|probability| probability.clamp(0.0, 1.0))
    };
    let acting = of(&explanation.acting).unwrap_or(propensity);
    Shown {
        item,
        propensity,
        prior: of(&explanation.prior).unwrap_or(acting),
        adapted: of(&explanation.adapted).unwrap_or(acting),
        weight: explanation.weight,
    }
}

/// The codes of a file's items in the policy's catalogue.
struct Codes(Vec<Option<u32>>);

impl Codes {
    fn new(file: &Dictionary, policy: &Dictionary) -> Self {
        Codes(file.ids().map(|id| policy.code(id)).collect())
    }

    fn code(&self, item: u32) -> Option<u32> {
        self.0[item as usize]
    }
}
