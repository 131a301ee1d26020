//! The one place that reads the wall clock: feedback that names no time of its own gets the time at which it came.
//!
//! The time goes into the event's record and from there into `events.parquet`. No decision and no update depends on it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, UTC; 0 for a clock that stands before that.
#[allow(clippy::disallowed_methods)]
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
