//! The command line: raw arguments, turned into what a library function takes. One verb a file.

mod hyper;
mod split;
mod train;

use clap::{Parser, Subcommand};
use common::Result;

/// Trains recommendation policies offline, from a log and from what a language model said about users and items
#[derive(Parser)]
#[command(name = "pretrain", version)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Train one policy a seed
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

/// Runs what the arguments say.
///
/// # Errors
/// As the verb's own.
pub fn run(arguments: Arguments) -> Result<()> {
    match arguments.verb {
        Verb::Train(arguments) => arguments.run(),
        Verb::Split(arguments) => arguments.run(),
    }
}
