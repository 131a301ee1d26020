//! The arguments of a verb whose job can be cut into shards.

use std::path::PathBuf;

use super::{Shard, Sharding, Task};
use crate::{Error, Result};

/// Arguments of a verb whose job can be cut into shards. Flatten it into the verb's arguments.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "One job on many machines")]
pub struct ShardArguments {
    /// Work one shard: I/N, with I from 0 on, or `auto`: I and N are what started the process says, by JOB_COMPLETION_INDEX and
    /// JOB_COMPLETION_COUNT, SLURM_ARRAY_TASK_ID (_MIN, _COUNT), or HEADSTART_SHARD=I/N. `merge`, with the same arguments, puts
    /// the parts together when all are there, to the bytes that one process writes
    #[arg(long, value_name = "I/N|auto")]
    shard: Option<String>,
    /// Where the parts are kept: a folder or a URL that all processes see [default: OUT.parts]
    #[arg(long, value_name = "PLACE")]
    parts: Option<PathBuf>,
    /// Do not ask an object store first whether it keeps of two who create one object the first, as a commit needs
    #[arg(long)]
    trust_store: bool,
}

impl ShardArguments {
    /// What this process is to do; `task` is what the word before the verb asked for.
    ///
    /// # Errors
    /// Wrong usage: no shard, half of what `auto` needs, --shard beside `plan` or `merge`, --parts without a shard.
    pub fn resolve(self, task: Task) -> Result<Sharding> {
        let task = match (self.shard, task) {
            (None, task) => task,
            (Some(text), Task::Whole) => Task::Shard(match text.as_str() {
                "auto" => auto(|name| std::env::var(name).ok())?,
                text => Shard::parse(text).map_err(|e| e.at("--shard"))?,
            }),
            (Some(_), _) => {
                return Err(Error::usage("`plan` and `merge` are about all shards").hint("leave --shard out"));
            }
        };
        if task == Task::Whole && self.parts.is_some() {
            return Err(
                Error::usage("--parts is for jobs in shards").hint("pass --shard too, or leave --parts out")
            );
        }
        Ok(Sharding {
            task,
            parts: self.parts,
            trusted: self.trust_store,
        })
    }
}

/// The verbs `V` whose jobs can be cut into shards, and the words that stand before them then.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Batch<V: clap::Subcommand> {
    /// The verb itself.
    #[command(flatten)]
    Verb(V),
    /// Cut a job into shards: write the plan among its parts, and print it
    ///
    /// Example: `plan --shards 16 VERB ARGUMENTS`, with the arguments that each shard gets. It may be left out: the first shard
    /// that begins writes the same plan.
    Plan(PlanArguments<V>),
    /// Put together the parts of a job that was done in shards
    ///
    /// Example: `merge VERB ARGUMENTS`, with the arguments that each shard got. Exit code 1 where shards are not done yet: it names
    /// them.
    Merge(MergeArguments<V>),
}

/// `plan`.
#[derive(clap::Args, Clone, Debug)]
pub struct PlanArguments<V: clap::Subcommand> {
    /// How many shards
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    shards: u32,
    #[command(subcommand)]
    verb: V,
}

/// `merge`.
#[derive(clap::Args, Clone, Debug)]
pub struct MergeArguments<V: clap::Subcommand> {
    /// Remove the parts once the output stands, and what stopped processes left among them
    #[arg(long)]
    clean: bool,
    #[command(subcommand)]
    verb: V,
}

impl<V: clap::Subcommand> Batch<V> {
    /// What is to be done, and of which verb.
    pub fn split(self) -> (Task, V) {
        match self {
            Batch::Verb(verb) => (Task::Whole, verb),
            Batch::Plan(PlanArguments { shards, verb }) => (Task::Plan { shards }, verb),
            Batch::Merge(MergeArguments { clean, verb }) => (Task::Merge { clean }, verb),
        }
    }
}

