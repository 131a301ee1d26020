//! The inputs, read and checked, over dense codes.

use std::path::Path;

use common::bad_rows::{BadRows, MaxBad};
use common::ids::Dictionary;
use common::logs::Scan;
use common::manifest::Manifest;
use common::schema::replay::REPLAY;
use common::schema::times::Times;
use common::schema::{items, profiles, states};
use common::{Error, Result, terminal};
use serde::Serialize;

use super::inputs::{Fingerprints, InputPaths};
use super::preferences::{self, Preference};
use super::profiles::ProfileTraits;
use super::reading::{Reading, ReplayFile};
use super::replay::{Census, Place, Replay, Sizes};
use super::time_cut::TimeCut;
use super::{Event, LikeCounts, WINDOW, WithoutFeedback, last};

/// Everything that training reads, over dense codes. U users, N items.
#[derive(Debug)]
pub struct Dataset {
    /// The catalogue: code i is action i.
    pub items: Dictionary,
    /// The users of the log, and then those of whom it has no row: who are known to have consumed something, where it has
    /// no row at all those of `users.parquet`, and those of the states.
    pub users: Dictionary,
    /// The users' interactions. Users of whom the log has no row, who come last, are not in it.
    pub replay: Replay,
    /// The times of the log's rows.
    pub times: Times,
    /// What users have consumed, of which no feedback is known; see [`Dataset::consumed`].
    pub(crate) without_feedback: WithoutFeedback,
    /// What came back to recommendations, by user; see [`Dataset::answers`].
    pub(crate) answers: Vec<Vec<(u32, f32)>>,
    /// Each user's state at the end of what is read of the log, oldest first.
    pub states: Vec<Vec<Event>>,
    /// Each item's likes in what is read of the log, and what its answers count.
    pub popularity: Vec<f32>,
    /// Most interactions a state holds.
    pub window: usize,
    /// Trait profiles, where given.
    pub(crate) profiles: Option<ProfileTraits>,
    /// The language model's preferences, where given.
    pub preferences: Vec<Preference>,
    /// How the log was read.
    pub log: LogRead,
}

/// How a log was read: what a manifest records of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LogRead {
    /// Feedback from here on is a like.
    pub like_threshold: f32,
    /// The part of the interactions that was read, the first in time.
    pub fraction: f64,
    /// How many bad rows might be set aside.
    pub max_bad: MaxBad,
    /// How many there were.
    pub skipped_rows: u64,
}

