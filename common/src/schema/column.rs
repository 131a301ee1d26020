//! Typed columns of a [`Table`], checked for nulls and values; the arrays that writers build are in [`arrays`].

mod arrays;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Float32Type, Int64Type, TimeUnit, UInt32Type, UInt64Type,
};

pub(crate) use arrays::{
    MOST_TEXT, bool_list_array, id_array, id_list_array, number_list_array, optional_text_array, text_array,
    text_list_array, u32_list_array,
};

use super::file::ParquetFile;
use super::table::{Chunk, Table, type_name};
use crate::ids::{Dictionary, IdKind};
use crate::{Error, Result};

pub(crate) fn null_value() -> Error {
    Error::data("the value is null").hint("every row needs a value here; drop or fill the row")
}

/// What times are wanted as.
pub(crate) const TIMES: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

/// The kind of ids that `column` holds in all of `files`: integers where they are in every file.
///
/// # Errors
/// A file without the column, or with a type that is neither text nor integers.
pub(crate) fn id_kind(files: &[ParquetFile], column: &str) -> Result<IdKind> {
    let mut kinds = Vec::new();
    for file in files {
        let found = file.column_type(column)?;
        kinds.extend(id_kind_of(found).ok_or_else(|| {
            Error::data(format!(
                "column `{column}` is {}, not text or integers",
                type_name(found)
            ))
            .file(file.path())
            .column(column)
            .hint("write ids as text or integers")
        })?);
    }
    Ok(kinds.into_iter().reduce(IdKind::and).unwrap_or_default())
}

/// The kind of ids of this type, none of a column in which nothing is known; none at all where it holds no ids.
#[expect(clippy::option_option)]
fn id_kind_of(found: &DataType) -> Option<Option<IdKind>> {
    use DataType::{
        Binary, BinaryView, Decimal32, Decimal64, Decimal128, Decimal256, Dictionary, Float16, Float32,
        Float64, LargeBinary, LargeUtf8, Null, UInt64, Utf8, Utf8View,
    };
    Some(Some(match found {
        Dictionary(_, values) => return id_kind_of(values),
        Null => return Some(None),
        UInt64 => IdKind::Unsigned,
        kind if kind.is_integer() => IdKind::Integer,
        Float16 | Float32 | Float64 => IdKind::Integer,
        Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => IdKind::Text,
        Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView => IdKind::Text,
        _ => return None,
    }))
}

/// What ids of type `found` are converted to first: numbers with a fraction may be ids as far as they are whole.
pub(crate) fn id_type(found: &DataType) -> DataType {
    match found {
        DataType::Dictionary(_, values) => id_type(values),
        kind if kind.is_floating() => DataType::Int64,
        _ => DataType::LargeUtf8,
    }
}

/// The id in a row of a chunk of text.
///
/// # Errors
/// A null or an empty id.
fn id_at<'a>(chunk: &'a Chunk<'_>, row: usize) -> Result<&'a str> {
    let array = chunk.array.as_string::<i64>();
    if array.is_null(row) {
        return Err(chunk.place(null_value(), row));
    }
    if array.value(row).is_empty() {
        return Err(chunk.place(Error::data("the id is empty"), row));
    }
    Ok(array.value(row))
}

/// Hands every row and its id to `take`.
pub(super) fn each_id(chunk: &Chunk<'_>, mut take: impl FnMut(usize, &str) -> Result<()>) -> Result<()> {
    (0..chunk.array.len()).try_for_each(|row| take(row, id_at(chunk, row)?))
}

/// The milliseconds in a row of a chunk of [`TIMES`].
fn time_at(chunk: &Chunk<'_>, row: usize) -> i64 {
    chunk
        .array
        .as_primitive::<arrow::datatypes::TimestampMillisecondType>()
        .value(row)
}

/// Requires that the row holds a value.
///
/// # Errors
/// Where it is null.
fn present(chunk: &Chunk<'_>, row: usize) -> Result<()> {
    match chunk.array.is_null(row) {
        true => Err(chunk.place(null_value(), row)),
        false => Ok(()),
    }
}

/// Adds an id that must not have been there.
pub(super) fn intern_new(dictionary: &mut Dictionary, chunk: &Chunk<'_>, row: usize, id: &str) -> Result<()> {
    let before = dictionary.len();
    if dictionary.intern(id) as usize != before {
        return Err(chunk.place(Error::data(format!("the id `{id}` appears twice")), row));
    }
    Ok(())
}

impl Table {
    /// Ids as codes of `dictionary`, in row order; integers are kept as such.
    ///
    /// # Errors
    /// A missing column, a type that is neither text nor integer, a null, an empty id.
    pub fn ids(&self, column: &str) -> Result<(Dictionary, Vec<u32>)> {
        let mut dictionary = self.no_ids(column)?;
        let mut codes = Vec::with_capacity(self.rows());
        for chunk in self.id_chunks(column)? {
            each_id(&chunk, |_, id| {
                codes.push(dictionary.intern(id));
                Ok(())
            })?;
        }
        Ok((dictionary, codes))
    }

