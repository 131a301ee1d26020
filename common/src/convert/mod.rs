//! A column in the type that is wanted, whichever of the types that mean the same its writer chose: text of any layout,
//! dictionaries, numbers of any width, decimals, numbers written as text, lists and maps of any layout, times of any unit,
//! columns of nulls alone.
//!
//! A value that the wanted type cannot hold becomes null, which readers take for bad data where the column had a value.
//! These are the conversions that logs and frames need. arrow's `cast` knows several hundred more, which all of the tools
//! would carry: a fifth of `online`.

mod lists;
mod numbers;
mod text;
mod times;

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::compute::take;
use arrow::datatypes::{DataType, TimeUnit};

/// `array` as `wanted`; none where one does not stand for the other.
pub(crate) fn convert(array: &ArrayRef, wanted: &DataType) -> Option<ArrayRef> {
    match array.data_type() {
        found if found == wanted => return Some(array.clone()),
        DataType::Null => return Some(new_null_array(wanted, array.len())),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            // Converted first: what is wanted may have offsets that reach further than the dictionary's own.
            let values = convert(dictionary.values(), wanted)?;
            return take(&values, dictionary.keys(), None).ok();
        }
        _ => {}
    }
    match wanted {
        DataType::Utf8 => text::convert::<i32>(array),
        DataType::LargeUtf8 => text::convert::<i64>(array),
        DataType::Map(entries, _) => lists::convert_map(array, entries),
        DataType::List(item) => lists::convert::<i32>(array, item),
        DataType::LargeList(item) => lists::convert::<i64>(array, item),
        DataType::Timestamp(TimeUnit::Millisecond, zone) => times::convert(array, zone.clone()),
        _ => numbers::convert(array, wanted),
    }
}

/// The value in a row, for messages.
pub(crate) fn shown(array: &ArrayRef, row: usize) -> String {
    let text = convert(&array.slice(row, 1), &DataType::Utf8);
    text.map_or_else(String::new, |text| text.as_string::<i32>().value(0).to_string())
}

#[cfg(test)]
mod tests;
