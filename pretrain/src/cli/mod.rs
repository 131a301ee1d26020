//! The command line: raw arguments, turned into what a library function takes. One verb a file.

mod bench;
mod estimate;
mod evaluate;
mod extend;
mod forecast;
mod gate;
mod grid;
mod hyper;
mod later;
mod split;
mod train;

use clap::{Parser, Subcommand};
use common::Result;
use common::shards::{Batch, Task};

/// Trains recommendation policies offline, from a log and from what a language model said about users and items, and
/// proves them before they meet users
#[derive(Parser)]
#[command(name = "pretrain", version)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    #[command(flatten)]
    Batch(Batch<Job>),
    /// Add items to a trained policy, without training it again
    ///
    /// A new item comes where its traits say, by a regression from the known items' traits to their trained embeddings and
    /// biases. All else stays as it is.
    ///
    /// Example:
    ///
    ///   pretrain extend --policy policies/bc/seed-0 --items new-catalogue.parquet --profiles profiles.parquet \
    ///     --out policies/bc-extended
    #[command(verbatim_doc_comment)]
    Extend(extend::ExtendArguments),
    /// Estimate what a policy would earn, from logged rounds or slates in any Parquet table
    ///
    /// Neither a policy of Headstart's nor a catalogue is needed: a row is a round, with what it earned, the probability with
    /// which the logging policy chose what it did, and the probability with which the target policy would have chosen the
    /// same. Flags name the columns. That gives IPS and SNIPS; columns of a reward model give DM, DR and SWITCH too, one of
    /// categories MIPS, which weighs categories in place of actions. With --slate rows are the items of slates, and values
    /// are of a slate: SIPS assumes nothing, RIPS and cascade-DR (with a reward model) that the reward of an item does not
    /// depend on those below it, IIPS (with probabilities by position) that it depends on no other item; SNSIPS, SNRIPS and
    /// SNIIPS are self-normalised. What is left out for want of a column is said.
    ///
    /// All come with intervals over clusters, such as users; n is the effective sample size. Exit code 3: the log has no
    /// evidence, because nothing of what was logged would have been chosen.
    ///
    /// Examples:
    ///
    ///   pretrain estimate --log rounds.parquet
    ///
    ///   pretrain estimate --log 'clicks/day=*/*.parquet' --reward click --propensity propensity_score \
    ///     --target-propensity mine --category department --cluster shopper --out metrics.parquet
    ///
    ///   pretrain estimate --log events.parquet --slate request_id --reward feedback --target-propensity mine
    #[command(verbatim_doc_comment)]
    Estimate(Box<estimate::EstimateArguments>),
    /// Ask whether a language model's traits would help on a log of this size: exit code 0 for yes, 3 for no or not to be told
    ///
    /// The log's interactions are dealt into folds, and each is held out once. What is left trains the appeal model with the
    /// traits, with the same traits handed to the wrong items, and without any; the most popular items stand beside them. Yes
    /// means that the held-out likes are ranked earlier with the traits than without, and than with the shuffled ones, both
    /// clear of 0 with users as clusters. No means that even the upper bound of the gain is at most a fiftieth.
    ///
    /// Example, for minutes of the model's time:
    ///
    ///   profiler traits --model model.gguf --items data/log/items.parquet --domain film --out profiles.parquet
    ///
    ///   pretrain forecast --log data/log --profiles profiles.parquet
    #[command(verbatim_doc_comment)]
    Forecast(forecast::ForecastArguments),
    /// Ask whether a policy is better than a reference on a held-out log: exit code 0 for yes, 3 for no
    ///
    /// Yes means: the lower bound of the paired difference, over the same interactions and with users as clusters, is above
    /// --margin, and the effective sample size of both policies is at least --min-effective. The verdict and its reasons
    /// are printed on stdout. Exit codes 1, 2 and 42 are failures and no verdict, as everywhere.
    ///
    /// Examples:
    ///
    ///   pretrain gate --policy policies/new/seed-0 --reference policies/old/seed-0 --log later.parquet --estimator dr
    ///
    ///   pretrain gate --policy policies/new/seed-0 --reference policies/old/seed-0 --log later.parquet \
    ///     --estimator recall@10 --margin -0.01 --format json
    #[command(verbatim_doc_comment)]
    Gate(Box<gate::GateArguments>),
    /// Measure how fast policies are trained
    ///
    /// Transitions a second of A2C with a GRU on the log, of behaviour cloning and A2C by sampled
    /// softmax over a made-up catalogue of a million items, the peak memory of each, and how well
    /// eight runs share the workers. The machine should be idle otherwise. Tables go to stdout.
    ///
    /// Examples:
    ///
    ///   pretrain bench --log data/log --out bench.json
    ///
    ///   pretrain bench --log data/log --only scaling --workers 2
    #[command(verbatim_doc_comment)]
    Bench(Box<bench::BenchArguments>),
    /// Measure the task on the standard input: how `bench` calls itself
    #[command(hide = true)]
    BenchTask,
    /// Split a log in two, one part to learn from and one to measure with
    ///
    /// Writes OUT/log (interactions.parquet and, where there is a catalogue, items.parquet), which `pretrain train` and
    /// `profiler states` take as their --log, and OUT/held-out.parquet. Both are logs of the usual format and keep the order
    /// of rows.
    ///
    /// Examples:
    ///
    ///   pretrain split --log data/log --last 1 --out split
    ///
    ///   pretrain split --log data/log --fraction 0.2 --withhold-items 0.1 --out split-cold
    ///
    ///   pretrain split --log clicks.parquet --like-threshold 1 --before 2026-01-31 --out split
    #[command(verbatim_doc_comment)]
    Split(split::SplitArguments),
}

