//! The environment: a user model, what each user has consumed, and the rules of an episode.

pub(crate) mod args;
mod artifact;
pub mod build;
pub mod easyrl4rec;
pub mod interest;
pub mod ratings;
pub mod returns;
pub mod rules;
pub mod similarity;
mod top;
pub mod vector;

use std::path::{Path, PathBuf};

use common::Result;
use common::ids::Dictionary;
use common::manifest::Manifest;

pub(crate) use artifact::{FILES, KIND};
use ratings::Ratings;
use rules::{Rule, Rules};

use crate::sparse::SparseRows;
use crate::user_model::UserModel;

/// An environment in memory. Codes of users and items are those of the dictionaries.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its name, that of the dataset.
    pub name: String,
    /// The seed of fit and folds.
    pub seed: u64,
    /// Users.
    pub users: Dictionary,
    /// Items.
    pub items: Dictionary,
    /// Probabilities of a like.
    pub model: UserModel,
    /// The items of each user's log: they give no reward again.
    pub consumed: SparseRows,
    /// How many users liked each item in the log.
    pub popularity: Vec<u32>,
    /// The mean held-out rating of what users did not like, and of what they liked, where the data hold ratings.
    pub mean_ratings: Option<[f32; 2]>,
    /// The ratings that [`Rule::EasyRl4Rec`] gives as rewards; see [`Environment::complete`].
    pub ratings: Option<Ratings>,
}

/// The catalogue of the environment in `folder`.
pub fn items_file(folder: &Path) -> PathBuf {
    folder.join(artifact::ITEMS_FILE)
}

/// The users of the environment in `folder`.
pub fn users_file(folder: &Path) -> PathBuf {
    folder.join(artifact::USERS_FILE)
}

impl Environment {
    /// As [`Environment::load`], with what `rules` ask for; `ratings` is a file as in [`Ratings::new`].
    ///
    /// # Errors
    /// As [`Environment::load`] and [`Environment::complete`].
    pub fn load_under(folder: &Path, rules: &Rules, ratings: Option<&Path>) -> Result<(Self, Manifest)> {
        let (mut environment, manifest) = Self::load(folder)?;
        environment.complete(rules, ratings)?;
        Ok((environment, manifest))
    }

    /// Makes the matrix of ratings, where `rules` ask for it.
    ///
    /// # Errors
    /// As [`Ratings::new`].
    pub fn complete(&mut self, rules: &Rules, ratings: Option<&Path>) -> Result<()> {
        if let Some(protocol) = &rules.easyrl4rec {
            self.ratings = Some(Ratings::new(self, protocol, ratings)?);
        }
        Ok(())
    }

    /// Probability that `user` takes up and likes `item`: 0 for an item of the user's log.
    pub fn reward_probability(&self, user: u32, item: u32) -> f32 {
        if self.consumed.contains(user as usize, item) {
            0.0
        } else {
            self.model.probability(user, item)
        }
    }

    /// Its name in metrics: that of the dataset, the rule's unless it is [`Rule::Fixed`] (with the mode of [`Rule::EasyRl4Rec`]), and
    /// whether interest drifts.
    pub fn name_under(&self, rules: &Rules) -> String {
        let rule = match (rules.rule, rules.easyrl4rec) {
            (_, Some(protocol)) => format!("-easyrl4rec-{}", protocol.mode.name()),
            (Rule::Leave, None) => "-leave".to_string(),
            (_, None) => String::new(),
        };
        let drift = if rules.drift.is_some() { "-drift" } else { "" };
        format!("{}{rule}{drift}", self.name)
    }

    /// The items that are not in the user's log.
    pub fn open_items(&self, user: u32) -> impl Iterator<Item = u32> {
        // Both run upwards, so that one look at the next consumed item decides.
        let mut consumed = self.consumed.row(user as usize).iter().copied().peekable();
        (0..self.items.len() as u32).filter(move |item| consumed.next_if_eq(item).is_none())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use common::ids::{Dictionary, IdKind};

    use super::*;
    use crate::user_model::calibrate::Calibration;

    /// Four users, six items, rank 1; user u has consumed item u; item 5 is the best, item 0 the worst.
    pub(crate) fn small() -> Environment {
        let ids = |n: usize| Dictionary::from_values(IdKind::Integer, (0..n).map(|i| i.to_string())).unwrap();
        Environment {
            name: "small".into(),
            seed: 0,
            users: ids(4),
            items: ids(6),
            model: UserModel {
                rank: 1,
                user_vector: vec![0.0, 0.5, 1.0, 1.5],
                user_bias: vec![-1.0; 4],
                item_vector: vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
                item_bias: vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
                calibration: Calibration::identity(),
            },
            consumed: SparseRows::from_pairs(4, (0..4).map(|u| (u, u))),
            popularity: vec![9, 3, 5, 1, 0, 2],
            mean_ratings: None,
            ratings: None,
        }
    }

    #[test]
    fn the_log_gives_no_reward() {
        let environment = small();
        assert_eq!(environment.reward_probability(2, 2), 0.0);
        assert!(environment.reward_probability(2, 3) > 0.0);
        assert_eq!(environment.open_items(1).collect::<Vec<_>>(), [0, 2, 3, 4, 5]);
    }
}
