//! The command line: raw arguments, turned into the configurations that the library's functions take.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use common::cli::Shared;
use common::{Error, Result};

use crate::environment::rules::{Rule, Rules};
use crate::import::args::Import;
use crate::user_model::cells::PARTS;
use crate::user_model::fit;
use crate::user_model::train::Procedure;
use crate::{drive, environment, fidelity, report};

const EXAMPLES: &str = "\
Examples:
  simulator import movielens --input ml-100k --out data
  simulator fit --data data --out environment
  simulator fidelity --data data --environment environment --out metrics/fidelity.parquet
  simulator run --environment environment --method ialp \\
    --agent \"online agent --policy policies/ialp/seed-{seed} --strategy frozen --seed {seed}\" \\
    --out metrics/ialp.parquet
  simulator report --metrics metrics --out report.html

Exit codes: 0 done (or done already), 1 failed and a retry may help, 2 wrong usage, 42 bad data.";

/// Recommendation environments made from real data, and the yardstick for policies that act in them.
///
/// The usual order: import a dataset, fit an environment on it, look at its fidelity, run agents in it, report.
#[derive(Debug, Parser)]
#[command(name = "simulator", version, max_term_width = 110, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Turn a dataset's published files into log, items, users, and held-out truth
    Import(Import),
    /// Fit the user model of an imported dataset: the environment
    ///
    /// The model is fit on the log and five sevenths of all other user-item pairs; one seventh serves to choose
    /// penalties and to calibrate, and the last is left for `simulator fidelity`. Where unrated pairs say nothing
    /// (answers to items shown at random), pairs means held-out ratings. Writes manifest.json, user_model.safetensors,
    /// items.parquet, users.parquet, and choice.json with the penalties tried and chosen.
    Fit(Fit),
    /// Measure an environment against held-out pairs that its fit did not see
    ///
    /// Prints AUC against popularity's, calibration, like-rates, and the returns of the best, the most popular and
    /// random items, with 95 % intervals over users, and whether they pass the bars.
    Fidelity(Fidelity),
    /// Play episodes against an agent process and write metrics
    ///
    /// Every item recommended is taken up and liked (reward 1) or not (0); one of the user's log, or shown before
    /// in the episode, gives 0. The metrics hold the learning curve, the first and the last tenth and the mean, each
    /// from drawn rewards and from their expectations, and the regret. They do not depend on --workers.
    Run(Run),
    /// Show metrics as a table and as a page with learning curves
    Report(report::Args),
}

#[derive(Debug, Args)]
struct Fit {
    /// Folder of the imported dataset, with log/ and truth/ inside
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder to write the environment into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Length of the vectors of users and items
    #[arg(long, value_name = "N", default_value_t = fit::Config::default().rank, value_parser = rank)]
    rank: usize,
    /// Passes over the data
    #[arg(long, value_name = "N", default_value_t = fit::Config::default().epochs, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    epochs: u64,
    /// Take the default penalties instead of choosing them by log loss on the calibration fold (some nine fits more)
    #[arg(long)]
    default_penalties: bool,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Rules of an episode")]
struct RuleArgs {
    /// When an episode ends
    #[arg(long, value_enum, default_value_t)]
    rule: Rule,
    /// Most steps of an episode [default: 10 under `fixed`, 30 under `leave`]
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    horizon: Option<u32>,
    /// Under `leave`: the user leaves after so many items in a row without a like [default: 5]
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    patience: Option<u32>,
}

#[derive(Debug, Args)]
struct Fidelity {
    /// Folder of the imported dataset that the environment was fit on
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder of the environment
    #[arg(long, value_name = "DIR")]
    environment: PathBuf,
    /// Metrics file to write as well; the table goes to stdout in any case
    #[arg(long, value_name = "FILE.parquet")]
    out: Option<PathBuf>,
    /// How many of the seven parts of the held-out pairs to measure, each with a model that did not see it: 1 is the
    /// environment's own test fold, each further one takes a fit [default: 7 for fewer than 7,000 held-out likes,
    /// else 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(PARTS)))]
    folds: Option<u32>,
    /// Bootstrap samples of the users behind the 95 % intervals
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    resamples: u32,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
struct Run {
    /// Folder of the environment
    #[arg(long, value_name = "DIR")]
    environment: PathBuf,
    /// The method's name in metrics and report
    #[arg(long, value_name = "NAME")]
    method: String,
    /// The agent's command, in quotes; {seed} stands for the seed. It speaks step frames on stdin and stdout
    #[arg(long, value_name = "COMMAND")]
    agent: String,
    /// How many seeds: --seed and those after it, one agent process each; --workers of them run at once
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// Episodes of each seed
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    episodes: u64,
    /// Environments stepped together; they share the episodes in turn (environment m plays episodes m, m + N, ...)
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    envs: u32,
    /// Metrics file to write
    #[arg(long, value_name = "FILE.parquet")]
    out: PathBuf,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    shared: Shared,
}

fn rank(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(rank) if (1..=4096).contains(&rank) => Ok(rank),
        _ => Err("a whole number from 1 to 4096 is wanted".into()),
    }
}

impl RuleArgs {
    fn resolve(&self) -> Result<Rules> {
        if self.rule == Rule::Fixed && self.patience.is_some() {
            return Err(
                Error::usage("--patience has no meaning under the rule `fixed`").hint("add --rule leave")
            );
        }
        Ok(Rules::new(self.rule, self.horizon, self.patience))
    }
}

/// Runs the verb.
///
/// # Errors
/// Those of the verb.
pub fn run(cli: Cli) -> Result<()> {
    match cli.verb {
        Verb::Import(args) => with(args.shared(), || args.run()),
        Verb::Fit(args) => with(&args.shared, || {
            environment::build::run(&environment::build::Config {
                data: args.data.clone(),
                out: args.out.clone(),
                user_model: Procedure {
                    start: fit::Config {
                        rank: args.rank,
                        epochs: args.epochs,
                        ..fit::Config::default()
                    },
                    choose: !args.default_penalties,
                },
                seed: args.shared.seed,
                overwrite: args.shared.overwrite,
            })
        }),
        Verb::Fidelity(args) => with(&args.shared, || {
            fidelity::run(&fidelity::Config {
                data: args.data.clone(),
                environment: args.environment.clone(),
                out: args.out.clone(),
                rules: args.rules.resolve()?,
                folds: args.folds,
                resamples: args.resamples,
                seed: args.shared.seed,
                overwrite: args.shared.overwrite,
            })
        }),
        Verb::Run(args) => with(&args.shared, || {
            drive::run(&drive::Config {
                environment: args.environment.clone(),
                method: args.method.clone(),
                agent: args.agent.clone(),
                seed: args.shared.seed,
                seeds: args.seeds,
                episodes: args.episodes,
                envs: args.envs,
                rules: args.rules.resolve()?,
                out: args.out.clone(),
                overwrite: args.shared.overwrite,
            })
        }),
        Verb::Report(args) => report::run(args),
    }
}

/// Sets up the terminal and the pool of workers, then runs `verb` in it.
fn with(shared: &Shared, verb: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    shared.init_terminal();
    rayon::ThreadPoolBuilder::new()
        .num_threads(shared.workers())
        .build()
        .map_err(|e| Error::retry(format!("cannot start {} workers: {e}", shared.workers())))?
        .install(verb)
}
