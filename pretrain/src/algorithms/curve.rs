//! How a training run goes: points for the metrics file, lines for the log, steps for the progress bar.

use std::borrow::Cow;

use common::terminal::{self, Progress};
use serde::{Deserialize, Serialize};

/// One measurement of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// `train`, or `tail` for what was held out of the log.
    pub split: Cow<'static, str>,
    /// What was measured.
    pub metric: Cow<'static, str>,
    /// Updates done.
    pub step: u64,
    /// The value.
    #[serde(with = "bits")]
    pub value: f64,
}

/// Values as their bits: JSON knows no NaN, and a resumed run writes the same bytes.
mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(value.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

/// Collects the points of one run.
pub struct Curve<'a> {
    label: String,
    progress: Option<&'a Progress>,
    /// Called after each update.
    watch: Option<&'a (dyn Fn() + Sync)>,
    points: Vec<Point>,
}

impl<'a> Curve<'a> {
    /// For the run called `label` ("seed 3"), advancing `progress`.
    pub fn new(label: String, progress: &'a Progress) -> Self {
        Curve {
            label,
            progress: Some(progress),
            watch: None,
            points: Vec::new(),
        }
    }

    /// Without log lines and progress bar, calling `watch` after each update.
    pub(crate) fn watched(watch: &'a (dyn Fn() + Sync)) -> Self {
        Curve {
            watch: Some(watch),
            ..Self::silent()
        }
    }

    /// Without log lines and progress bar.
    pub fn silent() -> Self {
        Curve {
            label: String::new(),
            progress: None,
            watch: None,
            points: Vec::new(),
        }
    }

    /// Takes up the points of the part of the run that was done before, `steps` updates.
    pub(crate) fn resume(&mut self, points: Vec<Point>, steps: u64) {
        self.points = points;
        if let Some(progress) = self.progress {
            progress.add(steps);
            terminal::info(&format!("{}: goes on after {steps} updates", self.label));
        }
    }

    /// One update is done.
    pub(crate) fn advance(&self) {
        if let Some(progress) = self.progress {
            progress.add(1);
        }
        if let Some(watch) = self.watch {
            watch();
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
            split: split.into(),
            metric: metric.into(),
            step,
            value,
        });
        self.points.extend(points);
    }

    /// The points so far, in the order they were recorded.
    pub(crate) fn points(&self) -> &[Point] {
        &self.points
    }

    /// The points, in the order they were recorded.
    pub(crate) fn into_points(self) -> Vec<Point> {
        self.points
    }
}
