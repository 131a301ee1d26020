//! `online recommend`: recommendations to many users at once, as a file.
//!
//! What would be served to each user now, by a policy or by what a service has learnt: users are taken in slices, all cores work
//! on one each, and the slices are written in their order, so that memory does not depend on the number of users and the
//! bytes not on the number of workers.

mod because;
mod lists;

use std::ops::Range;
use std::path::{Path, PathBuf};

use common::artifact::{self, Plan};
use common::fingerprint::Fingerprint;
use common::ids::Dictionary;
use common::manifest::Manifest;
use common::schema::recommendations::{self, RECOMMENDATIONS, Recommendations};
use common::schema::table;
use common::shards::{Counts, Sharding, Unit};
use common::terminal::Progress;
use common::{Error, Result, output, parallel, terminal};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::adapt::{Buffers, EncodedContext};
use crate::inspect::Source;
use crate::live::{State, Whom};
use because::Because;
pub(crate) use lists::Lists;

/// Users that a thread takes at once.
const SLICE: usize = 2048;
/// Users whose scores a thread holds at once.
const BATCH: usize = 32;

/// What to recommend, to whom, and where it goes.
#[derive(Debug, Clone)]
pub struct RecommendConfig {
    /// What recommends.
    pub source: Source,
    /// Whom to recommend to: a table with their ids. None: those of the other files, else all who are known.
    pub users: Option<PathBuf>,
    /// Histories in place of what is known of their users.
    pub states: Option<PathBuf>,
    /// Each user's candidates.
    pub candidates: Option<PathBuf>,
    /// The only items that may be recommended.
    pub items: Option<PathBuf>,
    /// Pairs of users and items that are not recommended.
    pub exclude: Option<PathBuf>,
    /// Items for each user.
    pub k: usize,
    /// Whether the best items are taken; else they are drawn as a service draws them.
    pub greedy: bool,
    /// Whether items that a user has had may be recommended.
    pub repeats: bool,
    /// Where the recommendations go.
    pub out: PathBuf,
    /// Threads; the result does not depend on it.
    pub workers: usize,
    /// Whether another run's file may be replaced.
    pub overwrite: bool,
    /// What this process does of it, and where the parts are.
    pub sharding: Sharding,
}

/// What was written.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Written {
    rows: usize,
    /// Users who were asked for.
    asked: usize,
    /// Those of them who have no rows.
    empty: usize,
}

impl Counts for Written {
    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.asked += other.asked;
        self.empty += other.empty;
    }
}

impl RecommendConfig {
    /// The files that are read beside the policy, by role.
    fn files(&self) -> [(&'static str, &Option<PathBuf>); 5] {
        [
            ("users", &self.users),
            ("states", &self.states),
            ("candidates", &self.candidates),
            ("items", &self.items),
            ("exclude", &self.exclude),
        ]
    }
}

/// Writes the recommendations.
///
/// # Errors
/// An input that is missing or damaged, `out` that is another run's or cannot be written.
pub fn recommend(config: &RecommendConfig) -> Result<()> {
    let files = config.files().into_iter().filter_map(|(_, path)| path.as_deref());
    output::files([config.out.as_path()], files.chain([config.source.path()]))?;
    let state = config.source.arms()?;
    let manifest = manifest(config, &state)?;
    if artifact::plan(&config.out, &manifest, config.overwrite)? == Plan::AlreadyDone {
        return config.sharding.finish(&config.out);
    }
    let lists = Lists::read(config, &state)?;
    if lists.users.is_empty() {
        return Err(Error::data("there is no user to recommend to").hint("give their ids with --users"));
    }
    let job = Job::new(&state, &lists, config.k, config.greedy, config.repeats);
    let kinds = [lists.users.kind(), state.items().kind()];
    let make = |path: &Path, groups, units: Range<usize>| {
        let users = units.start * SLICE..lists.users.len().min(units.end * SLICE);
        recommendations::write_pieces(path, &manifest, kinds, groups, |write| {
            job.run(users, config.workers, write)
        })
    };
    let Some(written) = config.sharding.make(&config.out, &manifest, &job.units(), make)? else {
        return Ok(());
    };
    let Written { rows, asked, empty } = written;
    if empty > 0 {
        terminal::warn(&format!(
            "{empty} of {asked} users have no rows: nothing that may be recommended to them is left"
        ));
    }
    terminal::info(&format!(
        "{}: {rows} recommendations to {} users",
        config.out.display(),
        asked - empty
    ));
    Ok(())
}

fn manifest(config: &RecommendConfig, state: &State) -> Result<Manifest> {
    let settings = state.settings();
    let mut manifest = Manifest::new(RECOMMENDATIONS, "online recommend")
        .seed(settings.seed)
        .input("policy", state.policy().clone());
    if matches!(config.source, Source::State(_)) {
        manifest = manifest.input("state", state.digest());
    }
    for (role, path) in config.files() {
        if let Some(path) = path {
            manifest = manifest.input(role, table::fingerprint(path)?);
        }
    }
    manifest.config(&json!({
        "k": config.k,
        "greedy": config.greedy,
        "repeats": config.repeats,
        "settings": settings,
    }))
}

/// What all threads read.
pub(crate) struct Job<'a> {
    state: &'a State,
    lists: &'a Lists,
    k: usize,
    greedy: bool,
    repeats: bool,
    because: Option<Because<'a>>,
    policies: Dictionary,
}

/// A user's part of the work.
struct Wanted {
    user: u32,
    given: Option<EncodedContext>,
    /// Ascending, each once.
    closed: Vec<u32>,
    candidates: Option<Vec<u32>>,
}

