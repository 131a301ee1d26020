//! From cohorts to the file, piece by piece.

use std::ops::Range;
use std::path::Path;

use common::Result;
use common::ids::Dictionary;
use common::manifest::Manifest;
use common::parallel;
use common::schema::states::{self, States, state_hash};
use common::schema::times::Times;

use super::absent;
use super::cohort::{self, Cohort, Settings};

/// Users of a piece, at most.
const USERS: usize = 4096;
/// Interactions of a piece, at most, unless one user has more.
const INTERACTIONS: usize = 65_536;

/// What was written.
#[derive(Default)]
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

impl Totals {
    fn add(&mut self, piece: &States) {
        self.users += piece.users.len();
        self.interactions += piece.interactions.iter().map(|&n| u64::from(n)).sum::<u64>();
        self.shown += piece.items.iter().map(Vec::len).sum::<usize>();
        self.liked += piece.liked.iter().flatten().filter(|&&liked| liked).count();
    }
}

/// Reads the states of all users from the log and writes them to `out`, with memory for one cohort; empty states of
/// the users of the file `others` that the log lacks follow.
///
/// # Errors
/// When a file cannot be read or written, for the first bad row, and where users and log do not belong together.
pub(super) fn write(
    out: &Path,
    manifest: &Manifest,
    settings: Settings,
    others: Option<&Path>,
) -> Result<Totals> {
    let known = &settings.tally.users;
    let others = others.map(|others| absent::states(known, others)).transpose()?;
    let mut items = Dictionary::default();
    let (mut totals, mut times) = (Totals::default(), Times::default());
    states::write_pieces(out, manifest, known.kind(), |write| {
        let mut write = |piece: &States| {
            totals.add(piece);
            write(piece)
        };
        for users in cohort::ranges(settings) {
            let cohort = Cohort::read(settings, users, &mut items, &mut times)?;
            let pieces: Vec<Range<usize>> = cut(&cohort.users, settings.cut.window).collect();
            for some in pieces.chunks(settings.workers) {
                let made = parallel::map(some, |users| piece(&cohort, users.clone(), settings, &items));
                made.iter().try_for_each(&mut write)?;
            }
        }
        others.iter().try_for_each(&mut write)
    })?;
    Ok(Totals { times, ..totals })
}

/// The pieces of a cohort: by what stands in the manifest, as the cuts may show in the file's pages.
fn cut(users: &Range<usize>, window: u32) -> impl Iterator<Item = Range<usize>> {
    let length = (INTERACTIONS / window.max(1) as usize).clamp(1, USERS);
    let end = users.end;
    let starts = users.clone().step_by(length);
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
