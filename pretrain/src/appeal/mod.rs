//! Policies in closed form from the log and what is known of items: the appeal model, which is the default start of
//! `online`, and the plain recommenders that it has to beat.
//!
//! A user's appeal for an item is a sum of four kinds of evidence, each a product of a vector of the user's whole history and
//! one of the item ([`common::policy_artifact::Encoder::History`]): what users with the same likes went on to like
//! ([`collaborative`]), popularity, categories, and the language model's traits ([`sources`]). What each weighs is fit on
//! what folds of the log do not know ([`fit`]), so that traits carry a young log and step back where the log speaks.

mod collaborative;
mod fit;
mod folds;
mod listwise;
mod policy;
mod popularity;
mod rows;
mod sources;
mod spectrum;

use common::policy_artifact::{LikeModel, NetworkConfig, PolicyUsers, Weights};
use common::schema::items;
use common::{Result, terminal};
use serde::Serialize;

use crate::algorithms::Point;
use crate::data::{Dataset, InputPaths, TraitSource, Traits};
pub(crate) use collaborative::{Directions, row};
pub(crate) use folds::Log;
pub(crate) use policy::{Profiles, memory, query};
use popularity::Popularity;
pub(crate) use rows::Rows;
use sources::Source;
pub(crate) use spectrum::Weighted;

/// Hyper-parameters of a policy in closed form.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AppealConfig {
    /// The share of the best item's modelled likes that sampling may cost.
    pub exploration: f64,
    /// Whether categories are a source.
    pub categories: bool,
}

impl Default for AppealConfig {
    fn default() -> Self {
        AppealConfig {
            exploration: 0.02,
            categories: true,
        }
    }
}

/// A policy made in closed form.
pub(crate) struct Made {
    pub(crate) network: NetworkConfig,
    pub(crate) weights: Weights,
    pub(crate) likes: Option<LikeModel>,
    pub(crate) curve: Vec<Point>,
    pub(crate) log: Log,
    /// What memories begin with, besides 0.
    pub(crate) profiles: Profiles,
    /// The users' memories, where they are not the sums of what users did.
    pub(crate) known: Option<Vec<f32>>,
}

/// Makes the appeal model's policy.
///
/// # Errors
/// A log or catalogue that cannot be read, traits out of all proportion.
pub(crate) fn make(
    config: &AppealConfig,
    inputs: &InputPaths,
    dataset: &Dataset,
    traits: &Traits,
    source: TraitSource,
    seed: u64,
) -> Result<Made> {
    let log = read_log(dataset)?;
    let mut sources = Vec::new();
    if config.categories
        && let Some(path) = inputs.catalogue()
    {
        sources.extend(Source::of_categories(&items::read(&path)?.categories, seed));
    }
    if source != TraitSource::None {
        sources.extend(Source::of_traits(&traits.items, &traits.users, traits.count));
    }
    let popularity = Popularity::new(&log.likes.counts(), traits.fame.as_deref(), &sources);
    let appeal = fit::fit(&log, &popularity, &sources, seed);
    let closed = policy::closed(&appeal, &sources, &log, dataset.window, config.exploration)?;
    let report = &appeal.report;
    if let Some(reading) = report.reading {
        terminal::info(&format!(
            "seed {seed}: likes weighed by item^-{} and user^-{}, {} directions, ridge {}",
            reading.column, reading.row, reading.rank, reading.ridge
        ));
    }
    let weights: Vec<String> = report
        .weights
        .iter()
        .map(|w| format!("{} {:.3}", w.feature, w.weight))
        .collect();
    let by = match report.by_counts {
        true => "likes alone",
        false => "likes, and what is known of the items",
    };
    terminal::info(&format!(
        "seed {seed}: popularity by {by}; weights: {}",
        weights.join(", ")
    ));
    terminal::info(&format!(
        "seed {seed}: held-out likes among a user's first 10 items: {:.4}, by popularity {:.4}; temperature {:.3}, which costs \
         {:.2} % of the best item's likes",
        report.top,
        report.popularity_top,
        closed.price.temperature,
        100.0 * closed.price.lost
    ));
    let mut curve: Vec<Point> = report
        .weights
        .iter()
        .map(|w| point("log", format!("weight of {}", w.feature), w.weight))
        .collect();
    curve.extend([
        point("held out", "loss per like".into(), report.loss),
        point("held out", "likes in the first 10".into(), report.top),
        point(
            "held out",
            "likes in the first 10 by popularity".into(),
            report.popularity_top,
        ),
        point("log", "temperature".into(), f64::from(closed.price.temperature)),
        point(
            "log",
            "share of likes lost to exploration".into(),
            closed.price.lost,
        ),
    ]);
    Ok(Made {
        network: closed.network,
        weights: closed.weights,
        likes: Some(closed.likes),
        curve,
        log,
        profiles: closed.profiles,
        known: None,
    })
}

/// A point of a curve without steps.
pub(crate) fn point(split: &'static str, metric: String, value: f64) -> Point {
    Point {
        split: split.into(),
        metric: metric.into(),
        step: 0,
        value,
    }
}

impl Made {
    /// Sets the memories of users of the dataset from code `from` on.
    pub(crate) fn remember(&self, from: usize, users: &mut PolicyUsers) {
        let codes = from..from + users.ids.len();
        users.memory = match &self.known {
            Some(known) => {
                let width = self.network.memory();
                known[codes.start * width..codes.end * width].to_vec()
            }
            None => codes
                .flat_map(|user| memory(&self.network, &self.weights, &self.log, &self.profiles, user))
                .collect(),
        };
    }
}

/// What all users did, users without a row in the log last.
pub(crate) fn read_log(dataset: &Dataset) -> Result<Log> {
    let users = dataset.users.len();
    let [mut likes, mut dislikes, mut consumed] = [0; 3].map(|_| vec![Vec::new(); users]);
    dataset.replay.visit(|user, events| {
        let at = user as usize;
        for &(item, feedback) in events {
            if feedback > 0.0 {
                likes[at].push(item)
            } else {
                dislikes[at].push(item)
            }
        }
        // Who has liked an item at any time has liked it.
        likes[at].sort_unstable();
        dislikes[at].retain(|item| likes[at].binary_search(item).is_err());
        consumed[at] = dataset.consumed(user, events);
        Ok(())
    })?;
    for (user, consumed) in consumed.iter_mut().enumerate().skip(dataset.replay.users()) {
        *consumed = dataset.consumed(user as u32, &[]);
    }
    let items = dataset.items.len();
    let likes = likes.into_iter().enumerate().map(|(user, mut likes)| {
        likes.dedup();
        let answers = dataset.answers(user as u32).iter().copied();
        likes.into_iter().map(|item| (item, 1.0)).chain(answers).collect()
    });
    Ok(Log {
        likes: Rows::weighed(likes.collect::<Vec<_>>(), items),
        dislikes: Rows::new(dislikes, items),
        consumed: Rows::new(consumed, items),
    })
}
