//! The whole procedure from a dataset to a calibrated user model: choose, fit, calibrate.

use common::Result;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::UserModel;
use super::calibrate::{self, FEWEST_LIKES};
use super::cells::{Cells, Fold};
use super::choose::{self, Sides, Trial};
use super::fit::Config;
use crate::dataset::Dataset;

/// Pairs of user and item that calibration looks at, at most; beyond it users are sampled. A seventh of them are
/// calibration cells, of 8 bytes each.
const CALIBRATION_CELLS: usize = 1 << 26;

/// How a user model is made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Procedure {
    /// Hyper-parameters to start from.
    pub start: Config,
    /// Whether some of them are chosen by [`choose`]; else they are taken as they are.
    pub choose: bool,
}

/// A user model and how its hyper-parameters came about.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The calibrated model.
    pub model: UserModel,
    /// Its hyper-parameters.
    pub config: Config,
    /// What was tried; empty where nothing was.
    pub trials: Vec<Trial>,
}

/// Chooses hyper-parameters, fits and calibrates, under the roles that `cells` gives to its parts.
///
/// # Errors
/// When there is too little data to calibrate on.
pub fn train(dataset: &Dataset, cells: &Cells, procedure: &Procedure, seed: u64) -> Result<Trained> {
    let (config, trials) = if procedure.choose && calibration_likes(cells) >= FEWEST_LIKES {
        choose::choose(dataset, cells, &procedure.start, seed)
    } else {
        (procedure.start.clone(), Vec::new())
    };
    let mut model = Sides::new(dataset, &config).fit(cells, &config, seed);
    model.calibration = calibrate::fit(calibration_cells(&model, cells))?;
    Ok(Trained {
        model,
        config,
        trials,
    })
}

fn calibration_likes(cells: &Cells) -> usize {
    let of_user = |user: u32| {
        let liked = cells.held_out_liked.row(user as usize).iter();
        liked
            .filter(|&&item| cells.fold(user, item) == Fold::Calibration)
            .count()
    };
    (0..cells.users() as u32).map(of_user).sum()
}

/// The cells of the calibration fold, by user: (logit before calibration, liked).
pub(super) fn calibration_cells(model: &UserModel, cells: &Cells) -> Vec<(f32, bool)> {
    cells
        .sampled_users(CALIBRATION_CELLS)
        .into_par_iter()
        .flat_map_iter(|user| {
            cells
                .known(user)
                .filter(move |&(item, _)| cells.fold(user, item) == Fold::Calibration)
                .map(move |(item, liked)| (model.logit(user, item), liked))
        })
        .collect()
}
