//! Times of all units.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMillisecondArray};
use arrow::datatypes::{
    DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};

/// As milliseconds, in the time zone `zone`; what is smaller is cut off.
pub(super) fn convert(array: &ArrayRef, zone: Option<Arc<str>>) -> Option<ArrayRef> {
    let DataType::Timestamp(unit, _) = array.data_type() else {
        return None;
    };
    let (values, factor, divisor) = match unit {
        TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().values(), 1000, 1),
        TimeUnit::Millisecond => (array.as_primitive::<TimestampMillisecondType>().values(), 1, 1),
        TimeUnit::Microsecond => (array.as_primitive::<TimestampMicrosecondType>().values(), 1, 1000),
        TimeUnit::Nanosecond => (
            array.as_primitive::<TimestampNanosecondType>().values(),
            1,
            1_000_000,
        ),
    };
    let time = |row: usize| match array.is_null(row) {
        true => None,
        false => values[row].checked_mul(factor).map(|time| time / divisor),
    };
    let times: TimestampMillisecondArray = (0..array.len()).map(time).collect();
    Some(Arc::new(times.with_timezone_opt(zone)))
}