    /// Ids that must be unique: the dictionary alone.
    ///
    /// # Errors
    /// As [`Table::ids`], and a repeated id.
    pub fn unique_ids(&self, column: &str) -> Result<Dictionary> {
        let mut dictionary = self.no_ids(column)?;
        for chunk in self.id_chunks(column)? {
            each_id(&chunk, |row, id| intern_new(&mut dictionary, &chunk, row, id))?;
        }
        Ok(dictionary)
    }

    /// A dictionary of the kind of `column`, empty.
    fn no_ids(&self, column: &str) -> Result<Dictionary> {
        Ok(Dictionary::new(id_kind(self.parts(), column)?))
    }

    /// Text without nulls.
    ///
    /// # Errors
    /// A missing column, another type, a null.
    pub fn text(&self, column: &str) -> Result<Vec<String>> {
        self.required(column, &DataType::LargeUtf8, |chunk, row| {
            Ok(chunk.array.as_string::<i64>().value(row).to_string())
        })
    }

    /// Text that may be null.
    ///
    /// # Errors
    /// A missing column or another type.
    pub fn text_or_null(&self, column: &str) -> Result<Vec<Option<String>>> {
        self.optional(column, &DataType::LargeUtf8, |chunk, row| {
            Ok(chunk.array.as_string::<i64>().value(row).to_string())
        })
    }

    /// Finite numbers without nulls.
    ///
    /// # Errors
    /// A missing column, another type, a null, NaN or an infinity.
    pub fn numbers(&self, column: &str) -> Result<Vec<f32>> {
        self.required(column, &DataType::Float32, finite)
    }

    /// Numbers in [0, 1] without nulls.
    ///
    /// # Errors
    /// As [`Table::numbers`], and a number outside.
    pub fn shares(&self, column: &str) -> Result<Vec<f32>> {
        self.required(column, &DataType::Float32, |chunk, row| {
            match finite(chunk, row)? {
                value if (0.0..=1.0).contains(&value) => Ok(value),
                value => Err(chunk.place(Error::data(format!("the value is {value}, not from 0 to 1")), row)),
            }
        })
    }

    /// Finite numbers that may be null.
    ///
    /// # Errors
    /// A missing column, another type, NaN or an infinity.
    pub fn numbers_or_null(&self, column: &str) -> Result<Vec<Option<f32>>> {
        self.optional(column, &DataType::Float32, finite)
    }

    /// Numbers of 64 bits without nulls (NaN allowed: a metric may be undefined).
    ///
    /// # Errors
    /// A missing column, another type, a null.
    pub fn doubles(&self, column: &str) -> Result<Vec<f64>> {
        self.required(column, &DataType::Float64, |chunk, row| {
            Ok(chunk
                .array
                .as_primitive::<arrow::datatypes::Float64Type>()
                .value(row))
        })
    }

    /// Milliseconds since 1970 UTC; timestamps of any unit and dates are converted, integers taken as milliseconds.
    ///
    /// # Errors
    /// A missing column, another type, a null.
    pub fn milliseconds(&self, column: &str) -> Result<Vec<i64>> {
        self.required(column, &TIMES, |chunk, row| Ok(time_at(chunk, row)))
    }

    /// Non-negative 32-bit integers without nulls.
    ///
    /// # Errors
    /// A missing column, another type, a null, a value out of range.
    pub fn u32s(&self, column: &str) -> Result<Vec<u32>> {
        self.primitives::<UInt32Type>(column)
    }

    /// Non-negative 64-bit integers without nulls.
    ///
    /// # Errors
    /// A missing column, another type, a null, a value out of range.
    pub fn u64s(&self, column: &str) -> Result<Vec<u64>> {
        self.primitives::<UInt64Type>(column)
    }

    /// Non-negative 32-bit integers that may be null.
    ///
    /// # Errors
    /// A missing column, another type, a value out of range.
    pub fn u32s_or_null(&self, column: &str) -> Result<Vec<Option<u32>>> {
        self.optional(column, &DataType::UInt32, |chunk, row| {
            Ok(chunk.array.as_primitive::<UInt32Type>().value(row))
        })
    }

    /// Non-negative 64-bit integers that may be null.
    ///
    /// # Errors
    /// A missing column, another type, a value out of range.
    pub fn u64s_or_null(&self, column: &str) -> Result<Vec<Option<u64>>> {
        self.optional(column, &DataType::UInt64, |chunk, row| {
            Ok(chunk.array.as_primitive::<UInt64Type>().value(row))
        })
    }

    fn primitives<T: ArrowPrimitiveType>(&self, column: &str) -> Result<Vec<T::Native>> {
        self.required(column, &T::DATA_TYPE, |chunk, row| {
            Ok(chunk.array.as_primitive::<T>().value(row))
        })
    }

    /// Lists of text; a null list is an empty one.
    ///
    /// # Errors
    /// A missing column, another type, a null inside a list.
    pub fn text_lists(&self, column: &str) -> Result<Vec<Vec<String>>> {
        self.lists(column, &DataType::LargeUtf8, |array, at| {
            array.as_string::<i64>().value(at).to_string()
        })
    }

