//! `metrics.parquet`: measurements. Columns `environment`, `method`, `seed` (u64), `split`, `metric`, `step`
//! (u64), `value` (f64; NaN where undefined).

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Float64Array, UInt64Array};

use super::column::text_array;
use super::table::Table;
use super::write::{self, Columns, RowGroups};
use crate::Result;
use crate::manifest::Manifest;

/// Artifact kind.
pub const METRICS: &str = "metrics";
/// What a policy's folder calls the metrics of its training.
pub const FILE_NAME: &str = "metrics.parquet";
/// Column of the environment's name.
pub(crate) const ENVIRONMENT: &str = "environment";
/// Column of the method's name.
pub(crate) const METHOD: &str = "method";
/// Column of the seed.
pub(crate) const SEED: &str = "seed";
/// Column of the split ("online", "test", "train").
pub(crate) const SPLIT: &str = "split";
/// Column of the metric's name.
pub(crate) const METRIC: &str = "metric";
/// Column of the step (episodes, updates) that the value belongs to.
pub(crate) const STEP: &str = "step";
/// Column of values.
pub(crate) const VALUE: &str = "value";

/// One measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The environment's name.
    pub environment: String,
    /// The method's name.
    pub method: String,
    /// The seed.
    pub seed: u64,
    /// The split.
    pub split: String,
    /// The metric's name.
    pub metric: String,
    /// The step.
    pub step: u64,
    /// The value; NaN where undefined.
    pub value: f64,
}

/// Reads measurements.
///
/// # Errors
/// A missing or unreadable file, a missing column, a wrong type, a null.
pub fn read(path: &Path) -> Result<Vec<Metric>> {
    let table = Table::open(path)?;
    table.require_artifact(&[METRICS])?;
    let (environment, method) = (table.text(ENVIRONMENT)?, table.text(METHOD)?);
    let (split, metric) = (table.text(SPLIT)?, table.text(METRIC)?);
    let (seed, step, value) = (table.u64s(SEED)?, table.u64s(STEP)?, table.doubles(VALUE)?);
    Ok((0..table.rows())
        .map(|row| Metric {
            environment: environment[row].clone(),
            method: method[row].clone(),
            seed: seed[row],
            split: split[row].clone(),
            metric: metric[row].clone(),
            step: step[row],
            value: value[row],
        })
        .collect())
}

/// Writes measurements.
///
/// # Errors
/// On I/O failure.
pub fn write(path: &Path, manifest: &Manifest, metrics: &[Metric]) -> Result<()> {
    write_pieces(path, manifest, RowGroups::OfOneSize, |write| write(metrics))
}

/// Writes the pieces that `fill` hands to its argument.
///
/// # Errors
/// On I/O failure, and those of `fill`.
pub fn write_pieces<T>(
    path: &Path,
    manifest: &Manifest,
    groups: RowGroups,
    fill: impl FnOnce(&mut dyn FnMut(&[Metric]) -> Result<()>) -> Result<T>,
) -> Result<T> {
    let schema = write::schema(columns(&[]))?;
    write::stream_groups(path, manifest, &[], schema, groups, |write| {
        fill(&mut |metrics| write(columns(metrics)))
    })
}

fn columns(metrics: &[Metric]) -> Columns {
    vec![
        (
            ENVIRONMENT,
            text_array(metrics.iter().map(|m| m.environment.as_str())),
            false,
        ),
        (
            METHOD,
            text_array(metrics.iter().map(|m| m.method.as_str())),
            false,
        ),
        (
            SEED,
            Arc::new(UInt64Array::from_iter_values(metrics.iter().map(|m| m.seed))) as _,
            false,
        ),
        (SPLIT, text_array(metrics.iter().map(|m| m.split.as_str())), false),
        (
            METRIC,
            text_array(metrics.iter().map(|m| m.metric.as_str())),
            false,
        ),
        (
            STEP,
            Arc::new(UInt64Array::from_iter_values(metrics.iter().map(|m| m.step))) as _,
            false,
        ),
        (
            VALUE,
            Arc::new(Float64Array::from_iter_values(metrics.iter().map(|m| m.value))) as _,
            false,
        ),
    ]
}
