//! The table of an evaluation for people, and the same for machines.

use clap::ValueEnum;
use common::schema::metrics::Metric as Row;
use common::{Result, shown, terminal};
use serde_json::json;

use super::interval::Interval;

/// After a metric's name: the lower bound of its interval.
pub(crate) const LOW: &str = "/low";
/// The upper bound.
pub(crate) const HIGH: &str = "/high";
/// How much it rests on: lists of a ranking metric, effective sample size of an estimate.
pub(crate) const SIZE: &str = "/n";

/// The form of what goes to stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people
    #[default]
    Text,
    /// JSON for machines
    Json,
}

/// The rows of one policy, as they come.
pub(crate) struct Sheet {
    name: String,
    seed: u64,
    split: &'static str,
    pub(crate) rows: Vec<Row>,
}

impl Sheet {
    /// Of the policy of this name and seed, on this part of a log.
    pub(crate) fn new(name: &str, seed: u64, split: &'static str) -> Self {
        Sheet {
            name: name.into(),
            seed,
            split,
            rows: Vec::new(),
        }
    }

    /// A number.
    pub(crate) fn push(&mut self, metric: &str, value: f64) {
        self.rows.push(Row {
            environment: "log".into(),
            method: self.name.clone(),
            seed: self.seed,
            split: self.split.into(),
            metric: metric.into(),
            step: 0,
            value,
        });
    }

    /// A number with its interval, and what it rests on.
    pub(crate) fn push_interval(&mut self, metric: &str, interval: Interval, size: f64) {
        self.push(metric, interval.estimate);
        self.push(&format!("{metric}{LOW}"), interval.low);
        self.push(&format!("{metric}{HIGH}"), interval.high);
        self.push(&format!("{metric}{SIZE}"), size);
    }
}

/// Prints the rows of an evaluation.
pub(crate) fn print(rows: &[Row], confidence: f64, format: Format) -> Result<()> {
    let lines = lines(rows);
    terminal::print(match format {
        Format::Text => text(&lines, confidence),
        Format::Json => json_of(&lines, confidence) + "\n",
    })
}

/// A metric with what belongs to it.
struct Line<'a> {
    policy: &'a str,
    seed: u64,
    metric: &'a str,
    value: f64,
    /// Bounds and size, where it has them.
    interval: Option<[f64; 3]>,
}

fn lines(rows: &[Row]) -> Vec<Line<'_>> {
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        let part = [LOW, HIGH, SIZE]
            .iter()
            .position(|part| row.metric.ends_with(part));
        match (part, lines.last_mut()) {
            (Some(part), Some(line)) => line.interval.get_or_insert([f64::NAN; 3])[part] = row.value,
            _ => lines.push(Line {
                policy: &row.method,
                seed: row.seed,
                metric: &row.metric,
                value: row.value,
                interval: None,
            }),
        }
    }
    lines
}

fn text(lines: &[Line], confidence: f64) -> String {
    let policy = |line: &Line| format!("{}, seed {}", shown(line.policy), line.seed);
    let head = format!("{} % interval", confidence * 100.0);
    let widest = |of: &dyn Fn(&Line) -> usize, least| lines.iter().map(of).max().unwrap_or(0).max(least);
    let wide = widest(&|line| policy(line).chars().count(), 6);
    let metric = widest(&|line| shown(line.metric).chars().count(), 22);
    let mut text = format!(
        "{:<wide$}  {:<metric$}  {:>9}  {head:<20}  {:>9}\n",
        "policy", "metric", "value", "n"
    );
    for line in lines {
        let value = match line.interval {
            None if line.value.fract() == 0.0 => format!("{:>9}", line.value),
            None => format!("{:>9.5}", line.value),
            Some([low, high, size]) => {
                let interval = format!("[{low:.5}, {high:.5}]");
                format!("{:>9.5}  {interval:<20}  {size:>9.0}", line.value)
            }
        };
        text += &format!(
            "{:<wide$}  {:<metric$}  {value}\n",
            policy(line),
            shown(line.metric)
        );
    }
    text
}

fn json_of(lines: &[Line], confidence: f64) -> String {
    let values: Vec<_> = lines
        .iter()
        .map(|line| {
            let mut value = json!({
                "policy": line.policy, "seed": line.seed, "metric": line.metric, "value": line.value,
            });
            if let Some([low, high, size]) = line.interval {
                value["low"] = json!(low);
                value["high"] = json!(high);
                value["n"] = json!(size);
                value["confidence"] = json!(confidence);
            }
            value
        })
        .collect();
    format!("{:#}", json!(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |metric: &str, value| Row {
            environment: "log".into(),
            method: "bc".into(),
            seed: 3,
            split: "later".into(),
            metric: metric.into(),
            step: 0,
            value,
        };
        vec![
            row("users", 9.0),
            row("ips", 0.5),
            row("ips/low", 0.25),
            row("ips/high", 0.75),
            row("ips/n", 12.0),
            row("snips", f64::NAN),
        ]
    }

    #[test]
    fn people_get_a_line_a_metric() {
        let text = text(&lines(&rows()), 0.95);
        let words = |line: usize| {
            text.lines()
                .nth(line)
                .unwrap()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert!(words(0).contains("95 % interval"), "{text}");
        assert_eq!(words(1), "bc, seed 3 users 9");
        assert_eq!(words(2), "bc, seed 3 ips 0.50000 [0.25000, 0.75000] 12");
        assert_eq!(text.lines().count(), 4);
    }

    #[test]
    fn machines_get_an_object_a_metric_and_null_where_a_value_is_undefined() {
        let values: serde_json::Value = serde_json::from_str(&json_of(&lines(&rows()), 0.9)).unwrap();
        assert_eq!(values[1]["high"], 0.75);
        assert_eq!(
            (&values[1]["n"], &values[1]["confidence"]),
            (&json!(12.0), &json!(0.9))
        );
        assert!(values[2]["value"].is_null() && values[0].get("low").is_none());
    }
}
