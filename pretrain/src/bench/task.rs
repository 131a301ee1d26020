//! What one process measures, and what it prints of that: the same for this tool's own processes and for its peers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How updates are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Episodes played against the reward model, and A2C of them: `ialp`.
    A2c,
    /// Behaviour cloning.
    Bc,
}

/// One measurement of this tool. It stands on the standard input of the process that makes it, as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) log: PathBuf,
    pub(super) like_threshold: Option<f32>,
    /// An empty folder of the process.
    pub(super) scratch: PathBuf,
    pub(super) kind: Kind,
    /// Items that an update scores; none: the whole catalogue.
    pub(super) negatives: Option<usize>,
    /// Updates between two readings of the clock.
    pub(super) updates: u64,
    /// How often that is measured, after once to warm up.
    pub(super) runs: usize,
    pub(super) workers: usize,
    /// Policies trained side by side.
    pub(super) copies: u64,
    /// Time trainings from their beginning to their end instead: all copies of one measurement as one.
    pub(super) whole: bool,
    pub(super) seed: u64,
}

/// A line of a process's standard output.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    /// One measurement.
    Run { transitions: u64, seconds: f64 },
    /// The most memory that the process has held.
    Memory { peak_kib: f64 },
}

/// What a process, or several side by side, reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reached {
    /// Transitions a second of each run.
    pub(super) rates: Vec<f64>,
    /// The most memory that one of them held.
    pub(super) peak_kib: f64,
}

impl Reached {
    pub(super) fn of(lines: &[Line]) -> Self {
        let mut reached = Reached::default();
        for line in lines {
            match *line {
                Line::Run { transitions, seconds } => reached.rates.push(transitions as f64 / seconds),
                Line::Memory { peak_kib } => reached.peak_kib = peak_kib,
            }
        }
        reached
    }

    /// Of processes side by side: run by run their rates together, and the memory of all.
    pub(super) fn together(parts: impl IntoIterator<Item = Reached>) -> Self {
        let mut parts = parts.into_iter();
        let mut sum = parts.next().unwrap_or_default();
        for part in parts {
            sum.rates
                .iter_mut()
                .zip(part.rates)
                .for_each(|(sum, rate)| *sum += rate);
            sum.peak_kib += part.peak_kib;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_scripts_are_read() {
        let read = |text: &str| serde_json::from_str::<Line>(text).unwrap();
        let lines = [
            read(r#"{"transitions": 640, "seconds": 0.5}"#),
            read(r#"{"peak_kib": 1024}"#),
        ];
        let one = Reached::of(&lines);
        assert_eq!(
            (one.rates.as_slice(), one.peak_kib),
            ([1280.0].as_slice(), 1024.0)
        );
        let two = Reached::together([one.clone(), one]);
        assert_eq!(
            (two.rates.as_slice(), two.peak_kib),
            ([2560.0].as_slice(), 2048.0)
        );
    }
}
