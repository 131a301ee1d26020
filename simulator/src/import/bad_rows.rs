//! Bad rows: the first one stops the import with its place, or all are skipped and counted.

use std::collections::BTreeMap;
use std::path::Path;

use common::{Error, Result, terminal};

/// What is wrong with a row.
#[derive(Debug)]
pub(crate) struct BadRow {
    /// What is wrong, with the value.
    pub(crate) what: String,
    /// The same without the value, to count by.
    pub(crate) kind: &'static str,
    /// The column, by name or number, where one is to blame.
    pub(crate) column: Option<String>,
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

    pub(crate) fn column(mut self, name: impl Into<String>) -> Self {
        self.column = Some(name.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Where in a file a bad row stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// A line of a text file, counted from 1.
    Line(usize),
    /// A row of a table, counted from 0.
    Row(usize),
    /// An entry of a JSON object, by its key.
    Entry(&'a str),
}

/// The rows that were left out, counted by file and kind.
#[derive(Debug, Default)]
pub(crate) struct BadRows {
    skip: bool,
    counts: BTreeMap<(String, &'static str), u64>,
}

impl BadRows {
    /// Skips and counts when `skip` is set, else refuses the first.
    pub(crate) fn new(skip: bool) -> Self {
        BadRows {
            skip,
            counts: BTreeMap::new(),
        }
    }

    /// Counts a bad row, or makes it the error that ends the import.
    pub(crate) fn take(&mut self, bad: BadRow, path: &Path, place: Place<'_>) -> Result<()> {
        if self.skip {
            let file = path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned();
            *self.counts.entry((file, bad.kind)).or_default() += 1;
            return Ok(());
        }
        let mut error = Error::data(bad.what).file(path);
        error = match place {
            Place::Line(line) => error.line(line),
            Place::Row(row) => error.row(row),
            Place::Entry(key) => error.at(format!("entry {key:?}")),
        };
        if let Some(column) = &bad.column {
            error = error.column(column);
        }
        Err(error.hint(format!(
            "{}, or pass --skip-bad-rows to leave out and count such rows",
            bad.hint
        )))
    }

    /// Says on stderr what was skipped, if anything was.
    pub(crate) fn warn(&self) {
        for ((file, kind), count) in &self.counts {
            let rows = if *count == 1 { "row" } else { "rows" };
            terminal::warn(&format!("{file}: skipped {count} {rows} ({kind})"));
        }
    }
}
