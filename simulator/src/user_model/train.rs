//! The whole procedure from a dataset to a calibrated user model: choose, fit, calibrate.
//!
//! Penalties are chosen and calibration is made on cells that the fit did not see. One part of the cells is enough
//! where they are many. Where they are few, a part holds too few likes, and all parts but the test fold take turns:
//! the logits of each come from a fit to the others, of the same size as the final one.

use common::Result;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::UserModel;
use super::calibrate;
use super::cells::{Cells, Fold, PARTS};
use super::choose::{self, Trial};
use super::features::Features;
use super::fit::{self, Config};
use super::levels::{self, Levels, Unseen};
use crate::dataset::Dataset;

/// Pairs of user and item that calibration looks at, at most; beyond it users are sampled. A seventh of them are
/// calibration cells, of 12 bytes each.
const CALIBRATION_CELLS: usize = 1 << 26;
/// With fewer held-out likes than this, a seventh of them (a thousand) is too few to choose or to measure on.
pub const LIKES_TO_CHOOSE_ON: usize = 7_000;
/// With fewer held-out likes than this, a seventh of them is too few to calibrate on: their number alone would shift
/// the like-rate by some 2 %.
const LIKES_TO_CALIBRATE_ON: usize = 20_000;

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

/// Chooses hyper-parameters, fits and calibrates for the `rotation`-th test fold, in which `cells` are left.
///
/// # Errors
/// When there is too little data to calibrate on.
pub fn train(
    dataset: &Dataset,
    cells: &mut Cells,
    rotation: u32,
    procedure: &Procedure,
    seed: u64,
) -> Result<Trained> {
    cells.rotate(rotation);
    let (config, trials) = if procedure.choose {
        choose::choose(dataset, cells, &procedure.start, seed)
    } else {
        (procedure.start.clone(), Vec::new())
    };
    let features = Sides::new(dataset, &config);
    let unseen = features.unseen(cells, &config, seed, LIKES_TO_CALIBRATE_ON);
    let mut model = features.fit(cells, &config, seed);
    let Levels { level, spread, .. } = levels::fit(&unseen);
    model.rescale(cells.unrated, level, spread);
    let rescaled = |cell: &Unseen| (level * cell.mean + spread * cell.deviation, cell.liked);
    model.calibration = calibrate::fit(unseen.iter().map(rescaled).collect())?;
    Ok(Trained {
        model,
        config,
        trials,
    })
}

/// The features of users and items under one [`Config`].
pub(super) struct Sides {
    users: Features,
    items: Features,
}

impl Sides {
    pub(super) fn new(dataset: &Dataset, config: &Config) -> Self {
        Sides {
            users: Features::of_users(&dataset.users, config.feature_support),
            items: Features::of_items(&dataset.items, config.title_words, config.feature_support),
        }
    }

    fn fit(&self, cells: &Cells, config: &Config, seed: u64) -> UserModel {
        fit::fit(cells, &self.users, &self.items, config, seed)
    }

    /// Cells outside the test fold, each with the logit of a fit that did not see it. With `enough`
    /// held-out likes they are the calibration fold, else all. Leaves the parts in the roles that [`Cells::rotate`]
    /// gave them.
    pub(super) fn unseen(&self, cells: &mut Cells, config: &Config, seed: u64, enough: usize) -> Vec<Unseen> {
        let turns = if cells.held_out_liked.count() < enough {
            0..PARTS - 1
        } else {
            PARTS - 2..PARTS - 1
        };
        let mut unseen = Vec::new();
        for turn in turns {
            cells.calibrate_on(turn);
            let model = self.fit(cells, config, seed);
            unseen.extend(calibration_cells(&model, cells));
        }
        unseen
    }
}

/// The cells of the calibration fold, by user, under a model that is not calibrated.
fn calibration_cells(model: &UserModel, cells: &Cells) -> Vec<Unseen> {
    let means = levels::means(model, cells.unrated);
    let means = &means;
    cells
        .sampled_users(CALIBRATION_CELLS)
        .into_par_iter()
        .flat_map_iter(move |user| {
            cells
                .known(user)
                .filter(move |&(item, _)| cells.fold(user, item) == Fold::Calibration)
                .map(move |(item, liked)| {
                    let mean = means[user as usize];
                    Unseen {
                        mean,
                        deviation: model.logit(user, item) - mean,
                        liked,
                    }
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::dataset;
    use super::*;
    use crate::dataset::{Rated, Unrated};

    /// 200 users rate 40 of 100 items that were shown at random; like-rates of items run from 0.1 to 0.5.
    fn shown_at_random() -> Dataset {
        let rated = (0..20_000u32)
            .filter(|cell| cell * 7_919 % 20_011 < 8_000)
            .map(|cell| {
                let (user, item) = (cell / 100, cell % 100);
                let rate = 0.1 + 0.4 * f64::from(item) / 100.0;
                let draw = f64::from(cell * 10_473 % 20_011) / 20_011.0;
                Rated {
                    user,
                    item,
                    liked: draw < rate,
                }
            });
        Dataset {
            unrated: Unrated::Unknown,
            ..dataset(200, 100, vec![], rated.collect())
        }
    }

    #[test]
    fn few_likes_are_taken_from_all_cells_but_the_test_fold() {
        let data = shown_at_random();
        let mut cells = Cells::new(&data, 0);
        let config = Config {
            rank: 2,
            epochs: 30,
            ..Config::default()
        };
        let unseen = Sides::new(&data, &config).unseen(&mut cells, &config, 0, usize::MAX);
        let open = |user: u32, cells: &Cells| {
            let known = cells.known(user);
            known
                .filter(|&(item, _)| cells.fold(user, item) != Fold::Test)
                .count()
        };
        let expected: usize = (0..200).map(|user| open(user, &cells)).sum();
        assert_eq!(unseen.len(), expected);
    }

    #[test]
    fn probabilities_of_a_small_dataset_have_the_right_level_on_the_test_fold() {
        let data = shown_at_random();
        let mut cells = Cells::new(&data, 0);
        let procedure = Procedure {
            start: Config {
                rank: 2,
                epochs: 60,
                ..Config::default()
            },
            choose: false,
        };
        let model = train(&data, &mut cells, 2, &procedure, 0).unwrap().model;
        let (mut expected, mut likes, mut count) = (0.0, 0.0, 0.0);
        for user in 0..200 {
            for (item, liked) in cells
                .known(user)
                .filter(|&(item, _)| cells.fold(user, item) == Fold::Test)
            {
                expected += f64::from(model.probability(user, item));
                likes += f64::from(u8::from(liked));
                count += 1.0;
            }
        }
        assert!(count > 1_000.0);
        assert!(
            ((expected - likes) / count).abs() < 0.03,
            "{expected} {likes} of {count}"
        );
    }
}
