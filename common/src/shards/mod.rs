//! One job done by many processes: each works a shard of it, and `merge` puts the parts together to the bytes that one process
//! would have written.
//!
//! ```text
//! PARTS/
//!   plan.json            what the job is, and what each shard works; whoever comes first creates it, all others compare
//!   part/FINGERPRINT     what a shard made, under the fingerprint of its bytes
//!   done/I               the commit of shard I, created once: which part is its own, and what it counted
//!   units/..             for verbs that ask a language model: finished units under the fingerprint of all they depend on
//! ```
//!
//! A job is a list of units in order, each with its work, which follow from the inputs alone. A shard is a run of them, balanced
//! by work. Nothing depends on who works a shard or how often: of two processes with one shard, the second to commit finds it done.

mod arguments;
mod parts;
mod plan;

use std::ops::Range;
use std::path::{Path, PathBuf};

pub use arguments::{Batch, ShardArguments};
pub use parts::{Counts, Parts, Work};
pub use plan::{Plan, Shard};

use crate::manifest::Manifest;
use crate::schema::RowGroups;
use crate::{Error, Result, output, terminal};

/// What this process is to do of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// All of it.
    #[default]
    Whole,
    /// Write down what each of so many shards works.
    Plan {
        /// How many.
        shards: u32,
    },
    /// Work one shard.
    Shard(Shard),
    /// Put the parts together.
    Merge {
        /// Whether the parts are removed once the output stands, and what stopped processes left among them.
        clean: bool,
    },
}

/// What this process is to do of a job, and where the parts are.
#[derive(Clone, Debug, Default)]
pub struct Sharding {
    /// What to do.
    pub task: Task,
    /// Where the parts are; none: beside the output.
    pub parts: Option<PathBuf>,
    /// Whether a store of objects is taken to honour preconditions unasked.
    pub trusted: bool,
}

/// A piece of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// What it is, for people: `users 0 to 2047`.
    pub name: String,
    /// How much work it is, in a measure of the job's own.
    pub work: u64,
}

impl Unit {
    /// A unit.
    pub fn new(name: impl Into<String>, work: u64) -> Self {
        Unit {
            name: name.into(),
            work,
        }
    }
}

/// What there is to do now.
#[derive(Debug)]
pub enum Step {
    /// Nothing: the plan is written, or the shard is done.
    Nothing,
    /// All units.
    Whole,
    /// The units of one shard.
    Work(Work),
    /// Putting together the parts, all of which are there.
    Merge(Parts),
}

impl Sharding {
    /// Where the parts of a job are that writes to `out`.
    pub fn place(&self, out: &Path) -> PathBuf {
        let beside = || output::named_after(out, "parts");
        self.parts.clone().unwrap_or_else(beside)
    }

    /// Begins this process's part of the job that `manifest` tells and whose units are `units`; the output goes to `out`.
    ///
    /// # Errors
    /// Parts of another job or of another number of shards (wrong usage); parts that are missing where they are to be merged (a
    /// retry may help), I/O failures.
    pub fn begin(&self, out: &Path, manifest: &Manifest, units: &[Unit]) -> Result<Step> {
        let count = match self.task {
            Task::Whole => return Ok(Step::Whole),
            Task::Plan { shards } => Some(shards),
            Task::Shard(shard) => Some(shard.count),
            Task::Merge { .. } => None,
        };
        let plan = |count| Plan::new(manifest, units, count);
        let parts = Parts::open(&self.place(out), self.trusted, plan, count)?;
        match self.task {
            Task::Shard(shard) if parts.is_done(shard.index)? => {
                terminal::info(&format!("shard {shard} is already done"));
                Ok(Step::Nothing)
            }
            Task::Shard(shard) => Ok(Step::Work(Work { parts, shard })),
            Task::Merge { .. } => parts.require_all().map(|()| Step::Merge(parts)),
            Task::Whole | Task::Plan { .. } => parts.plan.print().map(|()| Step::Nothing),
        }
    }

    /// Does this process's part of a job whose output is a Parquet file: `write` writes to a path the rows of some units, a piece a
    /// unit, cut into row groups as asked. Gives what was counted, where the output stands now.
    ///
    /// # Errors
    /// As [`Sharding::begin`], and those of `write`.
    pub fn make<C: Counts>(
        &self,
        out: &Path,
        manifest: &Manifest,
        units: &[Unit],
        write: impl FnOnce(&Path, RowGroups, Range<usize>) -> Result<C>,
    ) -> Result<Option<C>> {
        match self.begin(out, manifest, units)? {
            Step::Nothing => Ok(None),
            Step::Whole => write(out, RowGroups::OfOneSize, 0..units.len()).map(Some),
            Step::Work(work) => {
                let units = work.units();
                work.commit_file(|part| write(part, RowGroups::Pieces, units))?;
                Ok(None)
            }
            Step::Merge(parts) => {
                let counts = parts.merge(out, manifest)?;
                self.finish(out)?;
                Ok(Some(counts))
            }
        }
    }

    /// Requires that the job is done whole: what `verb` does cannot be cut.
    ///
    /// # Errors
    /// Wrong usage.
    pub fn refuse(&self, why: &str) -> Result<()> {
        match self.task {
            Task::Whole => Ok(()),
            _ => Err(Error::usage(format!("this run cannot be cut into shards: {why}"))),
        }
    }

    /// Once the output of a merge stands: removes the parts, where that was asked for.
    ///
    /// # Errors
    /// On I/O failure.
    pub fn finish(&self, out: &Path) -> Result<()> {
        match self.task {
            Task::Merge { clean: true } => Parts::remove(&self.place(out)),
            _ => Ok(()),
        }
    }
}
