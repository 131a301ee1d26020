//! Lists of all layouts, their items converted too.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericListArray, OffsetSizeTrait};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef};

use super::convert as item;

/// As lists of `field` with offsets of a width.
pub(super) fn convert<O: OffsetSizeTrait>(array: &ArrayRef, field: &FieldRef) -> Option<ArrayRef> {
    let (values, ends): (&ArrayRef, Vec<usize>) = match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            (
                list.values(),
                list.offsets().iter().map(|&end| end as usize).collect(),
            )
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            (
                list.values(),
                list.offsets().iter().map(|&end| end as usize).collect(),
            )
        }
        DataType::FixedSizeList(_, size) => {
            let ends = (0..=array.len()).map(|row| row * *size as usize);
            (array.as_fixed_size_list().values(), ends.collect())
        }
        _ => return None,
    };
    let values = item(values, field.data_type())?;
    let offsets: Vec<O> = ends.into_iter().map(O::from_usize).collect::<Option<_>>()?;
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let lists = GenericListArray::<O>::try_new(field.clone(), offsets, values, array.nulls().cloned());
    Some(Arc::new(lists.ok()?))
}
