//! A dataset of any size with a known truth: users and items around topics, a log under a popular policy with its exact
//! propensities, held-out answers to random items, and the environment that drew them all.
//!
//! `simulator fit` on the same data can be held against that environment. Everything is written in pieces: memory is
//! what the environment takes, the number of users and items, and not their product nor the log's text.

pub(crate) mod args;
mod exposure;
mod played;
mod words;
mod world;
mod write;

use std::path::{Path, PathBuf};

use common::artifact::{self, Plan};
use common::manifest::Manifest;
use common::schema::{interactions, items, users};
use common::{Error, Result, folder, terminal};
use serde::Serialize;

use crate::dataset::{self, Layout, Unrated};
use crate::environment::{self, KIND};
use world::World;

pub(crate) use words::MOST_TOPICS;

/// The name of the dataset and of its environment.
const NAME: &str = "synthetic";
const TOOL: &str = "simulator import synthetic";
/// The folder of the true environment below the dataset's.
pub const ENVIRONMENT: &str = "environment";

/// What to make.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the dataset, see [`Layout`], and below it of the true environment, [`ENVIRONMENT`].
    pub out: PathBuf,
    /// How many users.
    pub users: u32,
    /// How many items.
    pub items: u32,
    /// Length of the vectors.
    pub rank: usize,
    /// How many topics, at most 384.
    pub topics: u32,
    /// Exposures of each user in the log.
    pub log_length: u32,
    /// Random items of each user whose feedback is held out.
    pub held_out: u32,
    /// Mean probability of a like over all pairs of users and items.
    pub like_rate: f64,
    /// Seed of everything.
    pub seed: u64,
    /// Replace what another run has written.
    pub overwrite: bool,
}

impl Default for Config {
    /// A small world, made in seconds.
    fn default() -> Self {
        Config {
            out: PathBuf::new(),
            users: 10_000,
            items: 2_000,
            rank: 16,
            topics: 20,
            log_length: 20,
            held_out: 10,
            like_rate: 0.1,
            seed: 0,
            overwrite: false,
        }
    }
}

/// The configuration as the manifests record it.
#[derive(Serialize)]
struct Recorded {
    dataset: &'static str,
    split: &'static str,
    unrated: Unrated,
    users: u32,
    items: u32,
    rank: usize,
    topics: u32,
    log_length: u32,
    held_out: u32,
    like_rate: f64,
}

/// Makes the dataset and the true environment and writes them.
///
/// # Errors
/// Sizes that do not go together, outputs of another run, I/O failures.
pub fn run(config: &Config) -> Result<()> {
    check(config)?;
    let recorded = Recorded {
        dataset: NAME,
        split: "random exposure",
        unrated: Unrated::Unknown,
        users: config.users,
        items: config.items,
        rank: config.rank,
        topics: config.topics,
        log_length: config.log_length,
        held_out: config.held_out,
        like_rate: config.like_rate,
    };
    let manifest = |kind: &str| Manifest::new(kind, TOOL).seed(config.seed).config(&recorded);
    let parts = |folder: &Path| -> Result<write::Parts> {
        let layout = Layout::new(folder);
        Ok(write::Parts {
            items: (layout.items, manifest(items::ITEMS)?),
            users: (layout.users, manifest(users::USERS)?),
            truth: (layout.truth, manifest(interactions::TRUTH)?),
            log: (layout.log, manifest(interactions::LOG)?),
        })
    };
    // Of the dataset in `folder`, where there is one.
    let of_environment = |folder: Option<&Path>| -> Result<Manifest> {
        let prints = folder.map(dataset::fingerprints).transpose()?;
        let prints = prints.into_iter().flatten();
        Ok(prints.fold(manifest(KIND)?, |made, (role, print)| made.input(role, print)))
    };
    let plan = || -> Result<Plan> {
        let parts = parts(&config.out)?;
        let planned = [&parts.items, &parts.users, &parts.truth, &parts.log];
        let planned = planned.map(|(path, manifest)| (path.as_path(), manifest));
        let done = artifact::plan_all(planned, config.overwrite)?;
        // One that stands there without the four parts was made for others: without their fingerprints it is refused.
        let of_parts = Some(config.out.as_path()).filter(|_| done == Plan::AlreadyDone);
        let folder = config.out.join(ENVIRONMENT);
        let made = of_environment(of_parts)?;
        match artifact::plan_folder(&folder, &environment::FILES, &made, config.overwrite)? {
            Plan::AlreadyDone => Ok(done),
            Plan::Write => Ok(Plan::Write),
        }
    };
    let of_environment_too = environment::FILES.map(|name| format!("{ENVIRONMENT}/{name}"));
    let own = Layout::OWN.into_iter();
    let own: Vec<&str> = own
        .chain(of_environment_too.iter().map(String::as_str))
        .chain(["environment/manifest.json"])
        .collect();
    let Some(staged) = folder::stage(&config.out, &own, plan)? else {
        return Ok(());
    };

    let world = World::new(config);
    let ids = (
        write::numbered(0..config.users)?,
        write::numbered(0..config.items)?,
    );
    let counts = staged.write(|folder| {
        let (environment, counts) = write::dataset(config, &world, ids, &parts(folder)?)?;
        environment.save_with(
            &folder.join(ENVIRONMENT),
            of_environment(Some(folder))?,
            |path, manifest| write::items(&world, path, manifest),
            |path, manifest| write::users(&world, config.users, path, manifest),
        )?;
        Ok(counts)
    })?;
    terminal::info(&format!(
        "{}: {} users, {} items; {} rows in the log ({:.4} of them likes), {} random ones held out ({:.4})",
        config.out.display(),
        config.users,
        config.items,
        counts.log.rows,
        counts.log.like_rate(),
        counts.held_out.rows,
        counts.held_out.like_rate(),
    ));
    Ok(())
}

fn check(config: &Config) -> Result<()> {
    let none = [
        config.users,
        config.items,
        config.topics,
        config.log_length,
        config.held_out,
    ]
    .contains(&0);
    if none || config.rank == 0 || config.topics as usize > MOST_TOPICS {
        return Err(Error::usage(format!(
            "all sizes must be 1 or more, and topics {MOST_TOPICS} at most"
        )));
    }
    let a_user = u64::from(config.log_length) + u64::from(config.held_out);
    if 2 * a_user > u64::from(config.items) {
        return Err(Error::usage(format!(
            "{a_user} of {} items per user is more than half: draws without replacement would take too long",
            config.items
        ))
        .hint("lower --log-length or --held-out, or raise --items"));
    }
    Ok(())
}