    /// Lists of ids as codes of `dictionary`, which gets those that it lacks; a null list is an empty one.
    ///
    /// # Errors
    /// A missing column, another type, a null inside a list.
    pub fn id_lists(&self, column: &str, dictionary: &mut Dictionary) -> Result<Vec<Vec<u32>>> {
        let of_list = |part: &ParquetFile| match part.column_type(column) {
            Ok(DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)) => {
                id_type(item.data_type())
            }
            _ => DataType::LargeUtf8,
        };
        let mut kinds = self.parts().iter().map(of_list);
        let kind = kinds
            .find(|kind| *kind == DataType::Int64)
            .unwrap_or(DataType::LargeUtf8);
        self.lists(column, &kind, |array, at| match array.as_string_opt::<i64>() {
            Some(text) => dictionary.intern(text.value(at)),
            None => dictionary.intern(&array.as_primitive::<Int64Type>().value(at).to_string()),
        })
    }

    /// Lists of finite numbers; a null list is an empty one.
    ///
    /// # Errors
    /// A missing column, another type, a null, NaN or infinity inside a list.
    pub fn number_lists(&self, column: &str) -> Result<Vec<Vec<f32>>> {
        let lists = self.lists(column, &DataType::Float32, |array, at| {
            array.as_primitive::<Float32Type>().value(at)
        })?;
        if let Some(row) = lists
            .iter()
            .position(|list| list.iter().any(|value| !value.is_finite()))
        {
            return Err(self.place(Error::data("the list holds NaN or an infinity"), column, row));
        }
        Ok(lists)
    }

    /// Lists of `width` finite numbers, one after the other.
    ///
    /// # Errors
    /// As [`Table::number_lists`], and a list of another length.
    pub fn number_rows(&self, column: &str, width: usize) -> Result<Vec<f32>> {
        let lists = self.number_lists(column)?;
        match lists.iter().position(|list| list.len() != width) {
            None => Ok(lists.concat()),
            Some(row) => {
                let error = Error::data(format!("the list has {} numbers, not {width}", lists[row].len()));
                Err(self.place(error, column, row))
            }
        }
    }

    /// Lists of non-negative 32-bit integers; a null list is an empty one.
    ///
    /// # Errors
    /// A missing column, another type, a null or a value out of range inside a list.
    pub fn u32_lists(&self, column: &str) -> Result<Vec<Vec<u32>>> {
        self.lists(column, &DataType::UInt32, |array, at| {
            array.as_primitive::<UInt32Type>().value(at)
        })
    }

    /// Lists of booleans; a null list is an empty one.
    ///
    /// # Errors
    /// A missing column, another type, a null inside a list.
    pub fn bool_lists(&self, column: &str) -> Result<Vec<Vec<bool>>> {
        self.lists(column, &DataType::Boolean, |array, at| {
            array.as_boolean().value(at)
        })
    }

    fn lists<T>(
        &self,
        column: &str,
        item: &DataType,
        mut get: impl FnMut(&ArrayRef, usize) -> T,
    ) -> Result<Vec<Vec<T>>> {
        let wanted = DataType::LargeList(Arc::new(Field::new("item", item.clone(), true)));
        let mut lists = Vec::with_capacity(self.rows());
        for chunk in self.known_chunks(column, &wanted)? {
            let array = chunk.array.as_list::<i64>();
            for row in 0..array.len() {
                if array.is_null(row) {
                    lists.push(Vec::new());
                    continue;
                }
                let values = array.value(row);
                if values.null_count() > 0 {
                    return Err(chunk.place(Error::data("the list holds a null"), row));
                }
                lists.push((0..values.len()).map(|at| get(&values, at)).collect());
            }
        }
        Ok(lists)
    }

    fn required<T>(
        &self,
        column: &str,
        wanted: &DataType,
        get: impl Fn(&Chunk<'_>, usize) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut values = Vec::with_capacity(self.rows());
        for chunk in self.chunks(column, wanted)? {
            for row in 0..chunk.array.len() {
                present(&chunk, row)?;
                values.push(get(&chunk, row)?);
            }
        }
        Ok(values)
    }

    fn optional<T>(
        &self,
        column: &str,
        wanted: &DataType,
        get: impl Fn(&Chunk<'_>, usize) -> Result<T>,
    ) -> Result<Vec<Option<T>>> {
        let mut values = Vec::with_capacity(self.rows());
        for chunk in self.known_chunks(column, wanted)? {
            for row in 0..chunk.array.len() {
                values.push(if chunk.array.is_null(row) {
                    None
                } else {
                    Some(get(&chunk, row)?)
                });
            }
        }
        Ok(values)
    }
}

/// The finite number in a row of a chunk of 32-bit numbers.
fn finite(chunk: &Chunk<'_>, row: usize) -> Result<f32> {
    let value = chunk.array.as_primitive::<Float32Type>().value(row);
    match value.is_finite() {
        true => Ok(value),
        false => Err(chunk.place(not_finite(value), row)),
    }
}

pub(crate) fn not_finite(value: f32) -> Error {
    Error::data(format!("the value is {value}")).hint("drop or mend the row: numbers must be finite")
}

#[cfg(test)]
mod tests;
