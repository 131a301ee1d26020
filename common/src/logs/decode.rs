//! A part of a file of a log, decoded: its columns in the types that work goes on with, its bad rows found.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array, new_empty_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float32Type, TimestampMillisecondType};
use parquet::errors::ParquetError;

use super::Column;
use super::ids::Ids;
use super::scan::Faults;
use crate::convert::convert;
use crate::schema::column::{TIMES, not_finite, null_value};
use crate::schema::file::{ParquetFile, undecodable};
use crate::schema::interactions::check_propensity;
use crate::schema::table::{placed, unfit, wrong_type};
use crate::{Error, Result, fence};

/// Rows of a part, at most. Row groups of other writers may be the whole file: they are read from the middle, which skips
/// the pages before.
pub(super) const ROWS: usize = 131_072;

/// Consecutive rows of one row group.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Which of the log's files.
    pub(super) file: usize,
    pub(super) row_group: usize,
    /// The first row, counted in the row group.
    pub(super) offset: usize,
    /// The first row, counted in the file.
    pub(super) first_row: usize,
    pub(super) rows: usize,
}

/// Consecutive rows of a part that are kept; what was not asked for is empty.
pub(super) struct Rows {
    pub(super) user: Option<Ids>,
    pub(super) item: Option<Ids>,
    pub(super) timestamp: Vec<i64>,
    pub(super) feedback: Vec<f32>,
    pub(super) propensity: Vec<Option<f32>>,
    /// The first row that was looked at, counted in the file, and how many were.
    pub(super) first_row: usize,
    pub(super) all: usize,
    /// Where the rows that are kept stand among these; all, one after the other, where none.
    pub(super) place: Option<UInt32Array>,
    pub(super) count: usize,
    /// What is wrong with the others, where that is asked for.
    pub(super) bad: Vec<Error>,
}

/// Requires that `column` of `file` can be read as what it should be.
///
/// # Errors
/// A type that it cannot be read as.
pub(super) fn check_type(file: &ParquetFile, column: Column) -> Result<()> {
    let found = new_empty_array(file.column_type(column.name())?);
    Typed::of(column, &found, file.path()).map(drop)
}

/// Decodes these columns of a part of `file`, as many rows at a time as come together.
///
/// # Errors
/// A file that cannot be read, is damaged there, or holds a bad row unless these are skipped.
pub(super) fn decode(
    file: &ParquetFile,
    part: &Part,
    columns: &[Column],
    faults: Faults,
) -> Result<Vec<Rows>> {
    let path = file.path();
    let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
    let reader = file.reader(&names)?;
    let reader = reader
        .with_row_groups(vec![part.row_group])
        .with_offset(part.offset)
        .with_limit(part.rows)
        .with_batch_size(part.rows);
    let batches = fence::decode(|| {
        reader
            .build()?
            .collect::<arrow::error::Result<Vec<_>>>()
            .map_err(Into::into)
    })
    .map_err(|e| e.file(path))?
    .map_err(|e: ParquetError| file.unread(undecodable(&e, path)))?;
    let (mut all, mut first_row) = (Vec::new(), part.first_row);
    for batch in batches {
        all.push(rows_of(file, &batch, first_row, columns, faults)?);
        first_row += batch.num_rows();
    }
    match first_row == part.first_row + part.rows {
        true => Ok(all),
        false => Err(undecodable(&"it has other rows than its footer says", path)),
    }
}

/// The rows of a batch that begins at `first_row` of the file.
fn rows_of(
    file: &ParquetFile,
    batch: &RecordBatch,
    first_row: usize,
    columns: &[Column],
    faults: Faults,
) -> Result<Rows> {
    let path = file.path();
    let mut typed = Vec::with_capacity(columns.len());
    for &column in columns {
        match batch.column_by_name(column.name()) {
            Some(found) => typed.push(Typed::of(column, found, path)?),
            None if column == Column::Propensity => {}
            None => {
                return Err(undecodable(
                    &format!("column `{}` is missing", column.name()),
                    path,
                ));
            }
        }
    }
    let all = batch.num_rows();
    let rows = |count, place| {
        let mut rows = rows(&typed, count, place);
        (rows.first_row, rows.all) = (first_row, all);
        if columns.contains(&Column::Propensity) {
            rows.propensity.resize(count, None);
        }
        rows
    };
    if typed.iter().all(Typed::is_fine) {
        return Ok(rows(all, None));
    }
    let (mut kept, mut bad) = (Vec::with_capacity(all), Vec::new());
    for row in 0..all {
        let fault = typed.iter().find_map(|column| Some((column, column.fault(row)?)));
        let Some((typed, error)) = fault else {
            kept.push(row as u32);
            continue;
        };
        let error = || {
            placed(
                error,
                (path, file.row_groups(), typed.column.name()),
                first_row + row,
            )
        };
        match faults {
            Faults::Refuse => return Err(error()),
            Faults::Tell => bad.push(error()),
            Faults::Drop => {}
        }
    }
    let mut rows = rows(kept.len(), Some(UInt32Array::from(kept)));
    rows.bad = bad;
    Ok(rows)
}

