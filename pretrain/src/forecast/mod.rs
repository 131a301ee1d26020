//! `pretrain forecast`: whether what a language model reads in a catalogue would help on a log of this size, before the bill.
//!
//! The log's interactions are dealt into folds. Each fold is held out once; what is left trains the appeal model with the
//! profiles' traits, with the same traits handed to the wrong items, and without any (categories and the log alone), and the most
//! popular items stand beside them. How early each ranks the held-out likes is compared, paired by like, with users as clusters. The
//! environment of a simulator is not asked: it is the log that answers.

mod folds;
mod verdict;

use std::path::{Path, PathBuf};

use common::manifest::Manifest;
use common::policy_artifact::Encoder;
use common::schema::interactions::{self, Interactions};
use common::schema::items;
use common::schema::profiles::{self, Kind, PROFILES, Profiles};
use common::shards::Sharding;
use common::{Error, Result, folder, terminal};

use crate::appeal::AppealConfig;
use crate::data::{InputPaths, Reading, TraitSource};
use crate::evaluate::evidence::{Candidate, Evidence};
use crate::evaluate::ranking::{Measure, Metric};
use crate::evaluate::{EvidencePaths, Format, Settings, Unknown};
use crate::plain::Plain;
use crate::threads;
use crate::train::{self, Method, TrainConfig};
use folds::Folds;
pub use verdict::{Answer, Verdict};

const TOOL: &str = "pretrain forecast";

/// What to ask.
#[derive(Clone, Debug)]
pub struct ForecastConfig {
    /// The log, its catalogue and the profiles; the states are not read.
    pub inputs: InputPaths,
    /// Into how many folds the interactions are dealt.
    pub folds: usize,
    /// How much of a list is read.
    pub k: usize,
    /// Users of the log that are asked about; 0 is all of them.
    pub users: usize,
    /// The level of the two-sided intervals.
    pub confidence: f64,
    /// Seed of sample, folds and shuffled traits.
    pub seed: u64,
    /// The form of the verdict on stdout.
    pub format: Format,
    /// Threads; the result does not depend on it.
    pub workers: usize,
}

/// A way to begin, and how it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Traits,
    Shuffled,
    Bare,
    Popularity,
}

impl Start {
    const ALL: [Start; 4] = [Start::Traits, Start::Shuffled, Start::Bare, Start::Popularity];

    fn folder(self) -> &'static str {
        match self {
            Start::Traits => "traits",
            Start::Shuffled => "shuffled",
            Start::Bare => "bare",
            Start::Popularity => "popularity",
        }
    }

    fn traits(self) -> TraitSource {
        match self {
            Start::Traits => TraitSource::Profile,
            Start::Shuffled => TraitSource::Shuffled,
            Start::Bare | Start::Popularity => TraitSource::None,
        }
    }

    fn method(self) -> Method {
        match self {
            Start::Popularity => Method::Plain(Plain::Popularity),
            Start::Traits | Start::Shuffled | Start::Bare => Method::Appeal(AppealConfig::default()),
        }
    }
}

/// The measure of every held-out like, one list of values a start, and whose like it is.
#[derive(Clone, Debug, Default)]
struct Measured {
    values: [Vec<f64>; Start::ALL.len()],
    user: Vec<u32>,
}

/// Asks, prints the verdict on stdout.
///
/// # Errors
/// [`common::error::Class::Refused`] where the answer is not yes; inputs that are missing, bad or do not belong together, a log with
/// too few likes to deal.
pub fn run(config: &ForecastConfig) -> Result<()> {
    let verdict = forecast(config)?;
    terminal::print(match config.format {
        Format::Text => verdict.text(),
        Format::Json => format!("{:#}\n", serde_json::json!(verdict)),
    })?;
    match verdict.answer {
        Answer::Yes => Ok(()),
        Answer::No | Answer::Open => Err(Error::refused(verdict.answer.sentence())),
    }
}

