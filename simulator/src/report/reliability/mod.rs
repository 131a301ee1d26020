//! How far reward models can be trusted: what they predicted for users whom their fit had not seen, and what happened.

mod chart;

use std::collections::BTreeMap;

use common::Result;
use common::schema::metrics::Metric;
use common::schema::reliability::{Diagram, diagrams};

pub(super) use chart::draw;

use super::interval::Estimate;

/// The reward models of one method.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reliability {
    /// What the report calls the method.
    pub(super) name: String,
    /// Mean distance of probability and frequency over the bins, by weight; over seeds.
    pub(super) error: Estimate,
    /// One a seed.
    pub(super) diagrams: Vec<Diagram>,
}

/// Of the reliability rows in `files`, methods by name; a file may have a name that stands for its rows' method.
pub(super) fn of<'a>(
    files: impl Iterator<Item = (Option<&'a str>, &'a [Metric])>,
) -> Result<Vec<Reliability>> {
    let mut methods: BTreeMap<String, Vec<Diagram>> = BTreeMap::new();
    for (name, metrics) in files {
        for diagram in diagrams(metrics)? {
            let name = name.unwrap_or(&diagram.method).to_string();
            methods.entry(name).or_default().push(diagram);
        }
    }
    let found = methods.into_iter().filter_map(|(name, mut diagrams)| {
        diagrams.sort_by_key(|diagram| diagram.seed);
        let errors: Vec<f64> = diagrams.iter().map(error).collect();
        Some(Reliability {
            name,
            error: Estimate::of(&errors)?,
            diagrams,
        })
    });
    Ok(found.collect())
}

fn error(diagram: &Diagram) -> f64 {
    let weight: f64 = diagram.bins.iter().map(|bin| bin.weight).sum();
    let distance = diagram
        .bins
        .iter()
        .map(|bin| bin.weight * (bin.predicted - bin.observed).abs());
    distance.sum::<f64>() / weight
}

#[cfg(test)]
pub(super) mod tests {
    use common::schema::reliability::{Bin, RELIABILITY};

    use super::*;

    /// Rows of one seed whose bins predict `by` too much.
    pub(in crate::report) fn rows(method: &str, seed: u64, by: f64) -> Vec<Metric> {
        let bins = [(0.01, 90.0), (0.1, 10.0)].map(|(observed, weight)| Bin {
            predicted: observed + by,
            observed,
            low: 0.8 * observed,
            high: 1.2 * observed,
            weight,
        });
        let bins = bins.iter().zip(0..);
        bins.flat_map(|(bin, step)| {
            bin.values().map(|(metric, value)| Metric {
                environment: "log".into(),
                method: method.into(),
                seed,
                split: RELIABILITY.into(),
                metric: metric.into(),
                step,
                value,
            })
        })
        .collect()
    }

    #[test]
    fn methods_are_kept_apart_and_seeds_put_together() {
        let files = [
            (Some("control"), rows("ialp", 0, 0.03)),
            (None, rows("ialp", 1, 0.02)),
            (None, rows("ialp", 0, 0.01)),
        ];
        let found = of(files.iter().map(|(name, rows)| (*name, rows.as_slice()))).unwrap();
        let names: Vec<(&str, usize)> = found
            .iter()
            .map(|r| (r.name.as_str(), r.diagrams.len()))
            .collect();
        assert_eq!(names, [("control", 1), ("ialp", 2)]);
        assert!((found[0].error.mean - 0.03).abs() < 1e-12 && (found[1].error.mean - 0.015).abs() < 1e-12);
        assert_eq!(found[1].diagrams[0].seed, 0);
        assert!(of(std::iter::once((None, [].as_slice()))).unwrap().is_empty());
    }
}
