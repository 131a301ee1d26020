//! The command line of `profiler`: one file a verb, each turning its raw arguments into the configuration of a
//! library function.

mod bench;
mod candidates;
mod eval;
mod groups;
mod inspect;
mod prefer;
mod prepare;
mod refine;
mod states;
mod summarise;
mod traits;
mod vocab;

use clap::{Parser, Subcommand};
use common::Result;
use common::shards::{Batch, Task};

/// From logs to what a language model reads in them: user states, traits of
/// users and items, and what users would prefer.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(flatten)]
    Batch(Batch<Job>),
    /// Convert a model's weights once to the format that this CPU runs fastest
    ///
    /// With `--format auto` every format is made and tried on the same built-in prompts with all workers, as `traits`
    /// would run them. The fastest is kept among those that drift at most by --max-drift: the mean absolute difference
    /// of traits from the original's, as a share of the standard deviation of the original's. A table of all goes to
    /// stdout: size, tokens per second, drift, and the rank correlation of traits with the original's. Times differ from
    /// run to run, and so may the choice; therefore any conversion of the same model at OUT counts as done. The file says
    /// what it is, and profiles made with it carry its fingerprint. It takes room for two converted models beside OUT.
    Prepare(prepare::Arguments),
    /// Propose the trait words for a catalogue
    ///
    /// Words of categories, titles and texts, chosen one after the other: each time the one that differs most between the
    /// tastes of users (with --states) and then between items, beyond what the words before it tell. What was counted
    /// stands above each word, for you to edit.
    Vocab(vocab::Arguments),
    /// Turn many traits into the few directions in which a log's users differ
    Refine(refine::Arguments),
    /// Draw lists of items to ask about: held-out likes among unseen items, or unseen items alone
    ///
    /// The same seed gives a user the same list, here and in `eval`, whoever else is asked about.
    Candidates(candidates::Arguments),
    /// Show some items and users as the model sees them: traits, summary, prompt, tokens and answers
    ///
    /// What is shown depends on what is given: --profiles for traits and summaries, --items and --states for titles,
    /// --domain for prompts, --model for tokens and answers.
    Inspect(Box<inspect::Arguments>),
    /// Measure how fast prompts go through the model, side by side with plain llama.cpp
    Bench(bench::Arguments),
}

/// What can be done in shards.
#[derive(Debug, Subcommand)]
enum Job {
    /// Turn a log into user states: each user's last interactions
    States(states::Arguments),
    /// Read the traits of items and user states from a language model's logits
    Traits(Box<traits::Arguments>),
    /// Write a profile of each user: what they like, avoid and are likely to try next
    Summarise(Box<summarise::Arguments>),
    /// Score candidates for users by a language model's probabilities
    Prefer(Box<prefer::Arguments>),
    /// Measure how well traits and preferences tell held-out likes from unseen items
    ///
    /// For each user the AUC of each signal: how often a like that the states hold out is ranked above an item that the user
    /// never met. The table has the mean over users, its standard error and 95 % interval, and the differences from popularity
    /// and from the overlap of categories, paired by user. `mean liked` is the cosine of an item's traits with the mean of those
    /// of the liked items in the state, `user` that with the user's own; `shuffled` is the same with the traits handed to the
    /// wrong items and users, which says what chance gives.
    Eval(Box<eval::Arguments>),
}

impl Job {
    fn run(self, task: Task) -> Result<()> {
        match self {
            Job::States(arguments) => arguments.run(task),
            Job::Traits(arguments) => arguments.run(task),
            Job::Summarise(arguments) => arguments.run(task),
            Job::Prefer(arguments) => arguments.run(task),
            Job::Eval(arguments) => arguments.run(task),
        }
    }
}

/// Runs the chosen verb.
///
/// # Errors
/// Those of the verb.
pub fn run(arguments: Arguments) -> Result<()> {
    match arguments.verb {
        Verb::Batch(batch) => {
            let (task, job) = batch.split();
            job.run(task)
        }
        Verb::Prepare(arguments) => arguments.run(),
        Verb::Vocab(arguments) => arguments.run(),
        Verb::Refine(arguments) => arguments.run(),
        Verb::Candidates(arguments) => arguments.run(),
        Verb::Inspect(arguments) => arguments.run(),
        Verb::Bench(arguments) => arguments.run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
