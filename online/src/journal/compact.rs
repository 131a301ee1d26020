//! Compaction: finished segments become parts of Parquet, in three steps, each of which may be the last before a crash.
//!
//! 1. A snapshot after all of them, so that recovery needs none of them.
//! 2. For each the exposures, where an experiment ran, the choices of an apprentice, and a part. A segment does not change once it is finished and all follow
//!    from it alone: where a crash leaves them and the segment, the next compaction writes the same again.
//! 3. The segments go, the oldest first, each for good before the next: what is left always follows on the parts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::policy_artifact::Policy;
use common::schema::choices::{self, CHOICES, Choices};
use common::{Error, Result};

use super::exposure::Exposed;
use super::part::{Items, Names};
use super::record::Record;
use super::segment::{self, Segment};
use super::state_folder::StateFolder;
use crate::adapt::EncodedContext;
use crate::context::Context;
use crate::experiment::Lesson;
use crate::live::{Decision, Event};

impl StateFolder {
    /// The segments before the one whose first record is `open`: they do not change any more.
    pub(super) fn finished(&self, open: u64) -> Result<Vec<PathBuf>> {
        let mut segments = segment::list(&self.journal())?;
        segments.retain(|path| segment::number(path) < Some(open));
        Ok(segments)
    }

    /// Step 2 for one segment. A segment without events leaves no part.
    ///
    /// # Errors
    /// A segment that is damaged, and I/O failures.
    pub(super) fn compact(&self, path: &Path) -> Result<()> {
        let segment = Segment::read(path)?;
        let head = segment.head();
        let mut events: Vec<Event> = Vec::new();
        // Of each other arm the policy in whose codes its events are.
        let mut policies: BTreeMap<u16, Option<u32>> = BTreeMap::new();
        let mut exposed = Exposed::new(head);
        let mut choices: Vec<(Decision, Lesson)> = Vec::new();
        let end = segment.records(false, |_, record| {
            match record {
                Record::Answered(event) => events.push(event),
                Record::AnsweredBy { arm, epoch, event } => {
                    policies.insert(arm, epoch);
                    events.push(Event { arm, ..event });
                }
                Record::RecommendedBy { arm, decision } => exposed.add(arm, &decision),
                Record::Turned(turn) => exposed.turn = Some(turn),
                Record::Shown { decision, lesson } => choices.push((decision, lesson)),
                Record::Started { .. } | Record::Recommended(_) | Record::Swapped { .. } => {}
            }
            Ok(())
        })?;
        let (ids, users) = Policy::ids(&self.policy(0, head.epoch))?;
        self.write_exposures(exposed, end.next, users)?;
        self.write_choices(&choices, [head.first, end.next], &ids, users)?;
        if events.is_empty() {
            return Ok(());
        }
        let (ids, arms) = match policies.is_empty() {
            true => (ids, Names::new()),
            false => self.united(ids, &policies, &mut events)?,
        };
        let items = Items { ids, users, arms };
        self.write_part(head.epoch, &head.policy, &items, head.applied, &events)
    }

    /// The items of the reference and of the other arms that decided, in the codes of which `events` are from now on, and the
    /// arms' names.
    fn united(
        &self,
        reference: Dictionary,
        policies: &BTreeMap<u16, Option<u32>>,
        events: &mut [Event],
    ) -> Result<(Dictionary, Names)> {
        let mut names = Names::new();
        let mut catalogues = Vec::new();
        for (&arm, &epoch) in policies {
            names.insert(self.arm(arm)?.name, arm);
            if let Some(epoch) = epoch {
                catalogues.push((arm, Policy::ids(&self.policy(arm, epoch))?.0));
            }
        }
        let kinds = catalogues.iter().map(|(_, ids)| ids.kind());
        let kind = kinds.fold(reference.kind(), |all, kind| all.and(kind));
        let mut united = Dictionary::new(kind);
        reference.ids().for_each(|id| {
            united.intern(id);
        });
        for (arm, ids) in &catalogues {
            let map: Vec<u32> = ids.ids().map(|id| united.intern(id)).collect();
            for event in events.iter_mut().filter(|event| event.arm == *arm) {
                recode(event, &map);
            }
        }
        Ok((united, names))
    }

    /// Writes what the policy would have recommended where another system did; nothing where it never did.
    fn write_choices(
        &self,
        shown: &[(Decision, Lesson)],
        [first, next]: [u64; 2],
        items: &Dictionary,
        users: IdKind,
    ) -> Result<()> {
        if shown.is_empty() {
            return Ok(());
        }
        let mut choices = Choices {
            users: Dictionary::new(users),
            items: items.clone(),
            ..Choices::default()
        };
        for (decision, lesson) in shown {
            choices.request.push(decision.request);
            choices.user.push(choices.users.intern(&decision.user));
            choices.item.extend(decision.slate.items.first());
            choices.propensity.push(lesson.propensity);
            choices.target.push(lesson.target);
            let drawn = (lesson.own as usize) < items.len();
            choices.own.push(drawn.then(|| items.id(lesson.own).to_string()));
            choices.own_propensity.push(lesson.own_propensity);
        }
        let manifest = Manifest::new(CHOICES, "online serve").seed(self.settings().seed);
        choices::write(&of_segment(&self.choices(), first, next)?, &manifest, &choices)
    }
}

/// Where what a finished segment says goes in `folder`, which is made where it is not there yet; `first` is the number of its first
/// record, `next` that of the record after its last.
pub(super) fn of_segment(folder: &Path, first: u64, next: u64) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io(e, "make the folder", folder))?;
    Ok(folder.join(format!("{first:020}-{next:020}.parquet")))
}

/// Puts an event into other codes.
fn recode(event: &mut Event, map: &[u32]) {
    let to = |item: &u32| map[*item as usize];
    event.shown.item = to(&event.shown.item);
    event.negatives.iter_mut().for_each(|item| *item = to(item));
    let Context { traits, history, .. } = event.context();
    let history = history.iter().map(|(item, feedback)| (to(item), *feedback));
    event.user_context = Arc::new(EncodedContext::new(Context {
        traits: traits.clone(),
        history: history.collect(),
        memory: Vec::new(),
    }));
}
