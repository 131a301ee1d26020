//! Times of calls.

use std::time::Duration;

use common::{Error, Result};
use hdrhistogram::Histogram;

/// The longest time that is told apart, in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// Times of many calls, each known to one part in a thousand.
#[derive(Debug, Clone)]
pub(crate) struct Latency {
    times: Histogram<u64>,
}

impl Latency {
    pub(crate) fn new() -> Result<Self> {
        let times = Histogram::new_with_bounds(1, LONGEST, 3)
            .map_err(|e| Error::usage(format!("no histogram can be made: {e}")))?;
        Ok(Latency { times })
    }

    pub(crate) fn add(&mut self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(LONGEST);
        self.times.saturating_record(nanoseconds);
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.times.reset();
    }

    /// Adds the times of `other`.
    pub(crate) fn merge(&mut self, other: &Latency) -> Result<()> {
        let added = self.times.add(&other.times);
        added.map_err(|e| Error::usage(format!("times of two kinds: {e}")))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.times.len()
    }

    /// The time below which this share of the calls lies, in microseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        self.times.value_at_quantile(share) as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_times() {
        let mut latency = Latency::new().unwrap();
        (1..=1000).for_each(|i| latency.add(Duration::from_micros(i)));
        for (share, time) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0)] {
            let found = latency.quantile(share);
            assert!((found - time).abs() < 0.002 * time, "{share}: {found}");
        }
        latency.add(Duration::from_secs(100_000));
        assert!(latency.quantile(1.0) > 5.9e7);
    }
}
