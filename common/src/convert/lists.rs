//! Lists and maps of all layouts, what they hold converted too.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericListArray, MapArray, OffsetSizeTrait, StructArray};
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

/// As maps whose keys and values are those of `entries`, a struct of two.
pub(super) fn convert_map(array: &ArrayRef, entries: &FieldRef) -> Option<ArrayRef> {
    let (DataType::Map(_, _), DataType::Struct(wanted)) = (array.data_type(), entries.data_type()) else {
        return None;
    };
    let map = array.as_map();
    let columns = [map.keys(), map.values()].into_iter().zip(wanted);
    let columns = columns.map(|(found, field)| item(found, field.data_type()));
    let columns = columns.collect::<Option<Vec<_>>>()?;
    let nulls = map.entries().nulls().cloned();
    let pairs = StructArray::try_new(wanted.clone(), columns, nulls).ok()?;
    let offsets = map.offsets().clone();
    let maps = MapArray::try_new(entries.clone(), offsets, pairs, map.nulls().cloned(), false);
    Some(Arc::new(maps.ok()?))
}
