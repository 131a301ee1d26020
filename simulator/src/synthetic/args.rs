//! The command line of `simulator import synthetic`.

use std::path::PathBuf;

use clap::Args;
use common::cli::{Shared, inside};

use super::{Config, MOST_TOPICS};
use crate::cli::rank;

#[derive(Debug, Args)]
pub(crate) struct Synthetic {
    /// Folder to write log/, truth/ and environment/ into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many users
    #[arg(long, value_name = "N", default_value_t = Config::default().users, value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    users: u32,
    /// How many items
    #[arg(long, value_name = "N", default_value_t = Config::default().items, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    items: u32,
    /// Length of the vectors of users and items
    #[arg(long, value_name = "N", default_value_t = Config::default().rank, value_parser = rank())]
    rank: usize,
    /// How many topics the items belong to
    #[arg(long, value_name = "N", default_value_t = Config::default().topics, value_parser = clap::value_parser!(u32).range(1..=MOST_TOPICS as i64))]
    topics: u32,
    /// Items that the log shows each user
    #[arg(long, value_name = "N", default_value_t = Config::default().log_length, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    log_length: u32,
    /// Other items of each user, drawn uniformly, that are held out
    #[arg(long, value_name = "N", default_value_t = Config::default().held_out, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    held_out: u32,
    /// Mean probability of a like over all pairs of users and items
    #[arg(long, value_name = "RATE", default_value_t = Config::default().like_rate, value_parser = inside::<f64>)]
    like_rate: f64,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

impl Synthetic {
    /// What to make.
    pub(crate) fn config(&self) -> Config {
        Config {
            out: self.out.clone(),
            users: self.users,
            items: self.items,
            rank: self.rank,
            topics: self.topics,
            log_length: self.log_length,
            held_out: self.held_out,
            like_rate: self.like_rate,
            seed: self.shared.seed,
            overwrite: self.shared.overwrite,
        }
    }
}
