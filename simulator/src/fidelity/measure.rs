//! What is measured, and all of it.

use common::schema::metrics::Metric;
use common::terminal::Progress;
use common::{Error, Result};
use rayon::prelude::*;

use super::bars;
use super::bootstrap::{Estimate, Resamples};
use super::cells::{OfUser, TestCell, TestCells, test_cells};
use super::on_test::{at_the_top, on_test};
use super::over_all::over_all;
use super::popularity;
use crate::dataset::Dataset;
use crate::environment::Environment;
use crate::environment::returns::References;
use crate::environment::rules::Rules;
use crate::user_model::cells::{Cells, PARTS};
use crate::user_model::train::{self, LIKES_TO_CHOOSE_ON, Procedure};

/// Cells that are measured, at most; beyond it users are sampled.
const MOST_CELLS: usize = 1 << 24;

/// Where a measure is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The environment's own test fold.
    Test,
    /// Those of its cells that are among a user's ten most probable items: what a good policy would choose.
    Best,
    /// The test folds of all rotations that were measured, each with a model of its own.
    CrossFitted,
    /// Those of their cells that are among a user's ten most probable.
    CrossFittedBest,
    /// All known cells outside the log.
    All,
    /// What an environment must reach.
    Bars,
}

impl Section {
    /// The split in the metrics.
    fn split(self) -> &'static str {
        match self {
            Section::Test | Section::Best => "test",
            Section::CrossFitted | Section::CrossFittedBest => "cross_fitted",
            Section::All => "all",
            Section::Bars => "bars",
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

/// What to measure beside the environment itself.
#[derive(Clone, Copy, Debug)]
pub struct CrossFit<'a> {
    /// How many of the [`PARTS`] are measured; `None` is all of them below [`LIKES_TO_CHOOSE_ON`], else one. With one, only the
    /// environment's own test fold is; each further one takes a fit.
    pub folds: Option<u32>,
    /// How the environment's user model was made; `None` where that is not known, and nothing can be refit.
    pub procedure: Option<&'a Procedure>,
}

impl CrossFit<'_> {
    fn folds(&self, cells: &Cells) -> Result<u32> {
        match (self.folds, self.procedure) {
            (Some(folds), None) if folds > 1 => Err(Error::usage(
                "the environment does not say how it was fit, so that nothing can be cross-fitted",
            )
            .hint("use --folds 1, or an environment that `simulator fit` wrote")),
            (Some(folds), _) => Ok(folds.clamp(1, PARTS)),
            (None, Some(_)) if cells.held_out_liked.count() < LIKES_TO_CHOOSE_ON => Ok(PARTS),
            (None, _) => Ok(1),
        }
    }
}

/// Measures `environment` on cells of `dataset`, which it must have been fit on.
///
/// Rotation 0 is the environment itself on its own test fold. The other rotations repeat the whole procedure, choice
/// of hyper-parameters and calibration included, with the parts in other roles, so that each measured cell is
/// predicted by a model that has not seen it.
///
/// # Errors
/// When something is to be refit and the environment does not say how, or there is too little data for it.
pub fn measure(
    dataset: &Dataset,
    environment: &Environment,
    cross_fit: &CrossFit<'_>,
    rules: &Rules,
    resamples: u32,
    seed: u64,
) -> Result<Vec<Measure>> {
    let mut cells = Cells::new(dataset, environment.seed);
    let folds = cross_fit.folds(&cells)?;
    let users = cells.sampled_users(MOST_CELLS.saturating_mul(PARTS as usize) / folds as usize);
    let references = References::new(environment, *rules);
    let of_users: Vec<OfUser> = users
        .par_iter()
        .map(|&user| OfUser::new(environment, &cells, &references, user))
        .collect();

    let mut found: Vec<Vec<TestCell>> = users.iter().map(|_| Vec::new()).collect();
    let progress = Progress::new("measuring fidelity", u64::from(folds), "folds");
    for rotation in 0..folds {
        cells.rotate(rotation);
        let refit = match cross_fit.procedure {
            Some(procedure) if rotation > 0 => {
                Some(train::train(dataset, &mut cells, rotation, procedure, environment.seed)?.model)
            }
            _ => None,
        };
        let model = refit.as_ref().unwrap_or(&environment.model);
        let scores = popularity::scores(&cells);
        found.par_iter_mut().zip(&users).for_each(|(found, &user)| {
            found.extend(test_cells(model, &cells, &scores, rotation as u8, user));
        });
        progress.add(1);
    }
    drop(progress);

    let resamples = Resamples::new(users.len(), resamples, seed);
    let of_cells = |rotations: u32, section, best| {
        let test = TestCells::gather(&found, rotations as u8);
        let mut measures = on_test(&test, &resamples, section, seed);
        measures.extend(at_the_top(&test, &resamples, best, seed));
        measures
    };
    let mut measures = of_cells(1, Section::Test, Section::Best);
    if folds > 1 {
        measures.extend(of_cells(folds, Section::CrossFitted, Section::CrossFittedBest));
    }
    measures.extend(over_all(dataset, &cells, rules, &users, &of_users));
    measures.extend(bars::judge(&measures));
    Ok(measures)
}
