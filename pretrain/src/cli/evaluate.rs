//! `pretrain evaluate`.

use std::path::PathBuf;

use clap::Args;
use common::Result;
use common::cli::{Shared, count};
use common::groups::By;
use common::shards::{ShardArguments, Task};

use super::later::LaterArguments;
use crate::evaluate::{self, EvaluateConfig, Format, Named};

#[derive(Args)]
pub(super) struct EvaluateArguments {
    /// A policy's folder, as `pretrain train` writes it; may be given again. NAME is what tables call it [default: its
    /// method]
    #[arg(long = "policy", value_name = "[NAME=]DIR", required = true, value_parser = named)]
    policies: Vec<Named>,
    #[command(flatten)]
    later: LaterArguments,
    /// Lengths of the lists that are measured
    #[arg(long = "k", value_name = "K,...", value_delimiter = ',', default_value = "5,10,20", value_parser = count)]
    cuts: Vec<usize>,
    /// Measure the lists of groups of users by themselves too, and beside those of all others: by these attributes of --users, such
    /// as `gender,age`; values of fewer than 20 users are left out
    #[arg(long, value_name = "ATTRIBUTE,...", value_delimiter = ',', requires = "users")]
    by: Vec<String>,
    /// Users with their attributes, for --by: a Parquet file (user_id, attributes)
    #[arg(long, value_name = "FILE", requires = "by")]
    users: Option<PathBuf>,
    /// The form of the table on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Also write the numbers to this Parquet file, in the columns that `simulator report` reads
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    shards: ShardArguments,
    #[command(flatten)]
    shared: Shared,
}

fn named(text: &str) -> Result<Named, String> {
    match text.split_once('=') {
        Some(("", _)) => Err("the name before `=` is empty".into()),
        Some((name, folder)) if !name.contains('/') => Ok(Named {
            name: Some(name.into()),
            folder: folder.into(),
        }),
        _ => Ok(Named {
            name: None,
            folder: text.into(),
        }),
    }
}

impl EvaluateArguments {
    pub(super) fn run(self, task: Task) -> Result<()> {
        self.shared.init_terminal();
        let sharding = self.shards.resolve(task)?;
        let (evidence, settings) = self.later.resolve()?;
        evaluate::run(&EvaluateConfig {
            policies: self.policies,
            evidence,
            settings,
            cuts: self.cuts,
            by: self.users.map(|users| By {
                users,
                attributes: self.by,
            }),
            format: self.format,
            out: self.out,
            overwrite: self.shared.overwrite,
            workers: self.shared.workers(),
            sharding,
        })
    }
}
