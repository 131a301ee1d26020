//! How well runs share the workers.

use std::fmt;

use common::bench::{Row, Table};
use serde::Serialize;

/// Policies trained by all workers and by one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Scaling {
    /// Policies trained.
    pub(super) policies: u64,
    pub(super) workers: usize,
    /// With one worker.
    pub(super) alone: Row,
    /// With all.
    pub(super) together: Row,
}

impl Scaling {
    /// The time with all workers over a fair share of the time with one; 1 is perfect.
    pub(super) fn ratio(&self) -> f64 {
        self.alone.median() * self.workers as f64 / self.together.median()
    }
}

impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = Table {
            title: format!("A2C with a GRU, {} policies from beginning to end", self.policies),
            unit: super::UNIT,
            rows: vec![self.together.clone(), self.alone.clone()],
        };
        writeln!(
            f,
            "{table}time with {} workers over a fair share of the time with one: {:.2}",
            self.workers,
            self.ratio()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_workers_that_double_the_rate_share_perfectly() {
        let scaling = |together: f64| Scaling {
            policies: 8,
            workers: 2,
            alone: Row::new("1 worker", vec![10.0]),
            together: Row::new("2 workers", vec![together]),
        };
        assert_eq!((scaling(20.0).ratio(), scaling(16.0).ratio()), (1.0, 1.25));
    }
}