impl<'a> Job<'a> {
    /// To recommend `k` items to each of the users of `lists`.
    pub(crate) fn new(state: &'a State, lists: &'a Lists, k: usize, greedy: bool, repeats: bool) -> Self {
        let mut policies = Dictionary::default();
        policies.intern(state.policy().as_str());
        Job {
            state,
            lists,
            k,
            greedy,
            repeats,
            because: state.prior().and_then(Because::new),
            policies,
        }
    }

    /// The slices.
    fn units(&self) -> Vec<Unit> {
        let users = self.lists.users.len();
        let unit = |first: usize| {
            let last = users.min(first + SLICE);
            Unit::new(format!("users {first} to {}", last - 1), (last - first) as u64)
        };
        (0..users).step_by(SLICE).map(unit).collect()
    }

    /// All users, by their places.
    pub(crate) fn users(&self) -> Range<usize> {
        0..self.lists.users.len()
    }

    /// Hands the rows of `users`, from the first of a slice on, to `take`, the users in their order.
    ///
    /// # Errors
    /// Those of `take`.
    pub(crate) fn run(
        &self,
        users: Range<usize>,
        workers: usize,
        mut take: impl FnMut(&Recommendations) -> Result<()>,
    ) -> Result<Written> {
        let (mut rows, mut empty) = (0, 0);
        let progress = Progress::new("recommending", users.len() as u64, "users");
        let wave = SLICE * workers.max(1);
        for first in users.clone().step_by(wave) {
            let last = users.end.min(first + wave);
            let slices = (first..last)
                .step_by(SLICE)
                .map(|from| from..last.min(from + SLICE));
            for (piece, nothing) in parallel::map(slices, |slice| self.slice(slice)) {
                rows += piece.item.len();
                empty += nothing;
                take(&piece)?;
            }
            progress.add((last - first) as u64);
        }
        Ok(Written {
            rows,
            asked: users.len(),
            empty,
        })
    }

    /// The rows of some users, and how many of these have none.
    fn slice(&self, users: Range<usize>) -> (Recommendations, usize) {
        let mut piece = Recommendations {
            items: self.state.items().clone(),
            users: Dictionary::new(self.lists.users.kind()),
            policies: self.policies.clone(),
            ..Recommendations::default()
        };
        let mut buffers = Buffers::new();
        let asked = users.len();
        let mut answered = 0;
        let users: Vec<u32> = users.map(|user| user as u32).collect();
        for batch in users.chunks(BATCH) {
            let wanted: Vec<Wanted> = batch.iter().filter_map(|&user| self.wanted(user)).collect();
            let whom: Vec<Whom<'_>> = wanted.iter().map(|wanted| self.whom(wanted)).collect();
            let slates = self.state.recommend_to(&whom, self.k, self.greedy, &mut buffers);
            for (wanted, slate) in wanted.iter().zip(slates) {
                let id = self.lists.users.id(wanted.user);
                let user = piece.users.intern(id);
                let context = match &wanted.given {
                    Some(given) => given.context(),
                    None => self.state.context_of(id),
                };
                piece.because.extend(match &self.because {
                    Some(because) => because.of(context, &slate.items),
                    None => vec![Vec::new(); slate.items.len()],
                });
                // Strategies that have no scores draw, or do not, whatever is asked of them, and say so.
                let certain = self.greedy && !slate.scores.is_empty();
                for (at, &item) in slate.items.iter().enumerate() {
                    piece.user.push(user);
                    piece.rank.push(at as u32 + 1);
                    piece.item.push(item);
                    piece.score.push(slate.scores.get(at).copied());
                    piece
                        .propensity
                        .push(if certain { 1.0 } else { slate.propensities[at] });
                    piece.policy.push(0);
                }
                answered += usize::from(!slate.items.is_empty());
            }
        }
        (piece, asked - answered)
    }

    /// What is to be chosen from for a user; none where nothing may be recommended.
    fn wanted(&self, user: u32) -> Option<Wanted> {
        let history = self.lists.history(user);
        let mut closed = self.lists.excluded(user).to_vec();
        if !self.repeats {
            match history {
                Some(history) => closed.extend(history.iter().map(|(item, _)| *item)),
                None => closed.extend(self.state.consumed(self.lists.users.id(user))),
            }
        }
        closed.sort_unstable();
        closed.dedup();
        let candidates = self.lists.candidates(user, &closed);
        let open = match &candidates {
            Some(candidates) => candidates.len(),
            None => self.state.items().len() - closed.len(),
        };
        (open > 0).then(|| Wanted {
            user,
            given: match history {
                Some(history) => Some(EncodedContext::new(self.state.context_after(history))),
                None => self.state.as_trained(self.lists.users.id(user)),
            },
            closed,
            candidates,
        })
    }

    fn whom<'w>(&'w self, wanted: &'w Wanted) -> Whom<'w> {
        let user = self.lists.users.id(wanted.user);
        // A user's draws are the same whoever else is recommended to.
        let print = Fingerprint::of_bytes(user.as_bytes());
        let digits = print.as_str().get(..16).unwrap_or_default();
        Whom {
            given: wanted.given.as_ref(),
            user,
            closed: if wanted.candidates.is_some() {
                &[]
            } else {
                &wanted.closed
            },
            candidates: wanted.candidates.as_deref(),
            key: [u64::from_str_radix(digits, 16).unwrap_or_default(), 0, 0],
        }
    }
}