impl Dataset {
    /// Reads the inputs at `paths`, whose fingerprints are `prints`, as `reading` says. A replay that is too large for
    /// memory goes to `replay`.
    ///
    /// # Errors
    /// A missing or unreadable file, a missing column, a wrong type, more bad rows than may be set aside, held-out truth in
    /// place of the log, items outside the catalogue, users of the states that the log does not know, profiles or preferences
    /// of other states, another run's replay; an empty log without a catalogue.
    pub fn read(
        paths: &InputPaths,
        prints: &Fingerprints,
        reading: Reading,
        replay: ReplayFile<'_>,
    ) -> Result<Self> {
        let log_path = paths.interactions();
        let scan = match paths.before_any_log()? {
            true => {
                terminal::warn(&format!(
                    "{} has no interactions.parquet: there is no log to learn from yet",
                    log_path.display()
                ));
                Scan::of_no_file(paths.like_threshold)
            }
            false => Scan::open_cut(
                &log_path,
                paths.like_threshold,
                BadRows::beside(common::output::parent(replay.path), reading.max_bad, replay.tool),
            )?,
        };
        let scan = scan.with_workers(reading.workers);
        if scan.total == 0 && paths.catalogue().is_none() {
            return Err(Error::data("the log is empty: it has no row")
                .file(&log_path)
                .hint("without rows it needs items.parquet in its folder, or --items"));
        }
        let catalogue = paths.catalogue().map(|path| items::read_ids(&path)).transpose()?;
        let cut = TimeCut::after(&scan, reading.log_fraction)?;
        let census = Census::take(&scan, catalogue, cut)?;
        census.times.warn(&log_path);
        let log = LogRead {
            like_threshold: scan.kind.like_threshold,
            fraction: reading.log_fraction,
            max_bad: reading.max_bad,
            skipped_rows: census.skipped,
        };
        let place = Place {
            path: replay.path.to_path_buf(),
            manifest: prints.record_log(Manifest::new(REPLAY, replay.tool).config(&log)?),
            overwrite: replay.overwrite,
        };
        let replay = Replay::make(&scan, &census, cut, &place, Sizes::default())?;
        let states = paths.states.as_deref().map(states::read).transpose()?;
        let longest = states
            .iter()
            .flat_map(|states| &states.items)
            .map(Vec::len)
            .fold(WINDOW, usize::max);
        let mut dataset = Dataset {
            popularity: vec![0.0; census.items.len()],
            states: Vec::with_capacity(census.users.len()),
            window: reading.window.unwrap_or(longest),
            users: census.users,
            items: census.items,
            replay,
            times: census.times,
            without_feedback: WithoutFeedback::default(),
            answers: Vec::new(),
            profiles: None,
            preferences: Vec::new(),
            log,
        };
        dataset.count(&log_path)?;
        if let Some(path) = paths.consumed() {
            dataset.take_consumed(&path)?;
        }
        if let Some(path) = paths.users().filter(|_| scan.total == 0) {
            dataset.take_users(&path)?;
        }
        if !paths.events.is_empty() {
            dataset.take_answers(&paths.events, reading.workers)?;
        }
        let mut hashes = vec![None; dataset.users.len()];
        if let (Some(path), Some(states)) = (&paths.states, &states) {
            hashes = dataset.take_states(states, path, &log_path, reading)?;
        }
        if !reading.is_whole() {
            hashes = dataset.state_hashes(longest);
        }
        if let Some(path) = &paths.preferences {
            let states = paths.states.as_deref().unwrap_or(path);
            dataset.preferences = preferences::read(path, &dataset, &hashes, states)?;
        }
        if let Some(path) = &paths.profiles {
            let states = paths.states.as_deref().unwrap_or(path);
            let read = profiles::read(path)?;
            dataset.profiles = Some(ProfileTraits::new(&read, path, &dataset, &hashes, states)?);
        }
        Ok(dataset)
    }

    /// K, the traits of a profile; 0 without profiles.
    pub fn trait_count(&self) -> usize {
        self.profiles.as_ref().map_or(0, |profiles| profiles.count)
    }

    /// Every user's log, oldest first, held whole: for small logs, in benchmarks and tests.
    ///
    /// # Errors
    /// A replay that cannot be read.
    pub fn logs(&self) -> Result<Vec<Vec<Event>>> {
        let mut logs = vec![Vec::new(); self.users.len()];
        self.replay.visit(|user, events| {
            logs[user as usize] = events.to_vec();
            Ok(())
        })?;
        Ok(logs)
    }

    /// Counts likes and takes the state of each user from the replay.
    fn count(&mut self, log_path: &Path) -> Result<()> {
        let Dataset {
            replay,
            popularity,
            states,
            window,
            ..
        } = self;
        let mut likes = LikeCounts::new(popularity.len());
        replay.visit(|_, events| {
            likes.add(events);
            states.push(last(events, *window).to_vec());
            Ok(())
        })?;
        *popularity = likes.to_f32();
        if self.replay.interactions() > 0 && self.popularity.iter().all(|&likes| likes == 0.0) {
            return Err(Error::data(format!(
                "no feedback reaches {}: nothing is liked",
                self.log.like_threshold
            ))
            .file(log_path)
            .hint("pass --like-threshold with the feedback from where on an interaction is a like"));
        }
        Ok(())
    }
}
