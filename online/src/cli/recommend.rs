//! `online recommend`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::{Shared, count};
use common::shards::{ShardArguments, Task};

use super::source::SourceArguments;
use crate::recommend::{self, RecommendConfig};

#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    /// Whom to recommend to: a table with a column `user_id`. Whom nobody knows gets what a newcomer gets [default: the users of
    /// --states, else of --candidates, else all who are known]
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Histories, as `profiler states` writes them, in place of what is known of these users
    #[arg(long, value_name = "FILE")]
    states: Option<PathBuf>,
    /// Only these may be recommended to each user: columns `user_id` and `candidates`, a list of item ids, as `profiler
    /// candidates` writes them. Who has no list gets nothing
    #[arg(long, value_name = "FILE")]
    candidates: Option<PathBuf>,
    /// Only these may be recommended to anybody: a table with a column `item_id`
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// Pairs that are not recommended: a table with columns `user_id` and `item_id`, such as a log's interactions or what was
    /// recommended before
    #[arg(long, value_name = "FILE")]
    exclude: Option<PathBuf>,
    /// Items for each user
    #[arg(long, default_value = "10", value_name = "N", value_parser = count)]
    k: usize,
    /// Draw the items, as a service does, in place of the best ones; the propensities are those of the draw
    #[arg(long)]
    sample: bool,
    /// Recommend also what a user has had
    #[arg(long)]
    repeats: bool,
    /// Where the recommendations go, a Parquet file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    shards: ShardArguments,
    #[command(flatten)]
    shared: Shared,
}

const AFTER: &str = "\
Examples:

  online recommend --policy policies/appeal/seed-0 --out recommendations.parquet

  online recommend --state state --users today.parquet --k 20 --exclude yesterday.parquet --out today-20.parquet

Columns of OUT: user_id, rank (1 is the first), item_id, score (the item's probability among all that might be
recommended to the user), propensity (of its place, given those above it; 1 without --sample), policy (fingerprint),
because (what the user liked that spoke most for it; empty where that cannot be told).";

impl Arguments {
    pub(super) fn run(self, task: Task) -> Result<()> {
        self.shared.init_terminal();
        let sharding = self.shards.resolve(task)?;
        let source = self.source.source(self.shared.seed)?;
        recommend::recommend(&RecommendConfig {
            source,
            users: self.users,
            states: self.states,
            candidates: self.candidates,
            items: self.items,
            exclude: self.exclude,
            k: self.k,
            greedy: !self.sample,
            repeats: self.repeats,
            out: self.out,
            workers: self.shared.workers(),
            overwrite: self.shared.overwrite,
            sharding,
        })
    }
}
