//! Plain recommenders as policies in closed form: what a practitioner would use, on the same path as every other method, so
//! that a frozen policy of each can be served and compared.
//!
//! All of them act greedily ([`policy`]) on scores of their reference implementations: popularity, item-based nearest
//! neighbours ([`knn`]), EASE ([`ease`]) and implicit alternating least squares ([`als`]). They read the log's likes alone.

mod als;
mod dense;
mod ease;
mod knn;
mod policy;

use common::{Result, terminal};
use serde::Serialize;

use crate::appeal::{Made, Rows, read_log};
use crate::data::Dataset;

/// Users or items at most that exact dense algebra is done over.
pub(crate) const LARGEST: usize = 4_096;
/// Leading directions that stand for the log where it has more of both.
const LEADING: usize = 256;

/// Hyper-parameters of EASE.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EaseConfig {
    /// Added to the diagonal of the items' co-likes.
    pub ridge: f32,
}

impl Default for EaseConfig {
    fn default() -> Self {
        EaseConfig { ridge: 500.0 }
    }
}

/// Hyper-parameters of item-based nearest neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KnnConfig {
    /// Nearest items that a liked one speaks for.
    pub neighbours: usize,
}

impl Default for KnnConfig {
    fn default() -> Self {
        KnnConfig { neighbours: 100 }
    }
}

/// Hyper-parameters of alternating least squares. Ridge, confidence and iterations are by default those of the package
/// `implicit`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AlsConfig {
    /// Numbers of a user and of an item.
    pub factors: usize,
    /// Weight of the factors' squares.
    pub ridge: f32,
    /// Confidence of a like, where that of every other pair is 1.
    pub alpha: f32,
    /// Times that users and items are solved for.
    pub iterations: usize,
}

impl Default for AlsConfig {
    fn default() -> Self {
        AlsConfig {
            factors: 64,
            ridge: 0.01,
            alpha: 1.0,
            iterations: 15,
        }
    }
}

/// A plain recommender.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Plain {
    /// The items that are liked most.
    Popularity,
    /// Item-based nearest neighbours.
    ItemKnn(KnnConfig),
    /// EASE in closed form.
    Ease(EaseConfig),
    /// Implicit alternating least squares.
    Als(AlsConfig),
}

impl Plain {
    /// As in artifacts.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Plain::Popularity => "popularity",
            Plain::ItemKnn(_) => "item_knn",
            Plain::Ease(_) => "ease",
            Plain::Als(_) => "als",
        }
    }
}

/// Which side of the log is small enough for dense algebra; the smaller one where both are.
enum Side {
    Users,
    Items,
    Neither,
}

impl Side {
    fn of(likes: &Rows) -> Self {
        let (users, items) = (likes.len(), likes.width());
        if users.min(items) > LARGEST {
            Side::Neither
        } else if users <= items {
            Side::Users
        } else {
            Side::Items
        }
    }
}

/// Makes the policy.
///
/// # Errors
/// A log that cannot be read, a ridge with which the equations have no solution.
pub(crate) fn make(plain: &Plain, dataset: &Dataset, seed: u64) -> Result<Made> {
    let log = read_log(dataset)?;
    let leading = |what: &str| {
        terminal::info(&format!(
            "seed {seed}: more than {LARGEST} users and items: {what} in the {LEADING} leading directions of the log"
        ));
    };
    let few = log.likes.len().min(log.likes.width()) <= LARGEST;
    let vectors = match plain {
        Plain::Popularity => return policy::by_popularity(log, dataset.window),
        Plain::ItemKnn(config) => {
            if !few {
                leading("cosines");
            }
            if !knn::truncates(&log.likes) {
                terminal::info(&format!(
                    "seed {seed}: more than {LARGEST} items: every neighbour counts, not the nearest {} alone",
                    config.neighbours
                ));
            }
            knn::vectors(&log, config.neighbours, seed)
        }
        Plain::Ease(config) => {
            if !few {
                leading("EASE");
            }
            ease::vectors(&log, f64::from(config.ridge), seed)?
        }
        Plain::Als(config) => als::vectors(&log, config, seed)?,
    };
    policy::closed(vectors, log, dataset.window)
}

#[cfg(test)]
mod tests {
    use super::policy::{Like, Vectors};
    use crate::appeal::{Log, Rows};
    use common::rng::{RngExt, stream};

    /// Random likes of two tastes.
    pub(super) fn example(users: usize, items: usize) -> Rows {
        let mut rng = stream(5, "test", &[]);
        let lists: Vec<Vec<u32>> = (0..users)
            .map(|user| {
                (0..items as u32)
                    .filter(|item| {
                        let near = (user + *item as usize).is_multiple_of(3);
                        rng.random::<f32>() < if near { 0.5 } else { 0.1 }
                    })
                    .collect()
            })
            .collect();
        Rows::new(lists, items)
    }

    pub(super) fn log_of(likes: Rows) -> Log {
        Log {
            dislikes: Rows::new(vec![vec![]; likes.len()], likes.width()),
            consumed: likes.clone(),
            likes,
        }
    }

    /// What a like of item i adds to the score of item j.
    pub(super) fn product(vectors: &Vectors, i: usize, j: usize) -> f32 {
        let rank = vectors.rank();
        let item = &vectors.item[j * rank..(j + 1) * rank];
        match &vectors.like {
            Like::Table(like) => {
                let like = &like[i * rank..(i + 1) * rank];
                like.iter().zip(item).map(|(a, b)| a * b).sum()
            }
            Like::Unit => item[i],
            Like::Known(_) => unreachable!("users are known by their own vectors"),
        }
    }
}
