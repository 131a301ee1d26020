//! What rounds and slates have in common: clusters, weights, and estimates as rows.

use std::path::Path;

use common::{Error, Result, terminal};

use crate::evaluate::estimators::Estimate;
use crate::evaluate::evidence::Weights;
use crate::evaluate::interval::Interval;
use crate::evaluate::table::Sheet;

/// Each of `count` rounds' or slates' cluster: as told, or one by itself.
///
/// # Errors
/// Fewer than two clusters: there is no interval then.
pub(super) fn clusters(told: Option<Vec<u32>>, count: usize, path: &Path) -> Result<Vec<u32>> {
    let found = told.unwrap_or_else(|| {
        terminal::info("no column of clusters: intervals take each row or slate as independent of the others (--cluster)");
        (0..count as u32).collect()
    });
    match found.iter().any(|of| *of != found[0]) {
        true => Ok(found),
        false => Err(
            Error::data("the table has a single cluster: intervals need at least two")
                .file(path)
                .hint("give more rounds, or name another column: --cluster COLUMN"),
        ),
    }
}

/// What the weights look like, and what was earned.
pub(super) fn facts(sheet: &mut Sheet, weights: &Weights, earned: &[f64], cluster: &[u32], confidence: f64) {
    let clusters = cluster.iter().max().map_or(0.0, |most| f64::from(*most) + 1.0);
    sheet.push("clusters", clusters);
    sheet.push("clipped weights", weights.clipped as f64);
    sheet.push("largest weight's share", weights.largest_share());
    for (name, values) in [("mean weight", weights.values.as_slice()), ("logged", earned)] {
        let mean = Interval::of_mean(values, cluster, confidence);
        sheet.push_interval(name, mean, values.len() as f64);
    }
}

/// An estimate. One that uses weights where none has any is not 0: it is not known.
pub(super) fn push_estimate(
    sheet: &mut Sheet,
    name: &str,
    estimate: &Estimate,
    cluster: &[u32],
    confidence: f64,
) {
    let interval = match estimate.effective > 0.0 {
        true => Interval::of(estimate.value, &estimate.influence, cluster, confidence),
        false => Interval {
            estimate: f64::NAN,
            low: f64::NAN,
            high: f64::NAN,
        },
    };
    sheet.push_interval(name, interval, estimate.effective);
}

/// Says that estimators are left out, and what would give them.
pub(super) fn left_out(names: &str, wanted: &str) {
    terminal::info(&format!("left out: {names}, for which {wanted}"));
}
