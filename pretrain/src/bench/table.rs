//! The printed result.

use std::fmt;

use serde::Serialize;

use super::task::Reached;

/// What one way to do a job reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    what: String,
    /// Transitions a second of each run, rising; empty where it was not measured.
    rates: Vec<f64>,
    /// The most memory that its processes held.
    peak_mib: f64,
    /// Why it was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

impl Row {
    pub(super) fn new(what: impl Into<String>, reached: Reached) -> Self {
        let mut rates = reached.rates;
        rates.sort_by(f64::total_cmp);
        Row {
            what: what.into(),
            rates,
            peak_mib: reached.peak_kib / 1024.0,
            failed: None,
        }
    }

    pub(super) fn not_measured(what: impl Into<String>, why: impl Into<String>) -> Self {
        Row {
            what: what.into(),
            rates: Vec::new(),
            peak_mib: f64::NAN,
            failed: Some(why.into()),
        }
    }

    pub(super) fn median(&self) -> Option<f64> {
        self.rates.get(self.rates.len() / 2).copied()
    }
}

/// Ways to do the same work; the first is ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Table {
    title: String,
    rows: Vec<Row>,
}

impl Table {
    pub(super) fn new(title: impl Into<String>, rows: Vec<Row>) -> Self {
        Table {
            title: title.into(),
            rows,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .rows
            .iter()
            .map(|row| row.what.chars().count())
            .max()
            .unwrap_or(0);
        writeln!(f, "{}", self.title)?;
        writeln!(
            f,
            "{:<width$}  {:>13}  {:>19}  {:>6}  {:>9}",
            "", "transitions/s", "range", "ratio", "peak MiB"
        )?;
        let ours = self.rows.first().and_then(Row::median);
        for row in &self.rows {
            write!(f, "{:<width$}  ", row.what)?;
            let (Some(median), Some(slowest), Some(fastest)) =
                (row.median(), row.rates.first(), row.rates.last())
            else {
                writeln!(f, "not measured: {}", row.failed.as_deref().unwrap_or("no run"))?;
                continue;
            };
            let range = format!("{slowest:.0} to {fastest:.0}");
            let ratio = ours.map_or(f64::NAN, |ours| ours / median);
            writeln!(
                f,
                "{median:>13.0}  {range:>19}  {ratio:>6.2}  {:>9.0}",
                row.peak_mib
            )?;
        }
        Ok(())
    }
}

/// How well runs share the workers.
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
        let rate = |row: &Row| row.median().unwrap_or(f64::NAN);
        rate(&self.alone) * self.workers as f64 / rate(&self.together)
    }
}

impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!("A2C with a GRU, {} policies from beginning to end", self.policies);
        write!(
            f,
            "{}",
            Table::new(title, vec![self.together.clone(), self.alone.clone()])
        )?;
        writeln!(
            f,
            "time with {} workers over a fair share of the time with one: {:.2}",
            self.workers,
            self.ratio()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(what: &str, rates: &[f64]) -> Row {
        Row::new(
            what,
            Reached {
                rates: rates.to_vec(),
                peak_kib: 2048.0,
            },
        )
    }

    #[test]
    fn the_median_stands_beside_range_ratio_and_memory() {
        let rows = vec![
            row("ours", &[30.0, 10.0, 20.0]),
            row("another", &[5.0, 4.0, 6.0]),
            Row::not_measured("a third", "it is not here"),
        ];
        let text = Table::new("work", rows).to_string();
        let lines: Vec<&str> = text.lines().collect();
        let words = |line: &str| line.split_whitespace().map(String::from).collect::<Vec<_>>();
        assert_eq!(words(lines[2]), ["ours", "20", "10", "to", "30", "1.00", "2"]);
        assert_eq!(words(lines[3]), ["another", "5", "4", "to", "6", "4.00", "2"]);
        assert_eq!(lines[4], "a third  not measured: it is not here");
    }

    #[test]
    fn two_workers_that_double_the_rate_share_perfectly() {
        let scaling = |together: f64| Scaling {
            policies: 8,
            workers: 2,
            alone: row("1 worker", &[10.0]),
            together: row("2 workers", &[together]),
        };
        assert_eq!((scaling(20.0).ratio(), scaling(16.0).ratio()), (1.0, 1.25));
    }
}
