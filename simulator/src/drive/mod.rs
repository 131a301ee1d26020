//! Playing episodes against an agent process, and the metrics of it.

pub(crate) mod agent;
mod command;
mod curve;
pub(crate) mod exchange;
mod exposure;
mod process;
mod session;
mod watchdog;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::artifact::{self, Plan};
use common::fingerprint::Fingerprint;
use common::groups::By;
use common::manifest::Manifest;
use common::schema::metrics::{self, METRICS, Metric};
use common::shards::{Counts, Sharding, Unit};
use common::socket::Socket;
use common::terminal::{self, Progress};
use common::{Error, Result, output};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use command::Command;
pub use session::Played;

use crate::environment::rules::Rules;
use crate::environment::{Environment, users_file};
use crate::metric;
use exposure::Popularity;
use session::{Source, Stage};

/// Where the agents are.
#[derive(Clone, Debug)]
pub enum From {
    /// This command starts one.
    Command(Command),
    /// They connect to this Unix socket, one for each seed in turn.
    Socket(PathBuf),
}

/// What to play.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the environment.
    pub environment: PathBuf,
    /// The method's name in the metrics.
    pub method: String,
    /// Where the agents are.
    pub agent: From,
    /// The longest that an agent may take to connect, or for an answer.
    pub agent_timeout: Duration,
    /// First seed.
    pub seed: u64,
    /// How many seeds, one agent process each.
    pub seeds: u64,
    /// Episodes of each seed.
    pub episodes: u64,
    /// Environments stepped together; environment m plays episodes m, m + envs, m + 2 envs, ...
    pub envs: u32,
    /// The rules of an episode.
    pub rules: Rules,
    /// By which attributes users are told apart too.
    pub by: Vec<String>,
    /// A matrix of ratings, under [`crate::environment::rules::Rule::EasyRl4Rec`]; `None`: the user model's.
    pub ratings: Option<PathBuf>,
    /// The metrics file.
    pub out: PathBuf,
    /// Replace what another run has written.
    pub overwrite: bool,
    /// What this process does of it, and where the parts are; each seed is a unit.
    pub sharding: Sharding,
}

impl Config {
    /// Environments stepped together: never more than there are episodes.
    fn envs(&self) -> u32 {
        u64::from(self.envs).min(self.episodes) as u32
    }
}

#[derive(Serialize)]
struct Recorded<'a> {
    environment: &'a str,
    method: &'a str,
    /// `None` for agents that connected.
    agent: Option<&'a [String]>,
    seeds: u64,
    episodes: u64,
    envs: u32,
    rules: &'a Rules,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    by: &'a [String],
}

/// Plays all seeds, as many at once as rayon's current pool has threads (over a socket one after the other), and
/// writes the metrics. The result does not depend on how many run at once.
///
/// # Errors
/// A missing environment, an agent that cannot be started, does not connect, fails or breaks the protocol, I/O
/// failures.
pub fn run(config: &Config) -> Result<()> {
    let ratings = config.ratings.as_deref();
    let inputs = [config.environment.as_path()].into_iter().chain(ratings);
    output::files([config.out.as_path()], inputs)?;
    let (environment, made) = Environment::load_under(&config.environment, &config.rules, ratings)?;
    let command = match &config.agent {
        From::Command(command) => Some(command),
        From::Socket(_) => None,
    };
    let name = environment.name_under(&config.rules);
    let seeds: Vec<u64> = (config.seed..config.seed.saturating_add(config.seeds)).collect();
    let recorded = Recorded {
        environment: &name,
        method: &config.method,
        agent: command.map(Command::recorded),
        seeds: config.seeds,
        episodes: config.episodes,
        envs: config.envs(),
        rules: &config.rules,
        by: &config.by,
    };
    let mut manifest = Manifest::new(METRICS, "simulator run")
        .seed(config.seed)
        .config(&recorded)?
        .input("environment", Fingerprint::of_bytes(made.to_json().as_bytes()));
    if let Some(ratings) = ratings {
        manifest = manifest.input("ratings", Fingerprint::of_file(ratings)?);
    }
    if let Some(command) = command
        && let Some(artifacts) = command.artifacts(&seeds)?
    {
        manifest = manifest.input("agent", artifacts);
    }
    if artifact::plan(&config.out, &manifest, config.overwrite)? == Plan::AlreadyDone {
        return config.sharding.finish(&config.out);
    }
    if let From::Socket(_) = config.agent {
        config
            .sharding
            .refuse("agents connect to one socket; let each shard start its own with --agent")?;
    }
    let units: Vec<Unit> = seeds
        .iter()
        .map(|seed| Unit::new(format!("seed {seed}"), config.episodes))
        .collect();
    let by = By {
        users: users_file(&config.environment),
        attributes: config.by.clone(),
    };
    let mut of_users = exposure::by_log_length(&environment);
    if !config.by.is_empty() {
        of_users.extend(by.groups(&environment.users)?);
    }
    let popularity = Popularity::of(&environment);
    let make = |out: &Path, groups, units: Range<usize>| {
        let seeds = &seeds[units];
        let played = play_all(config, &environment, &popularity, seeds)?;
        metrics::write_pieces(out, &manifest, groups, |write| {
            let mut counted = Counted::default();
            for (&seed, played) in seeds.iter().zip(&played) {
                let rows = curve::metrics(played, &name, &config.method, seed, &popularity, &of_users);
                write(&rows)?;
                counted.add(Counted::of(played, rows));
            }
            Ok(counted)
        })
    };
    if let Some(counted) = config.sharding.make(&config.out, &manifest, &units, make)? {
        counted.show(config);
    }
    Ok(())
}

