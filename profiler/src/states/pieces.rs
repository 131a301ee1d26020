//! From cohorts to the file, piece by piece.

use std::ops::Range;
use std::path::Path;

use common::Result;
use common::ids::Dictionary;
use common::manifest::Manifest;
use common::parallel;
use common::schema::RowGroups;
use common::schema::states::{self, States, state_hash};
use common::schema::times::Times;
use common::shards::{Counts, Unit};
use serde::{Deserialize, Serialize};

use super::absent;
use super::cohort::{self, Cohort, Settings};

/// Users of a piece, at most.
const USERS: usize = 4096;
/// Interactions of a piece, at most, unless one user has more.
const INTERACTIONS: usize = 65_536;

/// What was written.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Totals {
    pub(super) users: usize,
    /// Interactions of the users, those held out not counted.
    pub(super) interactions: u64,
    /// How many of these are in the states.
    pub(super) shown: usize,
    /// How many of these are likes.
    pub(super) liked: usize,
    /// The times of the log's rows.
    pub(super) times: Times,
}

impl Counts for Totals {
    fn add(&mut self, other: Self) {
        self.users += other.users;
        self.interactions += other.interactions;
        self.shown += other.shown;
        self.liked += other.liked;
        // Every shard reads the whole log, those without users of it alone do not.
        self.times.merge(other.times);
    }
}

impl Totals {
    fn add(&mut self, piece: &States) {
        self.users += piece.users.len();
        self.interactions += piece.interactions.iter().map(|&n| u64::from(n)).sum::<u64>();
        self.shown += piece.items.iter().map(Vec::len).sum::<usize>();
        self.liked += piece.liked.iter().flatten().filter(|&&liked| liked).count();
    }
}

/// The states to be written, in pieces.
pub(super) struct Pieces<'a> {
    settings: Settings<'a>,
    /// Each piece's cohort and users.
    pieces: Vec<(usize, Range<usize>)>,
    /// Empty states of users whom the log lacks: a piece of their own, the last.
    others: Option<States>,
}

impl<'a> Pieces<'a> {
    /// Of all users of the log, and of those of the file `others` that it lacks.
    ///
    /// # Errors
    /// When `others` cannot be read, or does not belong to the log.
    pub(super) fn of(settings: Settings<'a>, others: Option<&Path>) -> Result<Self> {
        let known = &settings.tally.users;
        let cohorts = cohort::ranges(settings).into_iter().enumerate();
        let pieces = cohorts
            .flat_map(|(cohort, users)| cut(users, settings.cut.window).map(move |users| (cohort, users)));
        Ok(Pieces {
            settings,
            pieces: pieces.collect(),
            others: others.map(|others| absent::states(known, others)).transpose()?,
        })
    }

    /// The pieces as units of a job.
    pub(super) fn units(&self) -> Vec<Unit> {
        let rows = &self.settings.tally.rows;
        let of_log = self.pieces.iter().map(|(_, users)| {
            let work = rows[users.clone()].iter().map(|&rows| u64::from(rows)).sum();
            Unit::new(format!("users {} to {}", users.start, users.end.max(1) - 1), work)
        });
        let others = self
            .others
            .iter()
            .map(|_| Unit::new("users without interactions", 0));
        of_log.chain(others).collect()
    }

    /// Reads the states of the users of these `units` from the log and writes them to `out`, with memory for one cohort.
    ///
    /// # Errors
    /// When a file cannot be read or written, for the first bad row, and where users and log do not belong together.
    pub(super) fn write(
        &self,
        out: &Path,
        manifest: &Manifest,
        groups: RowGroups,
        units: Range<usize>,
    ) -> Result<Totals> {
        let settings = self.settings;
        let mut items = Dictionary::default();
        let (mut totals, mut times) = (Totals::default(), Times::default());
        let of_log = &self.pieces[units.start.min(self.pieces.len())..units.end.min(self.pieces.len())];
        let others = self.others.iter().filter(|_| units.contains(&self.pieces.len()));
        states::write_pieces(out, manifest, settings.tally.users.kind(), groups, |write| {
            let mut write = |piece: &States| {
                totals.add(piece);
                write(piece)
            };
            for pieces in of_log.chunk_by(|one, other| one.0 == other.0) {
                let users = pieces[0].1.start..pieces[pieces.len() - 1].1.end;
                let cohort = Cohort::read(settings, users, &mut items, &mut times)?;
                for some in pieces.chunks(settings.workers) {
                    let made =
                        parallel::map(some, |(_, users)| piece(&cohort, users.clone(), settings, &items));
                    made.iter().try_for_each(&mut write)?;
                }
            }
            others.clone().try_for_each(&mut write)
        })?;
        Ok(Totals { times, ..totals })
    }
}

/// The pieces of a cohort: by what stands in the manifest, as the cuts may show in the file's pages.
fn cut(users: Range<usize>, window: u32) -> impl Iterator<Item = Range<usize>> {
    let length = (INTERACTIONS / window.max(1) as usize).clamp(1, USERS);
    let end = users.end;
    let starts = users.step_by(length);
    starts.map(move |start| start..end.min(start + length))
}

fn piece(cohort: &Cohort, users: Range<usize>, settings: Settings, items: &Dictionary) -> States {
    let mut states = States {
        users: Dictionary::new(settings.tally.users.kind()),
        ..States::default()
    };
    for user in users {
        states.users.intern(settings.tally.users.id(user as u32));
        states.interactions.push(cohort.seen(user));
        let (ids, feedback): (Vec<String>, Vec<f32>) = cohort
            .kept(user)
            .map(|(item, feedback)| (items.id(item).to_string(), feedback))
            .unzip();
        let liked: Vec<bool> = feedback
            .iter()
            .map(|&value| settings.feedback.is_like(value))
            .collect();
        states.state_hash.push(state_hash(&ids, &liked));
        states.items.push(ids);
        states.feedback.push(feedback);
        states.liked.push(liked);
    }
    states
}
