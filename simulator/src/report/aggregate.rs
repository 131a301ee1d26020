//! Measurements over seeds: grouped and paired by polars, in an order that no thread decides.

use std::collections::BTreeMap;

use common::schema::metrics::Metric;
use common::{Error, Result};
use polars::prelude::*;

use super::interval::Estimate;

// Columns of the table in memory.
const ENVIRONMENT: &str = "environment";
const METHOD: &str = "method";
const SEED: &str = "seed";
const SPLIT: &str = "split";
const METRIC: &str = "metric";
const STEP: &str = "step";
const VALUE: &str = "value";

/// What a curve has a point for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    /// Each block of episodes that a run has measured.
    Blocks,
    /// Each tenth of the method's episodes, in its middle: the mean over its blocks.
    Tenths,
}

/// All measurements of a report as a table; values that are not finite are left out.
pub(super) struct Measurements(LazyFrame);

impl Measurements {
    /// From rows in any order.
    pub(super) fn new(metrics: &[Metric]) -> Result<Self> {
        fn text<'a>(metrics: &'a [Metric], get: impl Fn(&'a Metric) -> &'a str) -> Vec<&'a str> {
            metrics.iter().map(get).collect()
        }
        let columns = vec![
            Column::new(ENVIRONMENT.into(), text(metrics, |m| &m.environment)),
            Column::new(METHOD.into(), text(metrics, |m| &m.method)),
            Column::new(SEED.into(), metrics.iter().map(|m| m.seed).collect::<Vec<_>>()),
            Column::new(SPLIT.into(), text(metrics, |m| &m.split)),
            Column::new(METRIC.into(), text(metrics, |m| &m.metric)),
            Column::new(STEP.into(), metrics.iter().map(|m| m.step).collect::<Vec<_>>()),
            Column::new(VALUE.into(), metrics.iter().map(|m| m.value).collect::<Vec<_>>()),
        ];
        let frame = DataFrame::new(metrics.len(), columns).map_err(failed)?;
        Ok(Measurements(frame.lazy().filter(col(VALUE).is_finite())))
    }

    /// Every metric of a split over seeds, by (method, metric). Where one run wrote a metric at several steps, the
    /// seeds' last steps count.
    pub(super) fn summaries(
        &self,
        environment: &str,
        split: &str,
    ) -> Result<BTreeMap<(String, String), Estimate>> {
        let last = self
            .of(environment, split)
            .sort([METHOD, METRIC, SEED, STEP], SortMultipleOptions::default())
            .group_by_stable([col(METHOD), col(METRIC), col(SEED)])
            .agg([col(VALUE).last()])
            .group_by_stable([col(METHOD), col(METRIC)])
            .agg([col(VALUE)])
            .collect()
            .map_err(failed)?;
        let read = || -> PolarsResult<_> {
            let (methods, names) = (last.column(METHOD)?.str()?, last.column(METRIC)?.str()?);
            let mut summaries = BTreeMap::new();
            for ((method, name), values) in methods.iter().zip(names.iter()).zip(lists(&last)?) {
                if let (Some(method), Some(name), Some(estimate)) = (method, name, Estimate::of(&values)) {
                    summaries.insert((method.to_string(), name.to_string()), estimate);
                }
            }
            Ok(summaries)
        };
        read().map_err(failed)
    }

    /// One metric along the steps of each method over seeds, by method.
    pub(super) fn curves(
        &self,
        environment: &str,
        split: &str,
        metric: &str,
        along: Along,
    ) -> Result<BTreeMap<String, Vec<(u64, Estimate)>>> {
        let mut steps = self.of(environment, split).filter(col(METRIC).eq(lit(metric)));
        if along == Along::Tenths {
            // In twentieths, so that the middle of a tenth is a whole number: 1, 3, ... 19.
            let whole = col(STEP).max().over([col(METHOD)]).map_err(failed)?;
            let floor = |above: Expr, below: Expr| {
                (above.cast(DataType::Float64) / below.cast(DataType::Float64)).cast(DataType::UInt64)
            };
            let tenth = floor(col(STEP) * lit(10u64) - lit(1u64), whole.clone());
            let middle = floor((tenth * lit(2u64) + lit(1u64)) * whole, lit(20u64));
            steps = steps
                .with_column(middle.alias(STEP))
                .sort([METHOD, SEED, STEP, VALUE], SortMultipleOptions::default())
                .group_by_stable([col(METHOD), col(SEED), col(STEP)])
                .agg([col(VALUE).mean()]);
        }
        let steps = steps
            .sort([METHOD, STEP, SEED], SortMultipleOptions::default())
            .group_by_stable([col(METHOD), col(STEP)])
            .agg([col(VALUE)])
            .collect()
            .map_err(failed)?;
        let read = || -> PolarsResult<_> {
            let (methods, at) = (steps.column(METHOD)?.str()?, steps.column(STEP)?.u64()?);
            let mut curves: BTreeMap<String, Vec<(u64, Estimate)>> = BTreeMap::new();
            for ((method, step), values) in methods.iter().zip(at.iter()).zip(lists(&steps)?) {
                if let (Some(method), Some(step), Some(estimate)) = (method, step, Estimate::of(&values)) {
                    curves
                        .entry(method.to_string())
                        .or_default()
                        .push((step, estimate));
                }
            }
            Ok(curves)
        };
        read().map_err(failed)
    }

    /// The values of one metric of two methods at the seeds that both have, in the order of the seeds.
    pub(super) fn pairs(
        &self,
        environment: &str,
        split: &str,
        metric: &str,
        methods: [&str; 2],
    ) -> Result<Vec<[f64; 2]>> {
        let side = |method: &str, column: &str| {
            self.of(environment, split)
                .filter(col(METRIC).eq(lit(metric)).and(col(METHOD).eq(lit(method))))
                .sort([SEED, STEP], SortMultipleOptions::default())
                .group_by_stable([col(SEED)])
                .agg([col(VALUE).last().alias(column)])
        };
        let both = side(methods[0], "first")
            .inner_join(side(methods[1], "second"), col(SEED), col(SEED))
            .sort([SEED], SortMultipleOptions::default())
            .collect()
            .map_err(failed)?;
        let read = || -> PolarsResult<_> {
            let (first, second) = (both.column("first")?.f64()?, both.column("second")?.f64()?);
            Ok(first
                .iter()
                .zip(second.iter())
                .filter_map(|(a, b)| Some([a?, b?]))
                .collect())
        };
        read().map_err(failed)
    }

    fn of(&self, environment: &str, split: &str) -> LazyFrame {
        self.0.clone().filter(
            col(ENVIRONMENT)
                .eq(lit(environment))
                .and(col(SPLIT).eq(lit(split))),
        )
    }
}

