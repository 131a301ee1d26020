//! How the benchmarks of the tools measure, and the tables that they print: cells with two spaces or more between them, and
//! an empty line between two tables. `scripts/peers/beside` reads them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Result;

/// What one way to do some work reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub what: String,
    /// Work a second of each run, rising.
    rates: Vec<f64>,
    /// The most memory that its process held.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_mib: Option<f64>,
}

impl Row {
    /// Of the rates of all runs.
    pub fn new(what: impl Into<String>, mut rates: Vec<f64>) -> Self {
        rates.sort_by(f64::total_cmp);
        Row {
            what: what.into(),
            rates,
            peak_mib: None,
        }
    }

    /// With the most memory that this process has held.
    #[must_use]
    pub fn with_peak_memory(self) -> Self {
        let peak_mib = peak_memory().map(|kib| kib / 1024.0);
        Row { peak_mib, ..self }
    }

    /// Measures `run` as often as wanted, after once for nothing; it gives how much it did and how long it took.
    ///
    /// # Errors
    /// Those of `run`.
    pub fn measure(
        what: impl Into<String>,
        runs: usize,
        mut run: impl FnMut() -> Result<(u64, Duration)>,
    ) -> Result<Self> {
        run()?;
        let rates = (0..runs)
            .map(|_| run().map(|(done, time)| done as f64 / time.as_secs_f64()))
            .collect::<Result<_>>()?;
        Ok(Row::new(what, rates))
    }

    /// The middle rate; NaN without a run.
    pub fn median(&self) -> f64 {
        median(self.rates.clone())
    }
}

/// Ways to do the same work, beside the first of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// What is done.
    pub title: String,
    /// What is counted.
    pub unit: &'static str,
    /// The ways.
    pub rows: Vec<Row>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = vec!["", self.unit, "range", "ratio"];
        names.extend(
            self.rows
                .iter()
                .any(|row| row.peak_mib.is_some())
                .then_some("peak MiB"),
        );
        let first = self.rows.first().map_or(f64::NAN, Row::median);
        let cells = |row: &Row| {
            let [slowest, fastest] =
                [row.rates.first(), row.rates.last()].map(|rate| rate.map_or("-".into(), |&r| number(r)));
            let ratio = format!("{:.2}", first / row.median());
            let mut cells = vec![
                row.what.clone(),
                number(row.median()),
                format!("{slowest} to {fastest}"),
                ratio,
            ];
            cells.extend(row.peak_mib.map(number));
            cells
        };
        let rows: Vec<Vec<String>> = self.rows.iter().map(cells).collect();
        write!(f, "{}\n{}", self.title, table(&names, &rows))
    }
}

/// Columns of text, the first to the left and the others to the right, below a line of names.
pub fn table(names: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .chain([names[column].chars().count()])
            .max()
    };
    let widths: Vec<usize> = (0..names.len()).filter_map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (column, (cell, &width)) in cells.zip(&widths).enumerate() {
            text += &match column {
                0 => format!("{cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            };
        }
        text.trim_end().to_string() + "\n"
    };
    let mut text = line(&mut names.iter().copied());
    for row in rows {
        text += &line(&mut row.iter().map(String::as_str));
    }
    text
}

/// The middle one, of an even number the upper; NaN of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A whole number with commas.
pub fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// With a digit after the point where it is small.
fn number(value: f64) -> String {
    if value < 1000.0 {
        format!("{value:.1}")
    } else {
        thousands(value)
    }
}

/// The most memory that this process has held, in KiB, where the system tells.
pub fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(thousands(1_234_567.4), "1,234,567");
        assert_eq!(thousands(999.6), "1,000");
        assert_eq!(thousands(12.0), "12");
        assert_eq!((number(12.0), number(1234.5)), ("12.0".into(), "1,234".into()));
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn columns_stand_below_their_names() {
        let rows = vec![
            vec!["a".to_string(), "12".into()],
            vec!["long".into(), "3".into()],
        ];
        assert_eq!(table(&["", "n"], &rows), "       n\na     12\nlong   3\n");
    }

    #[test]
    fn the_median_stands_beside_range_ratio_and_memory() {
        let remembered = |row| Row {
            peak_mib: Some(2.0),
            ..row
        };
        let mut table = Table {
            title: "work".into(),
            unit: "jobs/s",
            rows: vec![
                Row::new("ours", vec![30.0, 10.0, 20.0]),
                Row::new("another", vec![5.0, 4.0, 6.0]),
            ],
        };
        let lines = |table: &Table| -> Vec<String> {
            let text = table.to_string();
            text.lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect()
        };
        let expected = [
            "work",
            "jobs/s range ratio",
            "ours 20.0 10.0 to 30.0 1.00",
            "another 5.0 4.0 to 6.0 4.00",
        ];
        assert_eq!(lines(&table), expected);
        table.rows = table.rows.into_iter().map(remembered).collect();
        assert_eq!(lines(&table)[3], "another 5.0 4.0 to 6.0 4.00 2.0");
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
