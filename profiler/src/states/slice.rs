//! A few rows of a Parquet file, decoded alone: the unit of parallel work, and what bounds memory.

use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float32Type, Int64Type, TimeUnit};
use common::ids::BLOCK;
use common::schema::interactions::{FEEDBACK, ITEM_ID, TIMESTAMP, USER_ID};
use common::{Error, Result, fence, input};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};

/// Rows of a part, at most. Row groups of other writers may be the whole file: they are read from the middle, which
/// skips the pages before.
const ROWS: usize = 131_072;

/// A file of a log, its footer read.
pub(super) struct File {
    pub(super) path: PathBuf,
    footer: ArrowReaderMetadata,
}

/// Consecutive rows of one row group.
pub(super) struct Part {
    /// Which of the log's files.
    pub(super) file: usize,
    row_group: usize,
    /// The first row, counted in the row group.
    offset: usize,
    pub(super) rows: usize,
}

/// The rows of a part, in the types that work goes on with.
pub(super) struct Slice {
    columns: Vec<(&'static str, ArrayRef)>,
}

/// Ids as they stand in the file.
pub(super) enum Ids {
    Text(StringArray),
    Integer(Int64Array),
}

impl File {
    /// Reads the footer of the file at `path`.
    ///
    /// # Errors
    /// When it is no whole Parquet file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = open(path)?;
        let footer = fence::decode(|| ArrowReaderMetadata::load(&file, Default::default()))
            .map_err(|e| e.file(path))?
            .map_err(|e| damaged(&e, path))?;
        // A count that no writer makes would be cut into more parts than memory holds.
        let counts = footer
            .metadata()
            .row_groups()
            .iter()
            .map(|group| group.num_rows());
        if let Some(count) = counts.into_iter().find(|&count| u32::try_from(count).is_err()) {
            return Err(damaged(&format!("a row group of {count} rows"), path));
        }
        Ok(File {
            path: path.to_path_buf(),
            footer,
        })
    }

    /// The parts of this file, the log's `file`-th.
    pub(super) fn parts(&self, file: usize) -> impl Iterator<Item = Part> {
        let groups = self.footer.metadata().row_groups().iter().enumerate();
        groups.flat_map(move |(row_group, group)| {
            let rows = group.num_rows() as usize;
            (0..rows).step_by(ROWS).map(move |offset| Part {
                file,
                row_group,
                offset,
                rows: ROWS.min(rows - offset),
            })
        })
    }

    /// Decodes some columns of a part of this file.
    ///
    /// # Errors
    /// When the file cannot be read, or is damaged there.
    pub(super) fn read(&self, part: &Part, columns: &[&'static str]) -> Result<Slice> {
        let file = open(&self.path)?;
        let batch = fence::decode(|| self.batch(file, part, columns))
            .map_err(|e| e.file(&self.path))?
            .map_err(|e| damaged(&e, &self.path))?;
        if batch.num_rows() != part.rows {
            return Err(damaged(&"it has fewer rows than its footer says", &self.path));
        }
        let typed = |&column| Ok((column, typed(&batch, column)?));
        let columns = columns.iter().map(typed).collect::<arrow::error::Result<_>>();
        Ok(Slice {
            columns: columns.map_err(|e| damaged(&e, &self.path))?,
        })
    }

    fn batch(
        &self,
        file: std::fs::File,
        part: &Part,
        columns: &[&'static str],
    ) -> parquet::errors::Result<RecordBatch> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.footer.clone());
        let roots = builder.schema().fields().iter().enumerate();
        let roots = roots.filter(|(_, field)| columns.contains(&field.name().as_str()));
        let only = ProjectionMask::roots(builder.parquet_schema(), roots.map(|(root, _)| root));
        let mut batches = builder
            .with_projection(only)
            .with_row_groups(vec![part.row_group])
            .with_offset(part.offset)
            .with_limit(part.rows)
            .with_batch_size(part.rows)
            .build()?
            .collect::<arrow::error::Result<Vec<_>>>()?;
        match (batches.pop(), batches.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                batches.push(last);
                Ok(concat_batches(&batches[0].schema(), &batches)?)
            }
            (None, _) => Err(parquet::errors::ParquetError::EOF("no row".into())),
        }
    }
}

/// A column of a log in one type, whatever the file's.
fn typed(batch: &RecordBatch, column: &str) -> arrow::error::Result<ArrayRef> {
    let found = batch
        .column_by_name(column)
        .ok_or_else(|| arrow::error::ArrowError::SchemaError(format!("column `{column}` is missing")))?;
    let kind = found.data_type();
    match column {
        // Larger ones than 64 bits with a sign can hold pass as text, and are named when they are written.
        USER_ID | ITEM_ID if kind.is_integer() && *kind != DataType::UInt64 => cast(found, &DataType::Int64),
        USER_ID | ITEM_ID => cast(found, &DataType::Utf8),
        TIMESTAMP if kind.is_integer() => cast(found, &DataType::Int64),
        TIMESTAMP => {
            let zone = match kind {
                DataType::Timestamp(_, zone) => zone.clone(),
                _ => None,
            };
            let times = cast(found, &DataType::Timestamp(TimeUnit::Millisecond, zone))?;
            cast(&times, &DataType::Int64)
        }
        _ => cast(found, &DataType::Float32),
    }
}