/// What can be done in shards.
#[derive(Subcommand)]
enum Job {
    /// Train one policy per seed
    ///
    /// Each policy is a folder OUT/seed-S that `online agent --policy` serves and adapts: weights, catalogue, users'
    /// last states, manifest, and metrics.parquet with the training curve. Policies that are there already are kept.
    ///
    /// Examples:
    ///
    ///   pretrain train --method bc --log data/log --states states.parquet --profiles profiles.parquet --out policies/bc
    ///
    ///   pretrain train --method ialp --log data/log --states states.parquet --profiles profiles.parquet \
    ///     --traits shuffled --out policies/ialp-control
    ///
    ///   pretrain train --method bc --log clicks.parquet --like-threshold 1 --traits none --out policies/bc
    #[command(verbatim_doc_comment)]
    Train(Box<train::TrainArguments>),
    /// Train many policies from one plan: methods, log fractions and hyper-parameters side by side
    ///
    /// Every run of the plan is a `train` with flags of its own; the policies of all runs are jobs that share the workers.
    /// Runs that are done are kept, runs that were stopped go on.
    ///
    /// A plan:
    ///
    ///   log = "data/log"
    ///   profiles = "profiles.parquet"
    ///   states = "states.parquet"
    ///   seeds = 5
    ///   [run.bc-1]
    ///   method = "bc"
    ///   log-fraction = 0.01
    ///   [run.ialp-log-1]
    ///   method = "ialp-log"
    ///   log-fraction = 0.01
    ///
    /// Example:
    ///
    ///   pretrain grid --plan plan.toml --out policies
    #[command(verbatim_doc_comment)]
    Grid(Box<grid::GridArguments>),
    /// Measure policies on a held-out log: ranking metrics, and off-policy estimates of their value
    ///
    /// Each user starts as the policy knows it (history, consumed items, traits; one that it does not know starts empty)
    /// and moves on through the held-out interactions in time. Recall, NDCG, MRR and hit at each k are over the full
    /// catalogue, without sampled negatives, as RecBole defines them; ties count against the policy. IPS, SNIPS, DM, DR
    /// and SWITCH estimate what the policy would earn a step in the states of the log, and so does MIPS where no propensity is
    /// logged and the catalogue has categories; `logged` is what was earned. All come with intervals over users; n is the
    /// number of lists, or the effective sample size.
    ///
    /// Examples:
    ///
    ///   pretrain evaluate --policy policies/bc/seed-0 --log later.parquet
    ///
    ///   pretrain evaluate --policy new=policies/new/seed-0 --policy old=policies/old/seed-0 --log later.parquet \
    ///     --behaviour policies/bc/seed-0 --out metrics.parquet
    #[command(verbatim_doc_comment)]
    Evaluate(Box<evaluate::EvaluateArguments>),
}

impl Job {
    fn run(self, task: Task) -> Result<()> {
        match self {
            Job::Train(arguments) => arguments.run(task),
            Job::Grid(arguments) => arguments.run(task),
            Job::Evaluate(arguments) => arguments.run(task),
        }
    }
}

/// Runs what the arguments say.
///
/// # Errors
/// As the verb's own.
pub fn run(arguments: Arguments) -> Result<()> {
    match arguments.verb {
        Verb::Batch(batch) => {
            let (task, job) = batch.split();
            job.run(task)
        }
        Verb::Extend(arguments) => arguments.run(),
        Verb::Estimate(arguments) => arguments.run(),
        Verb::Forecast(arguments) => arguments.run(),
        Verb::Gate(arguments) => arguments.run(),
        Verb::Bench(arguments) => arguments.run(),
        Verb::BenchTask => crate::bench::run_task(),
        Verb::Split(arguments) => arguments.run(),
    }
}