/// The lists of values of a grouped table.
fn lists(grouped: &DataFrame) -> PolarsResult<Vec<Vec<f64>>> {
    let lists = grouped.column(VALUE)?.list()?;
    (0..lists.len())
        .map(|row| match lists.get_as_series(row) {
            Some(values) => Ok(values.f64()?.into_no_null_iter().collect()),
            None => Ok(Vec::new()),
        })
        .collect()
}

fn failed(error: PolarsError) -> Error {
    Error::data(format!("the measurements cannot be aggregated: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(method: &str, seed: u64, name: &str, step: u64, value: f64) -> Metric {
        Metric {
            environment: "e".into(),
            method: method.into(),
            seed,
            split: "online".into(),
            metric: name.into(),
            step,
            value,
        }
    }

    #[test]
    fn means_are_over_seeds_and_undefined_values_left_out() {
        let metrics = [
            metric("b", 1, "return_mean", 10, 4.0),
            metric("a", 1, "return_mean", 10, f64::NAN),
            metric("b", 0, "return_mean", 10, 2.0),
            metric("a", 0, "return_mean", 10, 1.0),
        ];
        let found = Measurements::new(&metrics)
            .unwrap()
            .summaries("e", "online")
            .unwrap();
        let of = |method: &str| found[&(method.to_string(), "return_mean".to_string())];
        assert_eq!((of("b").mean, of("b").n), (3.0, 2));
        assert_eq!((of("a").mean, of("a").n), (1.0, 1));
    }

    #[test]
    fn curves_are_in_the_order_of_steps_and_kept_apart_by_split_and_environment() {
        let mut other = metric("a", 0, "return", 5, 100.0);
        other.split = "test".into();
        let mut elsewhere = metric("a", 0, "return", 5, 100.0);
        elsewhere.environment = "f".into();
        let metrics = [
            metric("a", 0, "return", 10, 3.0),
            metric("a", 1, "return", 5, 2.0),
            metric("a", 0, "return", 5, 1.0),
            other,
            elsewhere,
        ];
        let found = Measurements::new(&metrics)
            .unwrap()
            .curves("e", "online", "return", Along::Blocks)
            .unwrap();
        let curve: Vec<(u64, f64, usize)> = found["a"].iter().map(|(step, e)| (*step, e.mean, e.n)).collect();
        assert_eq!(curve, [(5, 1.5, 2), (10, 3.0, 1)]);
    }

    #[test]
    fn tenths_are_means_over_their_blocks_and_then_over_seeds() {
        let block = |seed, block: u64, value| metric("a", seed, "return", 50 * block, value);
        let metrics: Vec<Metric> = (1..=20)
            .flat_map(|at| [block(1, at, at as f64 + 10.0), block(0, at, at as f64)])
            .collect();
        let found = Measurements::new(&metrics)
            .unwrap()
            .curves("e", "online", "return", Along::Tenths)
            .unwrap();
        let curve: Vec<(u64, f64, usize)> = found["a"].iter().map(|(step, e)| (*step, e.mean, e.n)).collect();
        assert_eq!(
            (curve.len(), curve[0], curve[9]),
            (10, (50, 6.5, 2), (950, 24.5, 2))
        );
    }

    #[test]
    fn pairs_are_of_the_seeds_that_both_have() {
        let metrics = [
            metric("a", 2, "return_mean", 10, 5.0),
            metric("a", 0, "return_mean", 10, 1.0),
            metric("b", 0, "return_mean", 10, 0.5),
            metric("b", 1, "return_mean", 10, 9.0),
            metric("b", 2, "return_mean", 10, 4.0),
        ];
        let found = Measurements::new(&metrics)
            .unwrap()
            .pairs("e", "online", "return_mean", ["a", "b"])
            .unwrap();
        assert_eq!(found, [[1.0, 0.5], [5.0, 4.0]]);
    }
}