fn open(path: &Path) -> Result<std::fs::File> {
    input::open(path)
}

fn damaged(error: &dyn std::fmt::Display, path: &Path) -> Error {
    Error::data(format!("the log cannot be read: {error}"))
        .file(path)
        .hint("it may have been cut short in a copy; copy or make it again")
}

impl Slice {
    fn column(&self, name: &str) -> Result<&ArrayRef> {
        let found = self.columns.iter().find(|(column, _)| *column == name);
        let (_, array) = found.ok_or_else(|| Error::data(format!("column `{name}` is missing")))?;
        Ok(array)
    }

    /// A column of ids; some may be null.
    pub(super) fn ids(&self, column: &str) -> Result<Ids> {
        let ids = self.column(column)?;
        Ok(match ids.as_string_opt() {
            Some(text) => Ids::Text(text.clone()),
            None => Ids::Integer(ids.as_primitive::<Int64Type>().clone()),
        })
    }

    /// Times in milliseconds; none where one is null.
    pub(super) fn times(&self) -> Result<Option<&[i64]>> {
        let times = self.column(TIMESTAMP)?.as_primitive::<Int64Type>();
        Ok((times.null_count() == 0).then(|| times.values().as_ref()))
    }

    /// Feedback; none where one is null, NaN or infinite.
    pub(super) fn feedback(&self) -> Result<Option<&[f32]>> {
        let feedback = self.column(FEEDBACK)?.as_primitive::<Float32Type>();
        let fine = feedback.null_count() == 0 && feedback.values().iter().all(|value| value.is_finite());
        Ok(fine.then(|| feedback.values().as_ref()))
    }
}

impl Ids {
    pub(super) fn len(&self) -> usize {
        match self {
            Ids::Text(ids) => ids.len(),
            Ids::Integer(ids) => ids.len(),
        }
    }

    pub(super) fn slice(&self, start: usize, length: usize) -> Self {
        match self {
            Ids::Text(ids) => Ids::Text(ids.slice(start, length)),
            Ids::Integer(ids) => Ids::Integer(ids.slice(start, length)),
        }
    }

    /// Hands all ids, as text, to `take`, a block of at most [`BLOCK`] at a time; stops and gives false at one that is null
    /// or empty.
    pub(super) fn blocks(&self, mut take: impl FnMut(&[&str])) -> bool {
        let mut texts = [const { String::new() }; BLOCK];
        for start in (0..self.len()).step_by(BLOCK) {
            let block = start..self.len().min(start + BLOCK);
            let mut ids = [""; BLOCK];
            match self {
                Ids::Text(column) => {
                    for (id, row) in ids.iter_mut().zip(block.clone()) {
                        *id = if column.is_valid(row) {
                            column.value(row)
                        } else {
                            ""
                        };
                    }
                }
                Ids::Integer(column) => {
                    for (text, row) in texts.iter_mut().zip(block.clone()) {
                        text.clear();
                        if column.is_valid(row) {
                            digits(column.value(row), text);
                        }
                    }
                    for (id, text) in ids.iter_mut().zip(&texts) {
                        *id = text;
                    }
                }
            }
            let ids = &ids[..block.len()];
            if ids.iter().any(|id| id.is_empty()) {
                return false;
            }
            take(ids);
        }
        true
    }
}

/// Writes `number` to `text`, which is empty; several times faster than by way of a formatter.
fn digits(number: i64, text: &mut String) {
    let mut rest = number.unsigned_abs();
    let mut reversed = [0; 20];
    let mut count = 0;
    loop {
        reversed[count] = b'0' + (rest % 10) as u8;
        rest /= 10;
        count += 1;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        text.push('-');
    }
    text.extend(reversed[..count].iter().rev().map(|&digit| char::from(digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_a_formatter_would() {
        for number in [0, 7, -7, 10, 99_999, -100_000, i64::MAX, i64::MIN] {
            let mut text = String::new();
            digits(number, &mut text);
            assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn ids_come_in_blocks_up_to_one_that_is_none() {
        let all = |ids: &Ids| {
            let mut seen = Vec::new();
            let whole = ids.blocks(|block| {
                assert!(block.len() <= BLOCK);
                seen.extend(block.iter().map(|id| id.to_string()));
            });
            whole.then_some(seen)
        };
        let numbers: Vec<i64> = (-50..150).collect();
        let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
        let integers = Ids::Integer(Int64Array::from(numbers));
        assert_eq!(all(&integers).as_ref(), Some(&texts));
        assert_eq!(
            all(&Ids::Text(StringArray::from_iter_values(&texts))).as_ref(),
            Some(&texts)
        );
        assert_eq!(all(&integers.slice(60, 70)).as_deref(), Some(&texts[60..130]));
        assert_eq!(all(&Ids::Integer(Int64Array::from(vec![Some(3), None]))), None);
        assert_eq!(
            all(&Ids::Text(StringArray::from(vec![Some("a"), Some("")]))),
            None
        );
    }
}
