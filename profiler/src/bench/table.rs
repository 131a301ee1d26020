//! The printed result.

use std::fmt;
use std::time::Duration;

use common::Result;

/// What one method reached.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    what: String,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    /// Rates of each run, rising.
    Rates(Vec<f64>),
    /// Why there is none.
    NotMeasured(String),
}

impl Row {
    /// Measures `run` as often as wanted, after once for nothing; it gives how much it did and how long it took.
    pub(super) fn measure(
        what: impl Into<String>,
        runs: usize,
        mut run: impl FnMut() -> Result<(usize, Duration)>,
    ) -> Result<Self> {
        run()?;
        let rates = (0..runs)
            .map(|_| run().map(|(done, time)| done as f64 / time.as_secs_f64()))
            .collect::<Result<_>>()?;
        Ok(Row::new(what, rates))
    }

    pub(super) fn new(what: impl Into<String>, mut rates: Vec<f64>) -> Self {
        rates.sort_by(f64::total_cmp);
        Row {
            what: what.into(),
            outcome: Outcome::Rates(rates),
        }
    }

    pub(super) fn not_measured(what: impl Into<String>, why: impl Into<String>) -> Self {
        Row {
            what: what.into(),
            outcome: Outcome::NotMeasured(why.into()),
        }
    }

    fn median(&self) -> Option<f64> {
        match &self.outcome {
            Outcome::Rates(rates) => rates.get(rates.len() / 2).copied(),
            Outcome::NotMeasured(_) => None,
        }
    }
}

/// Methods that do the same work; the first is ours.
pub(super) struct Table {
    title: String,
    unit: &'static str,
    rows: Vec<Row>,
}

impl Table {
    pub(super) fn new(title: String, unit: &'static str) -> Self {
        Table {
            title,
            unit,
            rows: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.what.chars().count()).max();
        let (width, unit) = (width.unwrap_or(0), self.unit);
        writeln!(f, "{}", self.title)?;
        writeln!(f, "{:<width$}  {unit:>12}  {:>21}  {:>6}", "", "range", "ratio")?;
        let ours = self.rows.first().and_then(Row::median);
        for row in &self.rows {
            write!(f, "{:<width$}  ", row.what)?;
            match (&row.outcome, row.median()) {
                (Outcome::Rates(rates), Some(median)) => {
                    let range = format!("{:.1} to {:.1}", rates[0], rates[rates.len() - 1]);
                    let ratio = ours.map_or(f64::NAN, |ours| ours / median);
                    writeln!(f, "{median:>12.1}  {range:>21}  {ratio:>6.2}")?;
                }
                (Outcome::NotMeasured(why), _) => writeln!(f, "not measured: {why}")?,
                (Outcome::Rates(_), None) => writeln!(f, "no run")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_beside_range_and_ratio() {
        let mut table = Table::new("work".into(), "jobs/s");
        table.add(Row::new("ours", vec![30.0, 10.0, 20.0]));
        table.add(Row::new("another", vec![5.0, 4.0, 6.0]));
        table.add(Row::not_measured("a third", "it is not here"));
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().collect();
        let words = |line: &str| line.split_whitespace().map(String::from).collect::<Vec<_>>();
        assert_eq!(words(lines[2]), ["ours", "20.0", "10.0", "to", "30.0", "1.00"]);
        assert_eq!(words(lines[3]), ["another", "5.0", "4.0", "to", "6.0", "4.00"]);
        assert_eq!(lines[4], "a third  not measured: it is not here");
    }

    #[test]
    fn a_first_run_warms_up() {
        let mut calls = 0;
        let row = Row::measure("x", 3, || {
            calls += 1;
            Ok((calls, Duration::from_secs(1)))
        });
        assert_eq!(row.unwrap(), Row::new("x", vec![2.0, 3.0, 4.0]));
    }
}
