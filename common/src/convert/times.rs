//! Times of all units: milliseconds since 1970, UTC.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMillisecondArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};

use super::numbers;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// As milliseconds, in the time zone `zone`: timestamps, of which what is smaller is cut off; dates as their midnight; whole
/// numbers are milliseconds already.
pub(super) fn convert(array: &ArrayRef, zone: Option<Arc<str>>) -> Option<ArrayRef> {
    macro_rules! of {
        ($kind:ty, $time:expr) => {{
            let values = array.as_primitive::<$kind>().values();
            Box::new(move |row: usize| $time(values[row]))
        }};
    }
    let read: Box<dyn Fn(usize) -> Option<i64> + '_> = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => of!(TimestampSecondType, |t: i64| t.checked_mul(1000)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of!(TimestampMillisecondType, Some),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            of!(TimestampMicrosecondType, |t: i64| Some(t.div_euclid(1000)))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            of!(TimestampNanosecondType, |t: i64| Some(t.div_euclid(1_000_000)))
        }
        DataType::Date32 => of!(Date32Type, |day: i32| Some(i64::from(day) * DAY)),
        DataType::Date64 => of!(Date64Type, Some),
        DataType::Boolean => return None,
        _ => {
            let number = numbers::reader(array)?;
            Box::new(move |row| number(row)?.whole())
        }
    };
    let time = |row: usize| match array.is_null(row) {
        true => None,
        false => read(row),
    };
    let times: TimestampMillisecondArray = (0..array.len()).map(time).collect();
    Some(Arc::new(times.with_timezone_opt(zone)))
}
