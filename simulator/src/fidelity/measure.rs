//! What is measured, and all of it.

use common::schema::metrics::Metric;
use common::terminal::Progress;
use rayon::prelude::*;

use super::bootstrap::{Estimate, Resamples};
use super::on_test::{at_the_top, on_test_fold};
use super::over_all::over_all;
use super::test_cells::{OfUser, TestCells, likes_that_the_fit_saw};
use crate::dataset::Dataset;
use crate::environment::Environment;
use crate::environment::returns::References;
use crate::environment::rules::Rules;
use crate::user_model::cells::Cells;

/// Cells that are looked at, at most; beyond it users are sampled.
const MOST_CELLS: usize = 1 << 26;

/// Where a measure is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The cells of the test fold.
    Test,
    /// Those of them that are among a user's ten most probable items: what a good policy would choose.
    Best,
    /// All cells outside the log.
    All,
}

impl Section {
    /// The split in the metrics.
    fn split(self) -> &'static str {
        match self {
            Section::Test | Section::Best => "test",
            Section::All => "all",
        }
    }
}

/// One measure: who is measured, where, what.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// `user_model`, `popularity`, `oracle`, `random`, `observed` or `environment`.
    pub method: &'static str,
    /// Where it was measured.
    pub section: Section,
    /// Its name in the metrics.
    pub metric: &'static str,
    /// What it is, for people.
    pub label: String,
    /// The value.
    pub estimate: Estimate,
}

impl Measure {
    /// As rows of metrics: the value, and the ends of the interval as `..._low` and `..._high`.
    pub fn rows(&self, environment: &str, seed: u64) -> Vec<Metric> {
        let row = |metric: String, value: f64| Metric {
            environment: environment.to_string(),
            method: self.method.to_string(),
            seed,
            split: self.section.split().to_string(),
            metric,
            step: 0,
            value,
        };
        let mut rows = vec![row(self.metric.to_string(), self.estimate.value)];
        if let Some((low, high)) = self.estimate.interval {
            rows.push(row(format!("{}_low", self.metric), low));
            rows.push(row(format!("{}_high", self.metric), high));
        }
        rows
    }
}

/// Measures `environment` on the test fold of `dataset`, which it must have been fit on.
pub fn measure(
    dataset: &Dataset,
    environment: &Environment,
    rules: &Rules,
    resamples: u32,
    seed: u64,
) -> Vec<Measure> {
    let cells = Cells::new(dataset, environment.seed);
    let users = cells.sampled_users(MOST_CELLS);
    let popularity = likes_that_the_fit_saw(&cells);
    let references = References::new(environment, *rules);
    let progress = Progress::new("measuring fidelity", users.len() as u64, "users");
    let of_users: Vec<OfUser> = users
        .par_iter()
        .map(|&user| {
            progress.add(1);
            OfUser::new(environment, &cells, &references, &popularity, user)
        })
        .collect();
    drop(progress);

    let test = TestCells::gather(&of_users);
    let resamples = Resamples::new(users.len(), resamples, seed);
    let mut measures = on_test_fold(&test, &resamples);
    measures.extend(at_the_top(&test, &resamples, seed));
    measures.extend(over_all(dataset, &cells, rules, &users, &of_users));
    measures
}
