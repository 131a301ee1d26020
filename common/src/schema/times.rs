//! The range that the times of a log have: said when it is read, because an integer does not say its unit.

use std::fmt;
use std::path::Path;

use arrow::temporal_conversions::timestamp_ms_to_datetime;
use serde::{Deserialize, Serialize};

use crate::terminal;

/// The first and the last time of a log, in milliseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    range: Option<(i64, i64)>,
}

/// From here on, as seconds, a number is a day of 1986 or later; as milliseconds, of January 1970.
const FIRST_SECOND: i64 = 500_000_000;
/// From here on, as milliseconds, a number is a day of 1973 or later; as seconds, of the year 5138.
const FIRST_MILLISECOND: i64 = 100_000_000_000;
/// From here on, as microseconds, a number is a day of 1973 or later; as milliseconds, of the year 5138.
const FIRST_MICROSECOND: i64 = 100_000_000_000_000;
const FIRST_NANOSECOND: i64 = 100_000_000_000_000_000;

impl Times {
    /// Adds times.
    pub fn add(&mut self, times: &[i64]) {
        let low = times.iter().copied().min();
        if let (Some(low), Some(high)) = (low, times.iter().copied().max()) {
            let (first, last) = self.range.unwrap_or((low, high));
            self.range = Some((first.min(low), last.max(high)));
        }
    }

    /// Adds the times of another part of the log.
    pub fn merge(&mut self, other: Times) {
        if let Some((first, last)) = other.range {
            self.add(&[first, last]);
        }
    }

    /// Warns where the times look like another unit than milliseconds.
    pub fn warn(&self, path: &Path) {
        if let Some(unit) = self.looks_like() {
            terminal::warn(&format!(
                "{}: the times look like {unit}, and are taken for milliseconds since 1970: {self}\n\
                 hint: write `timestamp` as a timestamp, or as integer milliseconds",
                path.display()
            ));
        }
    }

    fn looks_like(&self) -> Option<&'static str> {
        let (first, last) = self.range?;
        match (first, last) {
            (_, FIRST_NANOSECOND..) => Some("nanoseconds"),
            (_, FIRST_MICROSECOND..) => Some("microseconds"),
            (FIRST_SECOND..FIRST_MILLISECOND, FIRST_MILLISECOND..) => Some("seconds in a part of the rows"),
            (FIRST_SECOND..FIRST_MILLISECOND, _) => Some("seconds"),
            _ => None,
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, last)) = self.range else {
            return f.write_str("no times");
        };
        // Places in an order are small numbers.
        if first >= 0 && last < FIRST_SECOND {
            return write!(f, "times {first} to {last}, an order without dates");
        }
        match (timestamp_ms_to_datetime(first), timestamp_ms_to_datetime(last)) {
            (Some(first), Some(last)) => write!(f, "times from {first} to {last} UTC"),
            _ => write!(f, "times from {first} to {last} ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_unit_is_noticed_and_an_order_is_none() {
        let of = |times: &[i64]| {
            let mut all = Times::default();
            times.iter().for_each(|&time| all.add(&[time]));
            (all.to_string(), all.looks_like())
        };
        let unit = |times: &[i64]| of(times).1;
        assert_eq!(
            of(&[1_700_000_000_000, 874_724_710_000]),
            (
                "times from 1997-09-20 03:05:10 to 2023-11-14 22:13:20 UTC".into(),
                None
            )
        );
        assert_eq!(
            of(&[0, 99]),
            ("times 0 to 99, an order without dates".into(), None)
        );
        assert_eq!(of(&[]), ("no times".into(), None));
        assert_eq!(unit(&[874_724_710, 1_700_000_000]), Some("seconds"));
        assert_eq!(
            unit(&[1_700_000_000, 1_700_000_000_000]),
            Some("seconds in a part of the rows")
        );
        assert_eq!(unit(&[1_700_000_000_000_000]), Some("microseconds"));
        assert_eq!(unit(&[0, i64::MAX]), Some("nanoseconds"));
        assert_eq!(unit(&[-1, 3]), None);
        assert_eq!(of(&[i64::MIN, 0]).0, format!("times from {} to 0 ms", i64::MIN));
    }
}
