//! Text of all layouts, and numbers as text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericStringArray, OffsetSizeTrait};
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, Float32Type,
};

use super::numbers::{self, Number};
use crate::schema::column::MOST_TEXT;

/// What reads the text of a row that is not null; bytes may be none.
type Reader<'a> = Box<dyn Fn(usize) -> Option<&'a str> + 'a>;

/// How the texts of `array` are read; none where it holds none.
pub(super) fn reader(array: &ArrayRef) -> Option<Reader<'_>> {
    Some(match array.data_type() {
        DataType::Utf8 => {
            let text = array.as_string::<i32>();
            Box::new(|row| Some(text.value(row)))
        }
        DataType::LargeUtf8 => {
            let text = array.as_string::<i64>();
            Box::new(|row| Some(text.value(row)))
        }
        DataType::Utf8View => {
            let text = array.as_string_view();
            Box::new(|row| Some(text.value(row)))
        }
        // Some writers leave out that their bytes are text.
        DataType::Binary => {
            let bytes = array.as_binary::<i32>();
            Box::new(|row| std::str::from_utf8(bytes.value(row)).ok())
        }
        DataType::LargeBinary => {
            let bytes = array.as_binary::<i64>();
            Box::new(|row| std::str::from_utf8(bytes.value(row)).ok())
        }
        DataType::BinaryView => {
            let bytes = array.as_binary_view();
            Box::new(|row| std::str::from_utf8(bytes.value(row)).ok())
        }
        _ => return None,
    })
}

/// As text with offsets of a width.
pub(super) fn convert<O: OffsetSizeTrait>(array: &ArrayRef) -> Option<ArrayRef> {
    let rows = 0..array.len();
    if let (false, Some(text)) = (O::IS_LARGE, reader(array)) {
        let bytes = rows
            .clone()
            .filter_map(|row| text(row).filter(|_| array.is_valid(row)));
        if bytes.map(str::len).sum::<usize>() > MOST_TEXT {
            return None;
        }
    }
    let is_valid = |row: &usize| array.is_valid(*row);
    let text: GenericStringArray<O> = if let Some(text) = reader(array) {
        rows.map(|row| is_valid(&row).then(|| text(row)).flatten())
            .collect()
    } else {
        let write = written(array)?;
        rows.map(|row| is_valid(&row).then(|| write(row)).flatten())
            .collect()
    };
    Some(Arc::new(text))
}

/// What writes the number of a row.
fn written(array: &ArrayRef) -> Option<Box<dyn Fn(usize) -> Option<String> + '_>> {
    Some(match array.data_type() {
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>().values();
            Box::new(|row| Some(values[row].to_string()))
        }
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(|row| Some(values.value(row).to_string()))
        }
        _ => {
            if let Some(decimal) = decimals(array) {
                return Some(Box::new(move |row| Some(decimal(row))));
            }
            let number = numbers::reader(array)?;
            Box::new(move |row| {
                Some(match number(row)? {
                    Number::Whole(number) => number.to_string(),
                    Number::Real(number) => number.to_string(),
                })
            })
        }
    })
}

/// What writes the decimals of `array`, exactly and without zeros at the end of a fraction; none where it holds none.
pub(super) fn decimals(array: &ArrayRef) -> Option<Box<dyn Fn(usize) -> String + '_>> {
    Some(match array.data_type() {
        DataType::Decimal32(_, scale) => decimals_of::<Decimal32Type>(array, *scale),
        DataType::Decimal64(_, scale) => decimals_of::<Decimal64Type>(array, *scale),
        DataType::Decimal128(_, scale) => decimals_of::<Decimal128Type>(array, *scale),
        DataType::Decimal256(_, scale) => decimals_of::<Decimal256Type>(array, *scale),
        _ => return None,
    })
}

fn decimals_of<T: DecimalType>(array: &ArrayRef, scale: i8) -> Box<dyn Fn(usize) -> String + '_> {
    let values = array.as_primitive::<T>().values();
    Box::new(move |row| {
        let text = T::format_decimal(values[row], T::MAX_PRECISION, scale);
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
            false => text,
        }
    })
}
