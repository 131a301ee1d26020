//! Raw arguments, turned into the resolved configurations that library functions take: one file a verb.

mod agent;
mod arm;
mod bench;
mod inspect;
mod learning;
mod recommend;
mod replay;
mod serve;
mod source;

use clap::{Parser, Subcommand};
use common::Result;
use common::shards::{Batch, Task};

/// Recommends by a pre-trained policy and adapts it step by step to what comes back.
#[derive(Parser, Debug)]
#[command(name = "online", version, max_term_width = 100)]
#[command(mut_subcommand("replay", replay::learns_from_events))]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Answer step frames on stdin with recommendations on stdout
    Agent(Box<agent::Arguments>),
    /// Measure speed on this machine
    Bench(bench::Arguments),
    /// Show what the policy would recommend to a user, and what it knows of them
    Inspect(inspect::Arguments),
    #[command(flatten)]
    Batch(Batch<Job>),
    /// Rebuild a live state from its events, or make a new one from any events
    Replay(replay::Arguments),
    /// Serve recommendations and take feedback over HTTP
    Serve(Box<serve::Arguments>),
}

/// What can be done in shards.
#[derive(Subcommand, Debug)]
enum Job {
    /// Recommend to many users at once, into a file
    Recommend(Box<recommend::Arguments>),
}

impl Job {
    fn run(self, task: Task) -> Result<()> {
        match self {
            Job::Recommend(arguments) => arguments.run(task),
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// Those of the verb.
pub fn run(cli: Cli) -> Result<()> {
    match cli.verb {
        Verb::Agent(arguments) => arguments.run(),
        Verb::Bench(arguments) => arguments.run(),
        Verb::Inspect(arguments) => arguments.run(),
        Verb::Batch(batch) => {
            let (task, job) = batch.split();
            job.run(task)
        }
        Verb::Replay(arguments) => arguments.run(),
        Verb::Serve(arguments) => arguments.run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let parse =
            |flag: &str| Cli::try_parse_from(["online", "agent", "--policy=p", "--strategy=ft", flag]);
        assert!(parse("--lr=0.001").is_ok());
        for flag in [
            "--lr=0",
            "--lr=nan",
            "--entropy=-1",
            "--gamma=1.5",
            "--rollout=0",
            "--ap-floor=inf",
            "--gate=0",
            "--gate=1.5",
            "--item-sd=-1",
            "--control=0.6",
            "--gate-alpha=2",
        ] {
            assert!(parse(flag).is_err(), "{flag}");
        }
    }
}