/// The verdict itself.
///
/// # Errors
/// As [`run`].
pub fn forecast(config: &ForecastConfig) -> Result<Verdict> {
    config.inputs.check()?;
    let Some(traits) = &config.inputs.profiles else {
        return Err(Error::usage("no profiles are given")
            .hint("pass --profiles with the file that `profiler traits` writes; those of items are enough"));
    };
    let log = interactions::read_log(&config.inputs.interactions(), config.inputs.like_threshold)?;
    let folds = Folds::deal(&log, config)?;
    let scratch = folder::scratch()?;
    let place = |fold: usize| scratch.path().join(fold.to_string());
    (0..config.folds).try_for_each(|fold| folds.write(fold, &place(fold), config.seed))?;
    let catalogue = place(0).join(folds::LOG).join(folds::ITEMS_FILE);
    let traits = items_alone(traits, &catalogue, &scratch.path().join("profiles.parquet"))?;
    let mut measured = Measured::default();
    for fold in 0..config.folds {
        terminal::info(&format!("fold {} of {}", fold + 1, config.folds));
        measure(config, &log, &traits, &place(fold), &mut measured)?;
    }
    Ok(Verdict::of(config, &measured, folds.users(), folds.likes()))
}

/// The profiles of the items of `catalogue`: those of users were read from states that hold what is held out here.
fn items_alone(from: &Path, catalogue: &Path, to: &Path) -> Result<PathBuf> {
    let all = profiles::read(from)?;
    let items: Vec<usize> = (0..all.len())
        .filter(|&row| all.kind[row] == Kind::Item)
        .collect();
    if items.is_empty() {
        return Err(Error::usage("the profiles have no row of an item")
            .file(from)
            .hint("read those of items: `profiler traits --items`"));
    }
    let manifest = Manifest::new(PROFILES, TOOL).input(items::ITEMS, items::fingerprint(catalogue)?);
    let of_items = Profiles {
        kind: vec![Kind::Item; items.len()],
        id: items.iter().map(|&row| all.id[row].clone()).collect(),
        state_hash: vec![None; items.len()],
        traits: items
            .iter()
            .flat_map(|&row| all.traits_of(row))
            .copied()
            .collect(),
        summary: vec![None; items.len()],
        confidence: items.iter().map(|&row| all.confidence[row]).collect(),
        fame: items.iter().map(|&row| all.fame_of(row)).collect(),
        prompt: Vec::new(),
        vocabulary: all.vocabulary,
    };
    profiles::write(to, &manifest, &of_items)?;
    Ok(to.to_path_buf())
}

/// Trains every start on a fold's log and measures the held-out likes, beside those of the folds before.
fn measure(
    config: &ForecastConfig,
    log: &Interactions,
    traits: &Path,
    place: &Path,
    into: &mut Measured,
) -> Result<()> {
    let train = |start: Start| TrainConfig {
        inputs: InputPaths {
            log: place.join(folds::LOG),
            items: None,
            states: None,
            profiles: (start.traits() != TraitSource::None).then(|| traits.to_path_buf()),
            preferences: None,
            events: Vec::new(),
            like_threshold: None,
        },
        reading: Reading {
            workers: config.workers,
            ..Reading::default()
        },
        traits: start.traits(),
        method: start.method(),
        // Both are of networks that are trained; these starts are in closed form.
        dims: 1,
        hidden: 1,
        encoder: Encoder::default(),
        negatives: None,
        seed: config.seed,
        seeds: 1,
        workers: config.workers,
        out: place.join(start.folder()),
        checkpoint_every: None,
        overwrite: false,
    };
    train::run_all(
        &Start::ALL.map(train),
        place,
        config.workers,
        &Sharding::default(),
    )?;
    let load =
        |start: Start| Candidate::load(&place.join(start.folder()).join(format!("seed-{}", config.seed)));
    let candidates: Vec<Candidate> = Start::ALL.into_iter().map(load).collect::<Result<_>>()?;
    let paths = EvidencePaths {
        log: place.join(folds::HELD_OUT),
        items: None,
        behaviour: None,
    };
    let settings = Settings {
        unknown_items: Unknown::Miss,
        confidence: config.confidence,
        ..Settings::default()
    };
    let metric = Metric {
        measure: Measure::Ndcg,
        k: config.k,
    };
    threads::pool(config.workers)?.install(|| {
        let evidence = Evidence::gather(&paths, &settings, &candidates)?;
        let mut lists = Vec::new();
        for candidate in &candidates {
            lists.push(evidence.measure(&candidate.policy, 0).lists);
        }
        for row in 0..evidence.rows() {
            let of_row: Option<Vec<f64>> = lists
                .iter()
                .map(|lists| lists[row].as_ref().map(|list| list.measure(metric)))
                .collect();
            let Some(of_row) = of_row else { continue };
            let user = evidence.later.users.id(evidence.later.user[row]);
            let Some(user) = log.users.code(user) else {
                continue;
            };
            into.user.push(user);
            for (values, value) in into.values.iter_mut().zip(of_row) {
                values.push(value);
            }
        }
        Ok(())
    })
}
