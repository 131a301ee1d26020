//! Bad rows: what is wrong with them, and where they stand.

use std::path::Path;

use common::bad_rows::BadRows;
use common::{Error, Result};

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

impl BadRow {
    /// Sets the row aside, or makes it the error that ends the import.
    pub(crate) fn set_aside(self, bad_rows: &mut BadRows, path: &Path, place: Place<'_>) -> Result<()> {
        let mut error = Error::data(self.what).file(path);
        error = match place {
            Place::Line(line) => error.line(line),
            Place::Row(row) => error.row(row),
            Place::Entry(key) => error.at(format!("entry {key:?}")),
        };
        if let Some(column) = &self.column {
            error = error.column(column);
        }
        bad_rows.take(
            error.hint(format!("{}, or pass --max-bad to set such rows aside", self.hint)),
            self.kind,
        )
    }
}
