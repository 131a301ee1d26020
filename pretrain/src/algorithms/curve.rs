//! How a training run goes: points for the metrics file, lines for the log, steps for the progress bar.

use common::terminal::{self, Progress};

/// One measurement of a training run.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// `train`, or `tail` for what was held out of the log.
    pub split: &'static str,
    /// What was measured.
    pub metric: &'static str,
    /// Updates done.
    pub step: u64,
    /// The value.
    pub value: f64,
}

/// Collects the points of one run.
pub struct Curve<'a> {
    label: String,
    progress: Option<&'a Progress>,
    points: Vec<Point>,
}

impl<'a> Curve<'a> {
    /// For the run called `label` ("seed 3"), advancing `progress`.
    pub fn new(label: String, progress: &'a Progress) -> Self {
        Curve {
            label,
            progress: Some(progress),
            points: Vec::new(),
        }
    }

    /// Without log lines and progress bar.
    pub fn silent() -> Self {
        Curve {
            label: String::new(),
            progress: None,
            points: Vec::new(),
        }
    }

    /// One update is done.
    pub(crate) fn advance(&self) {
        if let Some(progress) = self.progress {
            progress.add(1);
        }
    }

    /// Measurements after `step` updates.
    pub(crate) fn record(&mut self, split: &'static str, step: u64, values: &[(&'static str, f64)]) {
        self.keep(split, step, values);
        if self.progress.is_some() {
            let values: Vec<String> = values
                .iter()
                .map(|(name, value)| format!("{name} {value:.4}"))
                .collect();
            terminal::info(&format!("{}, step {step}: {}", self.label, values.join(", ")));
        }
    }

    /// The same for the metrics file alone.
    pub(crate) fn keep(&mut self, split: &'static str, step: u64, values: &[(&'static str, f64)]) {
        let points = values.iter().map(|&(metric, value)| Point {
            split,
            metric,
            step,
            value,
        });
        self.points.extend(points);
    }

    /// The points, in the order they were recorded.
    pub(crate) fn into_points(self) -> Vec<Point> {
        self.points
    }
}
