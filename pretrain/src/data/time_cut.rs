//! Where a log is cut in time: the first part of its rows, ties in the order of rows.

use common::Result;
use common::logs::{Column, Scan};

/// Parts that a range of times is cut into by one pass over the log: three or four passes reach the millisecond.
const BUCKETS: u64 = 1 << 16;

/// A cut between two rows in the order of time: the rows before `time` and the first `ties` of those at `time` come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeCut {
    time: i64,
    ties: u64,
}

/// The cut as a pass over all rows meets it.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    cut: TimeCut,
}

impl TimeCut {
    /// After the last row.
    pub(crate) const END: TimeCut = TimeCut {
        time: i64::MAX,
        ties: u64::MAX,
    };

    /// Before the rows at `time`, in milliseconds.
    pub(crate) fn before(time: i64) -> Self {
        TimeCut { time, ties: 0 }
    }

    /// After the first `fraction` of the log's rows, rounded to the nearest row. Rows that are skipped do not count.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub(crate) fn after(scan: &Scan, fraction: f64) -> Result<Self> {
        if fraction >= 1.0 {
            return Ok(TimeCut::END);
        }
        let (mut rows, mut low, mut high) = (0, i64::MAX, i64::MIN);
        scan.columns("first and last time", &[Column::Time], |batch| {
            rows += batch.len() as u64;
            low = batch.timestamp.iter().copied().fold(low, i64::min);
            high = batch.timestamp.iter().copied().fold(high, i64::max);
            Ok(())
        })?;
        let wanted = (rows as f64 * fraction).round() as u64;
        if wanted == 0 {
            return Ok(TimeCut::before(i64::MIN));
        }
        // The wanted-th row in time is from `low` to `high`; so many rows are earlier than `low`.
        let mut earlier = 0;
        while low < high {
            let width = high.wrapping_sub(low) as u64 / BUCKETS + 1;
            let mut counts = vec![0u64; BUCKETS as usize];
            scan.columns("time of the cut", &[Column::Time], |batch| {
                for &time in batch
                    .timestamp
                    .iter()
                    .filter(|&&time| low <= time && time <= high)
                {
                    counts[(time.wrapping_sub(low) as u64 / width) as usize] += 1;
                }
                Ok(())
            })?;
            let mut bucket = 0;
            while bucket + 1 < counts.len() && earlier + counts[bucket] < wanted {
                earlier += counts[bucket];
                bucket += 1;
            }
            low = low.wrapping_add((bucket as u64 * width) as i64);
            high = high.min(low.saturating_add((width - 1) as i64));
        }
        Ok(TimeCut {
            time: low,
            ties: wanted - earlier,
        })
    }

    /// For one pass over all rows.
    pub(crate) fn pass(self) -> Pass {
        Pass { cut: self }
    }
}

impl Pass {
    /// Whether the next row, at `time`, is before the cut.
    pub(crate) fn is_first(&mut self, time: i64) -> bool {
        if time != self.cut.time {
            return time < self.cut.time;
        }
        let first = self.cut.ties > 0;
        self.cut.ties = self.cut.ties.saturating_sub(1);
        first
    }
}
