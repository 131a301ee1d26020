//! Bad rows: the first one stops the import with its place, or all are skipped and counted.

use std::collections::BTreeMap;

use common::{Error, Result, terminal};

/// What is wrong with a row.
#[derive(Debug)]
pub(crate) struct BadRow {
    /// What is wrong, with the value.
    pub(crate) what: String,
    /// The same without the value, to count by.
    pub(crate) kind: &'static str,
    /// The column, where one is to blame.
    pub(crate) column: Option<&'static str>,
    /// What to do about it.
    pub(crate) hint: String,
}

impl BadRow {
    pub(crate) fn new(kind: &'static str, what: impl Into<String>) -> Self {
        BadRow {
            what: what.into(),
            kind,
            column: None,
            hint: "mend the row".into(),
        }
    }

    pub(crate) fn column(mut self, name: &'static str) -> Self {
        self.column = Some(name);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// The rows that were left out, counted by file and kind.
#[derive(Debug, Default)]
pub struct BadRows {
    skip: bool,
    counts: BTreeMap<(String, &'static str), u64>,
}

impl BadRows {
    /// Skips and counts when `skip` is set, else refuses the first.
    pub fn new(skip: bool) -> Self {
        BadRows {
            skip,
            counts: BTreeMap::new(),
        }
    }

    /// Counts a bad row, or makes it the error that ends the import.
    pub(crate) fn take(&mut self, bad: BadRow, path: &std::path::Path, line: usize) -> Result<()> {
        if self.skip {
            let file = path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned();
            *self.counts.entry((file, bad.kind)).or_default() += 1;
            return Ok(());
        }
        let mut error = Error::data(bad.what).file(path).line(line);
        if let Some(column) = bad.column {
            error = error.column(column);
        }
        Err(error.hint(format!(
            "{}, or pass --skip-bad-rows to leave out and count such rows",
            bad.hint
        )))
    }

    /// How many rows were skipped.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Says on stderr what was skipped, if anything was.
    pub fn warn(&self) {
        for ((file, kind), count) in &self.counts {
            let rows = if *count == 1 { "row" } else { "rows" };
            terminal::warn(&format!("{file}: skipped {count} {rows} ({kind})"));
        }
    }
}
