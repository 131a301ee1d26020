//! The command line: raw arguments, turned into the configurations that the library's functions take.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand};
use common::cli::{Shared, seconds};
use common::shards::{Batch, ShardArguments, Task};
use common::{Error, Result, terminal};

use crate::environment::args::RuleArgs;
use crate::import::args::Import;
use crate::user_model::cells::PARTS;
use crate::user_model::fit;
use crate::user_model::train::Procedure;
use crate::{bench, drive, environment, fidelity, random_agent, report, serve};

const EXAMPLES: &str = "\
Examples:
  simulator import movielens --input ml-100k --out data
  simulator fit --data data --out environment
  simulator fidelity --data data --environment environment --out metrics/fidelity.parquet
  simulator run --environment environment --method ialp \\
    --agent \"online agent --policy policies/ialp/seed-{seed} --strategy frozen --seed {seed}\" \\
    --out metrics/ialp.parquet
  simulator report --metrics metrics --out report.html
  simulator serve --environment environment --envs 64 --socket /tmp/environment.socket
  simulator bench --environment environment

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
    #[command(flatten)]
    Batch(Batch<Job>),
    /// Show metrics as a table and as a page with learning curves
    Report(report::Args),
    /// Let a learner train in an environment: step frames on stdin and stdout, or on a Unix socket
    ///
    /// The environment's end of the protocol of `run --agent`: it writes requests and reads replies, until the other
    /// side closes its stream. Nothing is measured. simulator/python has a client with Gymnasium's vector API. On a
    /// socket every client gets the same environments from their start; end the process to end the service.
    Serve(Serve),
    /// Answer step frames on stdin and stdout with items drawn uniformly: the simplest agent
    RandomAgent(RandomAgent),
    /// Measure environment steps per second: alone, and through step frames
    Bench(Bench),
}

/// What can be done in shards.
#[derive(Debug, Subcommand)]
enum Job {
    /// Play episodes against an agent process and write metrics
    ///
    /// Every item recommended is taken up and liked (reward 1) or not (0); one of the user's log, or shown before
    /// in the episode, gives 0. The metrics hold the learning curve, the first and the last tenth and the mean, each
    /// from drawn rewards and from their expectations, and the regret. They do not depend on --workers.
    ///
    /// Under --rule easyrl4rec the reward is a rating, and episodes and measures are those of the library EasyRL4Rec: return_mean
    /// is its R_cumu, reward_mean its R_avg, coverage its CV, beside length.
    Run(Run),
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
    #[arg(long, value_name = "N", default_value_t = fit::Config::default().rank, value_parser = rank())]
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
    #[arg(
        long,
        value_name = "COMMAND",
        required_unless_present = "socket",
        conflicts_with = "socket"
    )]
    agent: Option<String>,
    /// Instead of starting agents, listen on this Unix socket: the agents connect, one for each seed in turn
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Give an agent up that takes longer to connect, or to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    agent_timeout: u64,
    /// How many seeds: --seed and those after it, one agent process each; --workers of them run at once
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// Episodes of each seed
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    episodes: u64,
    /// Environments stepped together; they share the episodes in turn (environment m plays episodes m, m + N, ...)
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    envs: u32,
    /// Tell groups of users apart too, each beside all others: by these attributes of the environment's users, such as
    /// `gender,age`; values of fewer than 20 users are left out
    #[arg(long, value_name = "ATTRIBUTE,...", value_delimiter = ',')]
    by: Vec<String>,
    /// Metrics file to write
    #[arg(long, value_name = "FILE.parquet")]
    out: PathBuf,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    shards: ShardArguments,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
struct Serve {
    /// Folder of the environment
    #[arg(long, value_name = "DIR")]
    environment: PathBuf,
    /// Environments stepped together
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    envs: u32,
    /// Listen on this Unix socket instead of using stdin and stdout
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
struct RandomAgent {
    /// The catalogue: items.parquet of the environment, or of the import that it was fit on
    #[arg(long, value_name = "FILE.parquet")]
    items: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
struct Bench {
    /// Folder of the environment
    #[arg(long, value_name = "DIR")]
    environment: PathBuf,
    /// Numbers of environments stepped together
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1,32,1024,8192",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    batch: Vec<u32>,
    /// Length of one run
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    seconds: Duration,
    /// Runs of each measurement; their median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    shared: Shared,
}

/// Lengths that vectors may have.
pub(crate) fn rank() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=4096)
}

impl Run {
    fn agents(&self) -> Result<drive::From> {
        match (&self.agent, &self.socket) {
            (Some(line), _) => drive::Command::parse(line).map(drive::From::Command),
            (None, Some(path)) => Ok(drive::From::Socket(path.clone())),
            (None, None) => Err(Error::usage("neither --agent nor --socket is given")),
        }
    }
}

fn batch(task: Task, job: Job) -> Result<()> {
    match job {
        Job::Run(args) => with(&args.shared, || {
            drive::run(&drive::Config {
                environment: args.environment.clone(),
                method: args.method.clone(),
                agent: args.agents()?,
                agent_timeout: Duration::from_secs(args.agent_timeout),
                seed: args.shared.seed,
                seeds: args.seeds,
                episodes: args.episodes,
                envs: args.envs,
                rules: args.rules.resolve()?,
                by: args.by.clone(),
                ratings: args.rules.ratings().map(Into::into),
                out: args.out.clone(),
                overwrite: args.shared.overwrite,
                sharding: args.shards.clone().resolve(task)?,
            })
        }),
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
        Verb::Batch(args) => {
            let (task, job) = args.split();
            batch(task, job)
        }
        Verb::Report(args) => report::run(args),
        Verb::Serve(args) => with(&args.shared, || {
            serve::run(&serve::Config {
                environment: args.environment.clone(),
                envs: args.envs,
                rules: args.rules.resolve()?,
                ratings: args.rules.ratings().map(Into::into),
                seed: args.shared.seed,
                socket: args.socket.clone(),
            })
        }),
        Verb::RandomAgent(args) => with(&args.shared, || {
            let (source, sink) = terminal::frames();
            random_agent::run(&args.items, args.shared.seed, source, sink)
        }),
        Verb::Bench(args) => with(&args.shared, || {
            bench::run(&bench::Config {
                environment: args.environment.clone(),
                rules: args.rules.resolve()?,
                ratings: args.rules.ratings().map(Into::into),
                batches: args.batch.clone(),
                time: args.seconds,
                runs: args.runs as usize,
                seed: args.shared.seed,
                workers: args.shared.workers(),
            })
        }),
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
