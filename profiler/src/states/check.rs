//! Whether a log's columns are what they must be; the first bad row of a bad one.

use std::path::Path;

use arrow::datatypes::DataType as ArrowType;
use common::schema::file::ParquetFile;
use common::schema::interactions::{FEEDBACK, ITEM_ID, TIMESTAMP, USER_ID};
use common::schema::table::{self, type_name};
use common::{Error, Result};
use polars::prelude::*;

use super::query::{collect, lazy, polars_error, typed};

const ROW: &str = "__row";

/// Checks that `file` has the columns of a log in types that can be read; says whether user ids are integers.
pub(super) fn columns(file: &ParquetFile) -> Result<bool> {
    for (column, wanted, fits) in [
        (USER_ID, "text or integers", is_id as fn(&ArrowType) -> bool),
        (ITEM_ID, "text or integers", is_id),
        (TIMESTAMP, "a time or integer milliseconds", is_time),
        (FEEDBACK, "a number", is_number),
    ] {
        let found = file.column_type(column)?;
        if !fits(found) {
            let found = type_name(found);
            return Err(Error::data(format!("column `{column}` is {found}, not {wanted}"))
                .file(file.path())
                .column(column)
                .hint(format!("write the column as {wanted}")));
        }
    }
    Ok(file.column_type(USER_ID)?.is_integer())
}

/// The error for the first bad row of `file`, if it has one.
pub(super) fn values(file: &Path) -> Result<()> {
    let mut first: Option<(u64, Error)> = None;
    for (column, bad, what, hint) in [
        (
            USER_ID,
            typed(USER_ID).is_null(),
            "the value is null",
            "every row needs a user",
        ),
        (
            USER_ID,
            typed(USER_ID).eq(lit("")),
            "the id is empty",
            "every row needs a user",
        ),
        (
            ITEM_ID,
            typed(ITEM_ID).is_null(),
            "the value is null",
            "every row needs an item",
        ),
        (
            ITEM_ID,
            typed(ITEM_ID).eq(lit("")),
            "the id is empty",
            "every row needs an item",
        ),
        (
            TIMESTAMP,
            typed(TIMESTAMP).is_null(),
            "the value is null",
            "use the row number where there is no time",
        ),
        (
            FEEDBACK,
            typed(FEEDBACK).is_null(),
            "the value is null",
            "drop the row, or fill in what no answer means",
        ),
        (
            FEEDBACK,
            typed(FEEDBACK).is_finite().not(),
            "the value is NaN or infinite",
            "drop or mend the row: numbers must be finite",
        ),
    ] {
        let rows = lazy(file)?
            .with_row_index(ROW, None)
            .filter(bad)
            .select([col(ROW).min().cast(DataType::UInt64)]);
        let rows = collect(rows, file)?;
        let row = rows
            .column(ROW)
            .and_then(|c| Ok(c.u64()?.get(0)))
            .map_err(|e| polars_error(&e, file))?;
        if let Some(row) = row
            && first.as_ref().is_none_or(|(earliest, _)| row < *earliest)
        {
            first = Some((
                row,
                table::place(Error::data(what).hint(hint), file, column, row as usize),
            ));
        }
    }
    first.map_or(Ok(()), |(_, error)| Err(error))
}

fn is_id(kind: &ArrowType) -> bool {
    match kind {
        ArrowType::Dictionary(_, values) => is_id(values),
        _ => {
            kind.is_integer() || matches!(kind, ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View)
        }
    }
}

fn is_time(kind: &ArrowType) -> bool {
    kind.is_integer()
        || matches!(
            kind,
            ArrowType::Timestamp(..) | ArrowType::Date32 | ArrowType::Date64
        )
}

fn is_number(kind: &ArrowType) -> bool {
    kind.is_integer() || kind.is_floating() || *kind == ArrowType::Boolean
}
