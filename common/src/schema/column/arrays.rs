//! The arrays that writers build.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, LargeListArray, LargeStringArray, LargeStringBuilder, ListArray,
    PrimitiveArray, StringArray, UInt32Array,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, Field, Int64Type, UInt64Type};

use crate::ids::{Dictionary, IdKind};
use crate::{Error, Result};

/// An id column in the dictionary's own type.
///
/// # Errors
/// When an id of an integer dictionary is not an integer.
pub(crate) fn id_array(dictionary: &Dictionary, codes: impl Iterator<Item = u32>) -> Result<ArrayRef> {
    match dictionary.kind() {
        IdKind::Text => Ok(text_array(codes.map(|code| dictionary.id(code)))),
        IdKind::Integer => whole_numbers::<Int64Type>(dictionary, codes),
        IdKind::Unsigned => whole_numbers::<UInt64Type>(dictionary, codes),
    }
}

fn whole_numbers<T: ArrowPrimitiveType<Native: FromStr>>(
    dictionary: &Dictionary,
    codes: impl Iterator<Item = u32>,
) -> Result<ArrayRef> {
    let parse = |code| {
        let id = dictionary.id(code);
        let number = id
            .parse()
            .map_err(|_| Error::data(format!("the id `{id}` is not a 64-bit integer")));
        number.map(Some)
    };
    let numbers: PrimitiveArray<T> = codes.map(parse).collect::<Result<_>>()?;
    Ok(Arc::new(numbers))
}

/// The most bytes of text that offsets of 32 bits reach; few in tests.
pub(crate) const MOST_TEXT: usize = if cfg!(test) { 1 << 20 } else { i32::MAX as usize };

/// A text column; its offsets have 64 bits where 32 do not reach.
pub(crate) fn text_array<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    optional_text_array(values.map(Some))
}

/// A text column with nulls; its offsets have 64 bits where 32 do not reach.
pub(crate) fn optional_text_array<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    let mut text = LargeStringBuilder::with_capacity(values.size_hint().0, 0);
    values.for_each(|value| text.append_option(value));
    let text = text.finish();
    if text.value_data().len() > MOST_TEXT {
        return Arc::new(text);
    }
    let (offsets, bytes, nulls) = text.into_parts();
    let offsets: Vec<i32> = offsets.iter().map(|&offset| offset as i32).collect();
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Arc::new(StringArray::new(offsets, bytes, nulls))
}

/// A list column over `values`, cut by `lengths`.
fn list_array(lengths: impl Iterator<Item = usize>, values: ArrayRef) -> ArrayRef {
    let field = Arc::new(Field::new("item", values.data_type().clone(), true));
    if values.len() < i32::MAX as usize {
        return Arc::new(ListArray::new(
            field,
            OffsetBuffer::from_lengths(lengths),
            values,
            None,
        ));
    }
    let mut offsets = vec![0i64];
    for length in lengths {
        offsets.push(offsets[offsets.len() - 1] + length as i64);
    }
    Arc::new(LargeListArray::new(
        field,
        OffsetBuffer::new(ScalarBuffer::from(offsets)),
        values,
        None,
    ))
}

/// A column of lists of text.
pub(crate) fn text_list_array<S: AsRef<str>>(lists: &[Vec<S>]) -> ArrayRef {
    let values = LargeStringArray::from_iter_values(lists.iter().flatten().map(AsRef::as_ref));
    list_array(lists.iter().map(Vec::len), Arc::new(values))
}

/// A column of lists of ids in the dictionary's own type.
///
/// # Errors
/// As [`id_array`].
pub(crate) fn id_list_array(dictionary: &Dictionary, lists: &[Vec<u32>]) -> Result<ArrayRef> {
    let values = id_array(dictionary, lists.iter().flatten().copied())?;
    Ok(list_array(lists.iter().map(Vec::len), values))
}

/// A column of lists of numbers.
pub(crate) fn number_list_array(lists: &[Vec<f32>]) -> ArrayRef {
    let values = Float32Array::from_iter_values(lists.iter().flatten().copied());
    list_array(lists.iter().map(Vec::len), Arc::new(values))
}

/// A column of lists of non-negative integers.
pub(crate) fn u32_list_array(lists: &[Vec<u32>]) -> ArrayRef {
    let values = UInt32Array::from_iter_values(lists.iter().flatten().copied());
    list_array(lists.iter().map(Vec::len), Arc::new(values))
}

/// A column of lists of booleans.
pub(crate) fn bool_list_array(lists: &[Vec<bool>]) -> ArrayRef {
    let values = BooleanArray::from(lists.iter().flatten().copied().collect::<Vec<_>>());
    list_array(lists.iter().map(Vec::len), Arc::new(values))
}