/// A column as it is wanted, beside what stands in the file.
struct Typed {
    column: Column,
    found: ArrayRef,
    nulls: Option<NullBuffer>,
    values: Values,
}

enum Values {
    Ids(Ids),
    Other(ArrayRef),
}

impl Typed {
    fn of(column: Column, found: &ArrayRef, path: &Path) -> Result<Self> {
        let values = match column {
            Column::User | Column::Item => Ids::of(found).map(Values::Ids),
            Column::Time | Column::Feedback | Column::Propensity => {
                convert(found, &wanted(column)).map(Values::Other)
            }
        };
        Ok(Typed {
            column,
            values: values
                .ok_or_else(|| wrong_type(found.data_type(), column.name(), &wanted(column), path))?,
            nulls: found.logical_nulls(),
            found: found.clone(),
        })
    }

    fn array(&self) -> &dyn Array {
        match &self.values {
            Values::Ids(ids) => ids.array(),
            Values::Other(array) => array,
        }
    }

    /// Whether no row is bad.
    fn is_fine(&self) -> bool {
        let array = self.array();
        match (&self.values, self.column) {
            (Values::Ids(ids), _) => ids.are_all(),
            (Values::Other(array), Column::Feedback) => {
                let values = array.as_primitive::<Float32Type>().values();
                array.null_count() == 0 && values.iter().all(|value| value.is_finite())
            }
            (Values::Other(array), Column::Propensity) => {
                let nulls = self.nulls.as_ref().map_or(0, NullBuffer::null_count);
                let known = array.as_primitive::<Float32Type>().iter().flatten();
                array.null_count() == nulls && known.map(check_propensity).all(|checked| checked.is_ok())
            }
            _ => array.null_count() == 0,
        }
    }

    /// What is wrong with a row.
    fn fault(&self, row: usize) -> Option<Error> {
        if self.array().is_null(row) {
            let is_null = self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
            return match (is_null, self.column) {
                (true, Column::Propensity) => None,
                (true, _) => Some(null_value()),
                (false, _) => Some(unfit(&self.found, row, &wanted(self.column))),
            };
        }
        match (&self.values, self.column) {
            (Values::Ids(ids), _) => ids.is_empty(row).then(|| Error::data("the id is empty")),
            (Values::Other(array), Column::Feedback) => {
                let value = array.as_primitive::<Float32Type>().value(row);
                (!value.is_finite()).then(|| not_finite(value))
            }
            (Values::Other(array), Column::Propensity) => {
                check_propensity(array.as_primitive::<Float32Type>().value(row)).err()
            }
            _ => None,
        }
    }
}

fn wanted(column: Column) -> DataType {
    match column {
        Column::User | Column::Item => DataType::LargeUtf8,
        Column::Time => TIMES,
        Column::Feedback | Column::Propensity => DataType::Float32,
    }
}

fn rows(columns: &[Typed], count: usize, place: Option<UInt32Array>) -> Rows {
    let mut rows = Rows {
        user: None,
        item: None,
        timestamp: Vec::new(),
        feedback: Vec::new(),
        propensity: Vec::new(),
        first_row: 0,
        all: count,
        place,
        count,
        bad: Vec::new(),
    };
    for Typed { column, values, .. } in columns {
        let at = |at: usize| rows.place.as_ref().map_or(at, |place| place.value(at) as usize);
        match values {
            Values::Ids(ids) => {
                let kept = match &rows.place {
                    Some(place) => ids.kept(place),
                    None => Some(ids.slice(0, count)),
                };
                match column {
                    Column::User => rows.user = kept,
                    _ => rows.item = kept,
                }
            }
            Values::Other(array) => match column {
                Column::Time => {
                    let values = array.as_primitive::<TimestampMillisecondType>().values();
                    rows.timestamp = (0..count).map(|row| values[at(row)]).collect();
                }
                Column::Propensity => {
                    let values = array.as_primitive::<Float32Type>();
                    let known = |row| values.is_valid(row).then(|| values.value(row));
                    rows.propensity = (0..count).map(|row| known(at(row))).collect();
                }
                _ => {
                    let values = array.as_primitive::<Float32Type>().values();
                    rows.feedback = (0..count).map(|row| values[at(row)]).collect();
                }
            },
        }
    }
    rows
}
