//! Users over worker threads, in units that do not depend on how many there are, each kept when it is done.
//!
//! What shares a batch with a user can change the last bits of the logits, and with them a word. Which users are
//! written of together is therefore a function of the users alone: they are sorted by their content and cut where
//! the content says so, as in [`crate::batch`].

use std::collections::HashMap;

use common::error::Class;
use common::fingerprint::Fingerprint;
use common::terminal::Progress;
use common::{Error, Result};

use super::cache;
use super::engine::{Engine, SLOTS};
use super::slot::Summary;
use super::task::{Subject, Task};
use super::words::{self, Scores};
use crate::batch::{Cache, crew};

/// Users of a unit: several times the slots, as at a unit's end slots run empty.
const MOST: usize = 2 * SLOTS;
/// One in this many users may end a unit, once it is half full.
const CUT_EVERY: u64 = 8;

/// Users whose mean is what is usual.
pub(super) const SAMPLE: usize = 16;

/// What a run did, for the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effort {
    /// Distinct users.
    pub distinct: usize,
    /// Those that came from the cache.
    pub cached: usize,
}

/// The summary of each of `users`; equal ones are written once. `others` are [`SAMPLE`] users to compare with.
pub(super) fn write(
    task: &Task,
    users: &[Subject],
    others: &[Subject],
    cache: &Cache,
    workers: usize,
) -> Result<(Vec<Result<Summary>>, Effort)> {
    let mut places: HashMap<&Subject, usize> = HashMap::new();
    let mut distinct: Vec<&Subject> = Vec::new();
    for user in users {
        places.entry(user).or_insert_with(|| {
            distinct.push(user);
            distinct.len() - 1
        });
    }
    let usual = usual(task, &distinct, others, cache)?;
    let what = Fingerprint::of_bytes(&cache::bytes(&usual));
    let mut summaries: Vec<Option<Result<Summary>>> = vec![None; distinct.len()];
    let mut missing = Vec::new();
    let mut effort = Effort {
        distinct: distinct.len(),
        cached: 0,
    };
    for unit in units(&distinct) {
        let members: Vec<&Subject> = unit.iter().map(|&user| distinct[user]).collect();
        let key = task.key(what.as_str(), &members);
        match cache::load(cache, &key, &task.words, members.len()) {
            Some(found) => {
                effort.cached += found.len();
                unit.iter()
                    .zip(found)
                    .for_each(|(&user, summary)| summaries[user] = Some(Ok(summary)));
            }
            None if cache.works(&key) => missing.push(Missing { unit, key }),
            None => {}
        }
    }
    if !missing.is_empty() {
        let total: usize = missing.iter().map(|m| m.unit.len()).sum();
        let progress = Progress::new("profiles", total as u64, "users");
        let tails = missing
            .iter()
            .flat_map(|m| &m.unit)
            .map(|&user| distinct[user].tail.len());
        let longest = tails.max().unwrap_or(0);
        crew::run(
            workers,
            &missing,
            || Engine::new(task, Some(&usual), longest),
            |engine, Missing { unit, key }| {
                let members: Vec<&Subject> = unit.iter().map(|&user| distinct[user]).collect();
                let failed = match engine.write(&members) {
                    Ok(written) => {
                        cache::store(cache, key, &written)?;
                        return Ok(written.into_iter().map(Ok).collect());
                    }
                    Err(failed) => failed,
                };
                let renew = || Engine::new(task, Some(&usual), longest);
                one_by_one(failed, &members, engine, renew, |engine, member| {
                    engine.write(&[member])?.pop().ok_or_else(unwritten)
                })
            },
            |missing, written| {
                progress.add(missing.unit.len() as u64);
                let places = missing.unit.iter().zip(written);
                places.for_each(|(&user, summary)| summaries[user] = Some(summary));
            },
        )?;
    }
    let of = |user: &Subject| {
        let summary = places.get(user).and_then(|&place| summaries[place].clone());
        let summary = summary.or_else(|| cache.is_part().then(|| Ok(Summary::default())));
        summary.ok_or_else(unwritten)
    };
    Ok((users.iter().map(of).collect::<Result<_>>()?, effort))
}

fn unwritten() -> Error {
    Error::retry("a worker stopped before its work was done")
}

/// What `work` makes of each of `members` by itself, after all of them together have `failed`: NaN in one reaches all that
/// are in its context, so that it is made anew after each that fails.
///
/// # Errors
/// `failed`, or another failure, where it is not about bad data.
fn one_by_one<'t, R>(
    failed: Error,
    members: &[&'t Subject],
    engine: &mut Engine<'t>,
    renew: impl Fn() -> Result<Engine<'t>>,
    work: impl Fn(&mut Engine<'t>, &'t Subject) -> Result<R>,
) -> Result<Vec<Result<R>>> {
    if failed.class() != Class::Data {
        return Err(failed);
    }
    *engine = renew()?;
    let mut all = Vec::with_capacity(members.len());
    for member in members {
        let made = work(engine, member);
        match &made {
            Err(error) if error.class() != Class::Data => return made.map(|_| Vec::new()),
            Err(_) => *engine = renew()?,
            Ok(_) => {}
        }
        all.push(made);
    }
    Ok(all)
}

/// What words score for users at large: the mean over some of them, those with the least hashes, so that it is the
/// same whatever their order, and changes seldom when users are added. Where there are few, `others` fill their places.
fn usual(task: &Task, users: &[&Subject], others: &[Subject], cache: &Cache) -> Result<Scores> {
    let mut sample: Vec<&Subject> = users.to_vec();
    sample.sort_by_cached_key(|user| user.fingerprint());
    sample.extend(others);
    sample.truncate(SAMPLE);
    let key = task.key("usual", &sample);
    if let Some(usual) = cache::load_scores(cache, &key, task.words.len()) {
        return Ok(usual);
    }
    let longest = sample.iter().map(|user| user.tail.len()).max().unwrap_or(0);
    let renew = || Engine::new(task, None, longest);
    let mut engine = renew()?;
    let scores = match engine.scores(&sample) {
        Ok(scores) => scores,
        Err(failed) => {
            let scores = one_by_one(failed.clone(), &sample, &mut engine, renew, |engine, user| {
                engine.scores(&[user])
            })?;
            let finite: Vec<Scores> = scores.into_iter().flatten().flatten().collect();
            if finite.is_empty() {
                return Err(failed);
            }
            finite
        }
    };
    let usual = words::mean(&scores);
    cache::store_scores(cache, &key, &usual)?;
    Ok(usual)
}

/// A unit that the cache lacks.
struct Missing {
    unit: Vec<usize>,
    key: Fingerprint,
}

/// Cuts distinct users into units of their places.
fn units(users: &[&Subject]) -> Vec<Vec<usize>> {
    let mut order: Vec<(Fingerprint, usize)> = users.iter().map(|user| user.fingerprint()).zip(0..).collect();
    order.sort();
    let mut units = Vec::new();
    let mut unit = Vec::new();
    for (hash, user) in order {
        unit.push(user);
        if unit.len() == MOST || 2 * unit.len() >= MOST && hash.to_u64().is_multiple_of(CUT_EVERY) {
            units.push(std::mem::take(&mut unit));
        }
    }
    if !unit.is_empty() {
        units.push(unit);
    }
    units
}
