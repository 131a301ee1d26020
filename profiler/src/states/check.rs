//! Whether a log's columns are what they must be; the first bad row of a bad one.

use std::path::Path;

use common::schema::interactions::{FEEDBACK, ITEM_ID, TIMESTAMP, USER_ID};
use common::{Error, Result};
use polars::prelude::*;

use super::query::{collect, lazy, polars_error, typed};

const ROW: &str = "__row";

/// Checks that `file` has the columns of a log in types that can be read; says whether user ids are integers.
pub(super) fn columns(file: &Path) -> Result<bool> {
    let schema = lazy(file)?.collect_schema().map_err(|e| polars_error(&e, file))?;
    for (column, wanted, fits) in [
        (USER_ID, "text or integers", is_id as fn(&DataType) -> bool),
        (ITEM_ID, "text or integers", is_id),
        (TIMESTAMP, "a time or integer milliseconds", is_time),
        (FEEDBACK, "a number", is_number),
    ] {
        let Some(found) = schema.get(column) else {
            let names: Vec<String> = schema.iter_names().map(|name| format!("`{name}`")).collect();
            return Err(Error::data(format!(
                "column `{column}` is missing; the file has {}",
                names.join(", ")
            ))
            .file(file)
            .column(column)
            .hint(format!("rename the column that holds it to `{column}`")));
        };
        if !fits(found) {
            return Err(Error::data(format!("column `{column}` is {found}, not {wanted}"))
                .file(file)
                .column(column)
                .hint(format!("write the column as {wanted}")));
        }
    }
    Ok(schema.get(USER_ID).is_some_and(DataType::is_integer))
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
                Error::data(what)
                    .file(file)
                    .column(column)
                    .row(row as usize)
                    .hint(hint),
            ));
        }
    }
    first.map_or(Ok(()), |(_, error)| Err(error))
}

fn is_id(kind: &DataType) -> bool {
    kind.is_integer()
        || matches!(
            kind,
            DataType::String | DataType::Categorical(..) | DataType::Enum(..)
        )
}

fn is_time(kind: &DataType) -> bool {
    kind.is_integer() || matches!(kind, DataType::Datetime(..) | DataType::Date)
}

fn is_number(kind: &DataType) -> bool {
    kind.is_primitive_numeric() || kind.is_bool()
}
