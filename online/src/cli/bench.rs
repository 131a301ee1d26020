//! `online bench`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use common::cli::{Shared, fraction, seconds};
use common::{Error, Result};

use super::learning::LearningArguments;
use crate::adapt::Name;
use crate::bench::{self, BatchConfig, IndexConfig, JournalConfig, PairsConfig, Sizes};
use crate::live::Settings;
use crate::load::{self, Server};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// The HTTP service under load, on this machine: replies per second, their latencies, the server's memory
    Http(Http),
    /// Recommendations with their feedback, in process, on one core
    Pairs(Pairs),
    /// Feedback that is on disk before it is acknowledged, by how many wait at once, and the recovery of it
    Journal(Journal),
    /// Recommendations to many users at once, as `online recommend` makes them
    Batch(Batch),
    /// Scans of a large catalogue: their time, and how far coarse scores are from exact ones
    Index(Index),
}

#[derive(Args, Debug)]
#[command(next_help_heading = "The made-up policy")]
struct Made {
    /// Items in the catalogue
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=50_000_000))]
    items: u32,
    /// Dimensions of an embedding, and hidden units of the encoder
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    dims: u32,
    /// Users known
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    users: u32,
}

impl Made {
    fn sizes(&self) -> Sizes {
        Sizes {
            items: self.items as usize,
            dims: self.dims as usize,
            users: self.users as usize,
        }
    }
}

#[derive(Args, Debug)]
struct Pairs {
    /// How to act and learn
    #[arg(long, value_enum, default_value_t = Name::Adapter)]
    strategy: Name,
    /// Length of one run
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    seconds: Duration,
    /// Runs; their median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    /// Interactions of users who are measured beside each other, on a catalogue of at least twice as many items; without a
    /// number they are left out
    #[arg(long, value_name = "N,...", value_delimiter = ',', num_args = 0.., default_value = "10,10000",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    histories: Vec<u32>,
    #[command(flatten)]
    learning: LearningArguments,
    #[command(flatten)]
    made: Made,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Args, Debug)]
struct Batch {
    /// Items for each user
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    k: u32,
    /// Runs; their median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    #[command(flatten)]
    made: Made,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Args, Debug)]
struct Journal {
    /// A folder on the disk to measure; one is made in it and removed
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// How to act and learn
    #[arg(long, value_enum, default_value_t = Name::Adapter)]
    strategy: Name,
    /// Length of one run
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    seconds: Duration,
    /// How many wait at the same time, one run each
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1,8,64",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    writers: Vec<u32>,
    #[command(flatten)]
    made: Made,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Args, Debug)]
struct Index {
    /// Measure on this policy and its users, not on one that is made up
    #[arg(long, value_name = "DIR")]
    policy: Option<PathBuf>,
    /// Users asked
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    asked: u32,
    /// Items of the made-up policy
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(2..=50_000_000))]
    items: u32,
    /// Dimensions of the made-up policy
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    dims: u32,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Args, Debug)]
struct Http {
    /// Load the server that listens here
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with_all = ["folder", "policy", "serve"])]
    address: Option<SocketAddr>,
    /// Start a server that keeps its state in this folder, which is made, on the disk that is to be measured
    #[arg(long, value_name = "DIR", required_unless_present = "address")]
    folder: Option<PathBuf>,
    /// Serve this policy, not one that is made up
    #[arg(long, value_name = "DIR")]
    policy: Option<PathBuf>,
    /// How the server acts and learns
    #[arg(long, value_enum, default_value_t = Name::Adapter)]
    strategy: Name,
    /// Further options of `online serve`, after `--`
    #[arg(last = true, value_name = "OPTION")]
    serve: Vec<String>,
    /// Open connections, each with one request at a time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// How long it is loaded before anything is measured: until it remembers as many decisions as it may
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    warm_up: Duration,
    /// How long the measurement takes
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    seconds: Duration,
    /// The probability that a recommendation gets feedback, some requests later
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = fraction::<f32>)]
    feedback: f32,
    /// Items of a slate
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    k: u32,
    #[command(flatten)]
    made: Made,
    #[command(flatten)]
    shared: Shared,
}

impl Http {
    fn resolve(self) -> Result<load::Config> {
        let seed = self.shared.seed;
        let server = match (self.address, self.folder) {
            (Some(address), _) => Server::Running(address),
            (None, Some(folder)) => {
                let policy = match self.policy {
                    Some(policy) => policy,
                    None => {
                        let policy = folder.join("policy");
                        bench::made_up(self.made.sizes(), seed)?.save(&policy)?;
                        policy
                    }
                };
                let strategy = self.strategy.to_possible_value();
                let strategy = strategy.map_or_else(String::new, |name| name.get_name().to_string());
                let workers = self.shared.workers().to_string();
                let mut arguments: Vec<OsString> = Vec::new();
                for (flag, value) in [
                    ("--policy", policy.into_os_string()),
                    ("--state", folder.join("state").into_os_string()),
                    ("--strategy", strategy.into()),
                    ("--seed", seed.to_string().into()),
                    ("--workers", workers.into()),
                ] {
                    arguments.extend([flag.into(), value]);
                }
                arguments.extend(self.serve.into_iter().map(OsString::from));
                Server::Child(arguments)
            }
            (None, None) => return Err(Error::usage("--address or --folder is needed")),
        };
        Ok(load::Config {
            server,
            connections: self.connections,
            warm_up: self.warm_up,
            time: self.seconds,
            feedback: f64::from(self.feedback),
            users: self.made.users,
            k: self.k,
            seed,
        })
    }
}

impl Arguments {
    pub(super) fn run(self) -> Result<()> {
        match self.what {
            What::Http(http) => {
                http.shared.init_terminal();
                load::run(&http.resolve()?)
            }
            What::Pairs(pairs) => {
                pairs.shared.init_terminal();
                bench::pairs(&PairsConfig {
                    sizes: pairs.made.sizes(),
                    settings: pairs.learning.settings(pairs.strategy, pairs.shared.seed),
                    time: pairs.seconds,
                    runs: pairs.runs as usize,
                    lengths: pairs.histories.iter().map(|&n| n as usize).collect(),
                })
            }
            What::Batch(batch) => {
                batch.shared.init_terminal();
                bench::batch(&BatchConfig {
                    sizes: batch.made.sizes(),
                    k: batch.k as usize,
                    runs: batch.runs as usize,
                    workers: batch.shared.workers(),
                    seed: batch.shared.seed,
                })
            }
            What::Journal(journal) => {
                journal.shared.init_terminal();
                bench::journal(&JournalConfig {
                    sizes: journal.made.sizes(),
                    settings: Settings::new(journal.strategy, journal.shared.seed),
                    folder: journal.folder,
                    time: journal.seconds,
                    writers: journal.writers.iter().map(|&n| n as usize).collect(),
                    workers: journal.shared.workers(),
                })
            }
            What::Index(index) => {
                index.shared.init_terminal();
                bench::index(&IndexConfig {
                    policy: index.policy,
                    sizes: Sizes {
                        items: index.items as usize,
                        dims: index.dims as usize,
                        users: index.asked as usize,
                    },
                    seed: index.shared.seed,
                })
            }
        }
    }
}
