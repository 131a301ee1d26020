//! Reliability diagrams among metrics: how often what was predicted came true, in bins of the prediction.
//!
//! Rows of `metrics.parquet` with the split `reliability`: the step is the bin, counted from 0 by rising prediction,
//! and each bin has one row a quantity.

use std::collections::BTreeMap;

use super::metrics::Metric;
use crate::{Error, Result};

/// The split of their rows.
pub const RELIABILITY: &str = "reliability";
/// The quantities of a bin, in the order of [`Bin::values`].
const QUANTITIES: [&str; 5] = [
    "mean prediction",
    "observed frequency",
    "lower bound of the frequency",
    "upper bound of the frequency",
    "weight",
];

/// Predictions of about one size, and what happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Mean predicted probability.
    pub predicted: f64,
    /// How often it happened.
    pub observed: f64,
    /// The lower bound of the 95 % interval of `observed`.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
    /// How many predictions it stands for.
    pub weight: f64,
}

/// The bins of one method and seed, by rising prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagram {
    /// The method's name.
    pub method: String,
    /// The seed.
    pub seed: u64,
    /// The bins.
    pub bins: Vec<Bin>,
}

impl Bin {
    /// Names of metrics and their values.
    pub fn values(&self) -> [(&'static str, f64); 5] {
        let values = [self.predicted, self.observed, self.low, self.high, self.weight];
        std::array::from_fn(|at| (QUANTITIES[at], values[at]))
    }
}

/// The quantities found of each bin.
type Found = BTreeMap<u64, [Option<f64>; 5]>;

/// The diagrams that `rows` hold, by method and seed; other rows are passed over.
///
/// # Errors
/// Bad data, when a bin lacks a quantity.
pub fn diagrams(rows: &[Metric]) -> Result<Vec<Diagram>> {
    let mut found: BTreeMap<(&str, u64), Found> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.split == RELIABILITY) {
        if let Some(at) = QUANTITIES.iter().position(|name| *name == row.metric) {
            let bins = found.entry((&row.method, row.seed)).or_default();
            bins.entry(row.step).or_default()[at] = Some(row.value);
        }
    }
    let diagram = |((method, seed), bins): ((&str, u64), Found)| {
        let bins = bins.into_iter().map(|(step, values)| match values {
            [
                Some(predicted),
                Some(observed),
                Some(low),
                Some(high),
                Some(weight),
            ] => Ok(Bin {
                predicted,
                observed,
                low,
                high,
                weight,
            }),
            _ => Err(Error::data(format!(
                "bin {step} of the reliability of {method}, seed {seed}, is not whole"
            ))
            .hint("train the policy again")),
        });
        Ok(Diagram {
            method: method.to_string(),
            seed,
            bins: bins.collect::<Result<_>>()?,
        })
    };
    found.into_iter().map(diagram).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(seed: u64, bins: &[Bin]) -> Vec<Metric> {
        let row = |step: usize, (metric, value): (&str, f64)| Metric {
            environment: "log".into(),
            method: "ialp".into(),
            seed,
            split: RELIABILITY.into(),
            metric: metric.into(),
            step: step as u64,
            value,
        };
        let bins = bins.iter().enumerate();
        bins.flat_map(|(step, bin)| bin.values().map(|value| row(step, value)))
            .collect()
    }

    #[test]
    fn what_was_written_is_read_in_any_order() {
        let bin = |predicted| Bin {
            predicted,
            observed: 0.2,
            low: 0.1,
            high: 0.3,
            weight: 7.0,
        };
        let mut all = rows(3, &[bin(0.1), bin(0.4)]);
        all.extend(rows(2, &[bin(0.5)]));
        all.push(Metric {
            split: "train".into(),
            ..all[0].clone()
        });
        all.reverse();
        let found = diagrams(&all).unwrap();
        let seeds: Vec<(u64, usize)> = found.iter().map(|d| (d.seed, d.bins.len())).collect();
        assert_eq!(seeds, [(2, 1), (3, 2)]);
        assert_eq!(found[1].bins, [bin(0.1), bin(0.4)]);
        all.retain(|row| row.metric != QUANTITIES[1]);
        let error = diagrams(&all).unwrap_err().to_string();
        assert!(error.contains("bin 0") && error.contains("ialp"), "{error}");
    }
}
