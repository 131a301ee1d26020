//! `OUT.bad.parquet`: what was set aside while OUT was made, see [`crate::bad_rows`]. Columns `source` (text: the name of the
//! file, without its folders), `row_group` (nullable u32), `row` (nullable u64, counted from 0 in the file; of a text file the
//! line, counted from 1), `column` (nullable text), `reason` (text), `subject` (nullable text: whose it is, `user 17` or
//! `item 3`; where an entry of a JSON file is bad, its key). A place that is not known is null.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{UInt32Array, UInt64Array};

use super::column::{optional_text_array, text_array};
use super::table::Table;
use super::write;
use crate::error::Place;
use crate::manifest::Manifest;
use crate::{Error, Result};

/// Artifact kind.
pub const BAD: &str = "bad";
const SOURCE: &str = "source";
const ROW_GROUP: &str = "row_group";
const ROW: &str = "row";
const COLUMN: &str = "column";
const REASON: &str = "reason";
const SUBJECT: &str = "subject";

/// Something that was set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bad {
    /// The name of the file that it stands in, without its folders.
    pub source: String,
    /// The row group of the file.
    pub row_group: Option<u32>,
    /// The row of the file, counted from 0; of a text file the line, counted from 1.
    pub row: Option<u64>,
    /// The column.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// Whose it is, such as `user 17`.
    pub subject: Option<String>,
}

impl Bad {
    /// What an error says, with its place.
    pub fn of(error: &Error) -> Self {
        let mut bad = Bad {
            reason: error.what().to_string(),
            ..Bad::default()
        };
        for part in error.place() {
            match part {
                Place::File(path) => {
                    let name = Path::new(path).file_name();
                    bad.source = name.map_or(path.clone(), |name| name.to_string_lossy().into_owned());
                }
                Place::Column(name) => bad.column = Some(name.clone()),
                Place::RowGroup(group) => bad.row_group = Some(*group as u32),
                Place::Row(row) | Place::Line(row) => bad.row = Some(*row as u64),
                Place::Other(text) => bad.subject = Some(text.clone()),
            }
        }
        bad
    }
}

/// Reads what was set aside.
///
/// # Errors
/// A missing or unreadable file, another artifact, a missing column, a wrong type.
pub fn read(path: &Path) -> Result<Vec<Bad>> {
    let table = Table::open(path)?;
    table.require_artifact(&[BAD])?;
    let (groups, rows) = (table.u32s_or_null(ROW_GROUP)?, table.u64s_or_null(ROW)?);
    let (columns, subjects) = (table.text_or_null(COLUMN)?, table.text_or_null(SUBJECT)?);
    let texts = table.text(SOURCE)?.into_iter().zip(table.text(REASON)?);
    let places = groups
        .into_iter()
        .zip(rows)
        .zip(columns.into_iter().zip(subjects));
    let bad = |((source, reason), ((row_group, row), (column, subject)))| Bad {
        source,
        row_group,
        row,
        column,
        reason,
        subject,
    };
    Ok(texts.zip(places).map(bad).collect())
}

/// Writes what was set aside.
///
/// # Errors
/// On I/O failure.
pub fn write(path: &Path, manifest: &Manifest, bad: &[Bad]) -> Result<()> {
    let groups: UInt32Array = bad.iter().map(|bad| bad.row_group).collect();
    let rows: UInt64Array = bad.iter().map(|bad| bad.row).collect();
    let optional = |of: fn(&Bad) -> Option<&str>| optional_text_array(bad.iter().map(of));
    let columns = vec![
        (
            SOURCE,
            text_array(bad.iter().map(|bad| bad.source.as_str())),
            false,
        ),
        (ROW_GROUP, Arc::new(groups) as _, true),
        (ROW, Arc::new(rows) as _, true),
        (COLUMN, optional(|bad| bad.column.as_deref()), true),
        (
            REASON,
            text_array(bad.iter().map(|bad| bad.reason.as_str())),
            false,
        ),
        (SUBJECT, optional(|bad| bad.subject.as_deref()), true),
    ];
    write::write(path, manifest, &[], columns)
}
