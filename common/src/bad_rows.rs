//! Bad rows and subjects: the first ends a run with its place, or up to a bound of them are set aside, in every verb of
//! every tool by the same flag.
//!
//! What is set aside goes to `OUT.bad.parquet` beside the output, see [`crate::schema::bad`]. More than the bound ends the
//! run with bad data; the file is written all the same. A run that sets nothing aside removes the file of an earlier one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::error::Class;
use crate::manifest::Manifest;
use crate::schema::bad::{self, BAD, Bad};
use crate::schema::table;
use crate::{Error, Result, atomic_file, input, output, terminal};

/// How much may be set aside: `N` or `P%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxBad {
    /// So many.
    Count(u64),
    /// So many in a hundred of all.
    Percent(f64),
}

impl Default for MaxBad {
    fn default() -> Self {
        MaxBad::Count(0)
    }
}

impl FromStr for MaxBad {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a number such as 100, or a share such as 0.5%, is wanted".to_string();
        match text.strip_suffix('%') {
            None => text.parse().map(MaxBad::Count).map_err(|_| wrong()),
            Some(share) => match share.parse() {
                Ok(share) if (0.0..=100.0).contains(&share) => Ok(MaxBad::Percent(share)),
                _ => Err(wrong()),
            },
        }
    }
}

impl fmt::Display for MaxBad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaxBad::Count(count) => write!(f, "{count}"),
            MaxBad::Percent(share) => write!(f, "{share}%"),
        }
    }
}

impl Serialize for MaxBad {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The flag of the verbs that set bad rows or subjects aside. Flatten it into their arguments.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct MaxBadArguments {
    /// Set aside up to N bad rows or subjects, or P% of all, in place of stopping at the first: they go to OUT.bad.parquet
    /// with file, row group, row, column, reason and whose they are. More than that ends the run with exit code 42 and the
    /// same file
    #[arg(long, value_name = "N|P%", default_value_t)]
    pub max_bad: MaxBad,
}

/// What was set aside so far.
#[derive(Clone, Debug, Default)]
pub struct BadRows {
    bound: MaxBad,
    /// Where it goes, and which tool and verb make it.
    file: PathBuf,
    tool: String,
    /// Of how many; none where only the end tells.
    total: Option<u64>,
    found: Vec<Bad>,
    /// How many of each kind, by the file that they stand in.
    counts: BTreeMap<(String, &'static str), u64>,
}

impl BadRows {
    /// None is set aside: the first is an error.
    pub fn refuse() -> Self {
        BadRows::default()
    }

    /// Up to `bound` are set aside, beside the output `out` of the verb `tool`.
    pub fn beside(out: &Path, bound: MaxBad, tool: &str) -> Self {
        BadRows {
            bound,
            file: file_beside(out),
            tool: tool.to_string(),
            ..BadRows::default()
        }
    }

    /// As they are, of `total` in all.
    pub fn of(mut self, total: u64) -> Self {
        self.total = Some(total);
        self
    }

    /// Whether the first is an error.
    pub fn is_refusal(&self) -> bool {
        self.bound == MaxBad::Count(0)
    }

    /// How many were set aside.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Sets aside what `error` is about, bad data of a `kind` to count by.
    ///
    /// # Errors
    /// The error itself where it is not about bad data or none is set aside; that there are more than the bound, whose file is
    /// then written.
    pub fn take(&mut self, error: Error, kind: &'static str) -> Result<()> {
        if self.is_refusal() || error.class() != Class::Data {
            return Err(error);
        }
        let bad = Bad::of(&error);
        *self.counts.entry((bad.source.clone(), kind)).or_default() += 1;
        self.found.push(bad);
        // A share of a number that only the end tells is held to then.
        match self.is_over(self.total.unwrap_or(u64::MAX)) {
            true => Err(self.refused(&error)?),
            false => Ok(()),
        }
    }

    fn is_over(&self, total: u64) -> bool {
        match self.bound {
            MaxBad::Count(most) => self.found.len() as u64 > most,
            MaxBad::Percent(share) => self.found.len() as f64 > share / 100.0 * total as f64,
        }
    }

    /// The error of one too many, after the file was written.
    fn refused(&self, last: &Error) -> Result<Error> {
        self.write()?;
        let (found, bound, file) = (self.found.len(), self.bound, self.file.display());
        let error = Error::data(format!(
            "{found} are bad, more than --max-bad {bound}; the last: {}",
            last.what()
        ));
        Ok(error.placed_as(last).hint(format!(
            "all of them are in {file}: mend them, or raise --max-bad"
        )))
    }

    /// Writes the file, or removes that of an earlier run where nothing was set aside, and says on stderr how many were.
    /// `total` is of how many where that was not known before.
    ///
    /// # Errors
    /// More than the bound; I/O failures.
    pub fn finish(&self, total: u64) -> Result<()> {
        if self.is_empty() {
            let file = &self.file;
            let own = || table::read_manifest(file).is_ok_and(|m| m.is_some_and(|m| m.artifact == BAD));
            return match input::is_file(file) && own() {
                true => atomic_file::remove(file),
                false => Ok(()),
            };
        }
        if self.is_over(self.total.unwrap_or(total)) {
            let of = format!("{} of {}", self.found.len(), self.total.unwrap_or(total));
            return Err(self.refused(&Error::data(of))?);
        }
        self.write()?;
        for ((file, kind), count) in &self.counts {
            let rows = if *count == 1 { "row" } else { "rows" };
            terminal::warn(&format!("{file}: set aside {count} {rows} ({kind})"));
        }
        terminal::warn(&format!("{}: what was set aside", self.file.display()));
        Ok(())
    }

    fn write(&self) -> Result<()> {
        bad::write(&self.file, &Manifest::new(BAD, &self.tool), &self.found)
    }
}

/// Where what is set aside goes while `out` is made.
pub fn file_beside(out: &Path) -> PathBuf {
    output::named_after(out, "bad.parquet")
}