/// The shard that `variable` tells.
fn auto(variable: impl Fn(&str) -> Option<String>) -> Result<Shard> {
    let number = |name: &str| {
        let parse = |text: String| {
            let wrong = |_| Error::usage(format!("{name}={text} is no number"));
            text.trim().parse::<u32>().map_err(wrong)
        };
        variable(name).map(parse).transpose()
    };
    let pair = |index: &str, count: &str| match (number(index)?, number(count)?) {
        (None, None) => Ok(None),
        (Some(index), Some(count)) => Ok(Some((index, count))),
        (found, _) => Err(half(match found {
            Some(_) => [index, count],
            None => [count, index],
        })),
    };
    let job = pair("JOB_COMPLETION_INDEX", "JOB_COMPLETION_COUNT")?;
    let slurm = pair("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT")?;
    let named = variable("HEADSTART_SHARD")
        .map(|text| Shard::parse(&text))
        .transpose();
    let named = named.map_err(|e| e.at("HEADSTART_SHARD"))?;
    let slurm = match slurm {
        None => None,
        Some((id, count)) => {
            // Tasks are numbered as the user of sbatch likes: --array=5-20:5.
            let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
            let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
            Some((id.saturating_sub(first) / step, count))
        }
    };
    let told: Vec<Shard> = [job, slurm]
        .into_iter()
        .flatten()
        .map(|(index, count)| Shard::parse(&format!("{index}/{count}")))
        .chain(named.map(Ok))
        .collect::<Result<_>>()?;
    match told.as_slice() {
        [] => Err(Error::usage("--shard auto, and nothing says which shard this is").hint(
            "set HEADSTART_SHARD=I/N, or run as an indexed Kubernetes job with JOB_COMPLETION_COUNT or as a Slurm array",
        )),
        [first, others @ ..] if others.iter().all(|other| other == first) => Ok(*first),
        _ => Err(Error::usage("--shard auto, and the environment names several shards")
            .hint("unset what is not meant of JOB_COMPLETION_INDEX, SLURM_ARRAY_TASK_ID and HEADSTART_SHARD")),
    }
}

fn half([found, missing]: [&str; 2]) -> Error {
    Error::usage(format!("--shard auto: {found} is set and {missing} is not")).hint("set both, or neither")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto_of(variables: &[(&str, &str)]) -> Result<Shard> {
        auto(|name| {
            let found = variables.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_string())
        })
    }

    #[test]
    fn auto_knows_what_starts_jobs() {
        let shard = Shard { index: 3, count: 4 };
        for variables in [
            &[("JOB_COMPLETION_INDEX", "3"), ("JOB_COMPLETION_COUNT", "4")][..],
            &[("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "4")],
            &[
                ("SLURM_ARRAY_TASK_ID", "20"),
                ("SLURM_ARRAY_TASK_COUNT", "4"),
                ("SLURM_ARRAY_TASK_MIN", "5"),
                ("SLURM_ARRAY_TASK_STEP", "5"),
            ],
            &[("HEADSTART_SHARD", "3/4")],
        ] {
            assert_eq!(auto_of(variables).unwrap(), shard);
        }
    }

    #[test]
    fn half_a_configuration_is_an_error() {
        for variables in [
            &[][..],
            &[("JOB_COMPLETION_INDEX", "3")],
            &[("SLURM_ARRAY_TASK_COUNT", "3")],
            &[("JOB_COMPLETION_INDEX", "x"), ("JOB_COMPLETION_COUNT", "4")],
            &[("JOB_COMPLETION_INDEX", "4"), ("JOB_COMPLETION_COUNT", "4")],
            &[
                ("JOB_COMPLETION_INDEX", "1"),
                ("JOB_COMPLETION_COUNT", "4"),
                ("HEADSTART_SHARD", "2/4"),
            ],
        ] {
            assert_eq!(auto_of(variables).unwrap_err().class().code(), 2, "{variables:?}");
        }
    }
}