/// Plays these seeds.
fn play_all(
    config: &Config,
    environment: &Environment,
    popularity: &Popularity,
    seeds: &[u64],
) -> Result<Vec<Played>> {
    let source = match &config.agent {
        From::Command(command) => Source::Command(command),
        From::Socket(path) => Source::Socket(Socket::listen(path)?),
    };
    let total = config.episodes * seeds.len() as u64;
    let progress = Progress::new(&config.method, total, "episodes");
    let stop = AtomicBool::new(false);
    let stage = Stage {
        environment,
        config,
        popularity,
        source: &source,
        progress: &progress,
        stop: &stop,
    };
    let play = |&seed: &u64| {
        let played = stage.play(seed);
        if played.is_err() {
            // The other seeds' results would not be used: let them end at their next step.
            stop.store(true, Ordering::Relaxed);
        }
        played
    };
    let outcomes: Vec<Result<Option<Played>>> = match source {
        Source::Command(_) => seeds.par_iter().map(play).collect(),
        // Connections are not told apart: the first to connect plays the first seed.
        Source::Socket(_) => seeds.iter().map(play).collect(),
    };
    drop(progress);
    let mut all = Vec::new();
    for outcome in outcomes {
        // None is a seed that was stopped because another failed; that one's error comes up in this loop.
        all.extend(outcome?);
    }
    if all.len() != seeds.len() {
        return Err(Error::retry("a seed was stopped before its end"));
    }
    Ok(all)
}

/// What the last line of a run tells.
#[derive(Default, Serialize, Deserialize)]
struct Counted {
    seeds: u64,
    /// Sums over seeds of return, its first and its last tenth, and regret.
    sums: [f64; 4],
    repeats: u64,
    steps: u64,
}

impl Counts for Counted {
    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.sums
            .iter_mut()
            .zip(other.sums)
            .for_each(|(sum, more)| *sum += more);
        self.repeats += other.repeats;
        self.steps += other.steps;
    }
}

impl Counted {
    /// Of one seed and its metrics.
    fn of(played: &Played, rows: Vec<Metric>) -> Self {
        let sum = |name: &str| {
            rows.iter()
                .filter(|row| row.metric == name)
                .map(|row| row.value)
                .sum()
        };
        Counted {
            seeds: 1,
            sums: [
                metric::RETURN_MEAN,
                metric::RETURN_FIRST,
                metric::RETURN_LAST,
                metric::REGRET,
            ]
            .map(sum),
            repeats: played.repeats,
            steps: played.steps,
        }
    }

    fn show(&self, config: &Config) {
        let [all, first, last, regret] = self.sums.map(|sum| sum / self.seeds.max(1) as f64);
        let further = match config.rules.easyrl4rec {
            None => format!("regret {regret:.3}"),
            Some(_) => {
                let length = self.steps as f64 / (config.episodes * self.seeds.max(1)) as f64;
                format!("length {length:.3}, rating of a step {:.3}", all / length)
            }
        };
        terminal::info(&format!(
            "{}: return {all:.3} over {} episodes x {} seeds (first tenth {first:.3}, last tenth {last:.3}), {further}",
            config.method, config.episodes, config.seeds,
        ));
        if self.repeats > 0 {
            terminal::warn(&format!(
                "{}: {} of {} actions named an item that the user had consumed already; each gave 0",
                config.method, self.repeats, self.steps
            ));
        }
    }
}
