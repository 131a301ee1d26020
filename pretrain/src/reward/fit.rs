//! Fitting the reward model on the log's own tail.

use std::collections::HashSet;

use common::rng::{RngExt, shuffle, stream};
use common::{Error, Result};
use serde::Serialize;

use super::calibration::Platt;
use super::features::{Context, FEATURES, Features};
use super::logistic::{Observation, fit, logistic};
use super::measure::{Scored, auc, calibration_error};
use crate::data::{Dataset, Event, Traits, distinct, last, tail_start};

/// The last part of each user's log that the model is fit on; the rest is what it may know.
const TAIL: f32 = 0.5;
/// Pairs drawn a user from the catalogue's items that are not in the user's log; each stands for its share.
const NEGATIVES: usize = 200;
/// Users that the fit reads at most: three coefficients need no more.
const USERS: usize = 20_000;
/// Folds of users: three to fit, one to calibrate, one to measure.
const FOLDS: usize = 5;

/// A calibrated logistic model of "the user takes up the item and likes it".
#[derive(Clone, Debug)]
pub struct RewardModel {
    features: Features,
    intercept: f64,
    coefficients: [f64; FEATURES],
    platt: Platt,
}

/// What was fit, and how well it does on users that neither fit nor calibration saw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RewardFit {
    /// Of the cosine between the item's traits and those of the state's liked items.
    pub liked_traits: f64,
    /// Of the cosine between the item's traits and the user's.
    pub user_traits: f64,
    /// Of the logarithm of the item's popularity.
    pub popularity: f64,
    /// Users in the last fold.
    pub users: usize,
    /// Area under the ROC curve.
    pub auc: f64,
    /// The same of popularity alone.
    pub popularity_auc: f64,
    /// Expected calibration error.
    pub calibration_error: f64,
    /// Mean probability.
    pub predicted: f64,
    /// Frequency of likes.
    pub observed: f64,
}

impl RewardFit {
    /// Names and values for a training curve.
    pub(crate) fn values(&self) -> [(&'static str, f64); 8] {
        [
            ("reward model: AUC", self.auc),
            ("AUC of popularity alone", self.popularity_auc),
            ("calibration error", self.calibration_error),
            ("mean prediction", self.predicted),
            ("frequency of likes", self.observed),
            ("coefficient of liked items' traits", self.liked_traits),
            ("of the user's traits", self.user_traits),
            ("of log popularity", self.popularity),
        ]
    }
}

/// One (state, item) pair of the tail.
struct Pair {
    x: [f32; FEATURES],
    liked: bool,
    weight: f64,
}

impl RewardModel {
    /// Fits on the later half of every user's log: the state is the window before it, the item a row of it
    /// (liked or not), or one of the catalogue that the user's log does not hold (not liked; a sample, weighted
    /// by what it stands for). Popularity is counted over the earlier halves alone.
    ///
    /// A user's traits were read from the state at the end of the log. A pair whose item is in that state would
    /// see its own answer, so such items are left out; where nothing liked would remain, the user's traits are
    /// left unknown instead.
    ///
    /// # Errors
    /// Bad data, when fewer than five users have a liked interaction in their tail; a replay that cannot be read.
    pub fn fit(dataset: &Dataset, traits: &Traits, seed: u64) -> Result<(Self, RewardFit)> {
        let pairs = pairs(dataset, traits, seed)?;
        let users: Vec<usize> = (0..pairs.len())
            .filter(|&u| pairs[u].iter().any(|p| p.liked))
            .collect();
        if users.len() < FOLDS {
            return Err(Error::data(format!(
                "{} users have a liked interaction in the later half of their log; the reward model needs {FOLDS}",
                users.len()
            ))
            .hint("train on a longer log, or with --method bc"));
        }
        let fold = |wanted: fn(usize) -> bool| {
            users
                .iter()
                .enumerate()
                .filter(move |(i, _)| wanted(i % FOLDS))
                .flat_map(|(_, &user)| &pairs[user])
        };
        let observations: Vec<Observation<FEATURES>> = fold(|f| f < 3)
            .map(|p| Observation {
                x: p.x.map(f64::from),
                offset: 0.0,
                success: p.liked,
                weight: p.weight,
            })
            .collect();
        let (intercept, coefficients) = fit(&observations, 1.0);
        let features = Features::new(traits, &dataset.popularity);
        let mut model = RewardModel {
            features,
            intercept,
            coefficients,
            platt: Platt::default(),
        };
        let scored: Vec<Scored> = fold(|f| f == 3)
            .map(|p| (model.logit(p.x), p.liked, p.weight))
            .collect();
        model.platt = Platt::fit(&scored);
        let held: Vec<&Pair> = fold(|f| f == 4).collect();
        let report = model.measure(&held, users.len() / FOLDS);
        Ok((model, report))
    }

    /// The state's side of the features; see [`RewardModel::probability`].
    pub fn context(&self, history: &[Event], user_traits: &[f32]) -> Context {
        self.features.context(history, user_traits)
    }

    /// The calibrated probability that a user in this state takes up `item` and likes it.
    pub fn probability(&self, context: &Context, item: u32) -> f32 {
        logistic(self.platt.apply(self.logit(self.features.of(context, item)))) as f32
    }

    fn logit(&self, x: [f32; FEATURES]) -> f64 {
        self.intercept
            + x.iter()
                .zip(&self.coefficients)
                .map(|(&x, c)| f64::from(x) * c)
                .sum::<f64>()
    }

    fn measure(&self, held: &[&Pair], users: usize) -> RewardFit {
        let score = |of: &dyn Fn(&Pair) -> f64| -> Vec<Scored> {
            held.iter()
                .map(|pair| (of(pair), pair.liked, pair.weight))
                .collect()
        };
        let probabilities = score(&|pair| logistic(self.platt.apply(self.logit(pair.x))));
        let weight: f64 = held.iter().map(|pair| pair.weight).sum();
        let liked = held.iter().filter(|pair| pair.liked).count() as f64;
        RewardFit {
            liked_traits: self.coefficients[0],
            user_traits: self.coefficients[1],
            popularity: self.coefficients[2],
            users,
            auc: auc(&probabilities),
            popularity_auc: auc(&score(&|pair| f64::from(pair.x[2]))),
            calibration_error: calibration_error(&probabilities),
            predicted: probabilities.iter().map(|(p, _, weight)| p * weight).sum::<f64>() / weight,
            observed: liked / weight,
        }
    }
}

/// The pairs of some users, drawn at random where there are more than [`USERS`]: in random order, one list a user.
fn pairs(dataset: &Dataset, traits: &Traits, seed: u64) -> Result<Vec<Vec<Pair>>> {
    let mut heads = vec![0.0; dataset.items.len()];
    dataset.replay.visit(|_, log| {
        for (item, _) in log[..tail_start(log.len(), TAIL)]
            .iter()
            .filter(|(_, feedback)| *feedback > 0.0)
        {
            heads[*item as usize] += 1.0;
        }
        Ok(())
    })?;
    let features = Features::new(traits, &heads);
    let mut users: Vec<u32> = (0..dataset.users.len() as u32).collect();
    shuffle(&mut stream(seed, "reward/users", &[]), &mut users);
    users.truncate(USERS);
    let logs = dataset.replay.of_users(&users)?;
    let users = users.into_iter().zip(&logs);
    Ok(users
        .map(|(user, log)| pairs_of(user as usize, log, dataset, traits, &features, seed))
        .collect())
}

fn pairs_of(
    user: usize,
    log: &[Event],
    dataset: &Dataset,
    traits: &Traits,
    features: &Features,
    seed: u64,
) -> Vec<Pair> {
    let (head, tail) = log.split_at(tail_start(log.len(), TAIL));
    // A repeat is no action: the policy never offers a consumed item.
    let mut before: HashSet<u32> = head.iter().map(|(item, _)| *item).collect();
    let fresh: Vec<Event> = tail
        .iter()
        .copied()
        .filter(|(item, _)| before.insert(*item))
        .collect();
    let profiled = |item: u32| dataset.states[user].iter().any(|(of_state, _)| *of_state == item);
    let clean: Vec<Event> = fresh
        .iter()
        .copied()
        .filter(|(item, _)| !profiled(*item))
        .collect();
    let unknown = vec![0.0; traits.count];
    let usable = traits.count > 0 && clean.iter().any(|(_, feedback)| *feedback > 0.0);
    let (fresh, user_traits) = if usable {
        (clean, traits.user(user))
    } else {
        (fresh, &unknown[..])
    };
    let context = features.context(last(head, dataset.window), user_traits);
    let mut pairs: Vec<Pair> = fresh
        .iter()
        .map(|&(item, feedback)| Pair {
            x: features.of(&context, item),
            liked: feedback > 0.0,
            weight: 1.0,
        })
        .collect();
    let consumed = distinct(log);
    let unseen = dataset.items.len() - consumed.len();
    let drawn = NEGATIVES.min(unseen);
    let mut rng = stream(seed, "reward/negatives", &[user as u64]);
    for _ in 0..drawn {
        let mut item = rng.random_range(0..dataset.items.len() as u32);
        while consumed.binary_search(&item).is_ok() {
            item = rng.random_range(0..dataset.items.len() as u32);
        }
        let weight = unseen as f64 / drawn as f64;
        pairs.push(Pair {
            x: features.of(&context, item),
            liked: false,
            weight,
        });
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::TraitSource;
    use crate::data::example::{OF_A_KIND, two_kinds};
    use crate::data::replay::Replay;

    #[test]
    fn probabilities_follow_kind_and_are_calibrated() {
        let dataset = two_kinds();
        let traits = Traits::of(&dataset, TraitSource::Profile, 0);
        let (model, fit) = RewardModel::fit(&dataset, &traits, 0).unwrap();
        assert!(fit.liked_traits > 0.5, "{fit:?}");
        assert!(
            (fit.predicted - fit.observed).abs() < 0.05 && fit.calibration_error < 0.08,
            "{fit:?}"
        );
        let context = model.context(&dataset.states[0], traits.user(0));
        let mean = |items: std::ops::Range<u32>| {
            let count = items.len() as f32;
            items.map(|item| model.probability(&context, item)).sum::<f32>() / count
        };
        assert!(mean(0..OF_A_KIND) > 3.0 * mean(OF_A_KIND..2 * OF_A_KIND));
    }

    /// A user's traits that hold the answer, as if read from the very items to be predicted: were they used, the
    /// coefficient would say so.
    #[test]
    fn a_profile_does_not_predict_the_items_it_was_read_from() {
        let mut dataset = two_kinds();
        for (state, log) in dataset.logs().unwrap().iter().enumerate() {
            dataset.states[state] = log[tail_start(log.len(), TAIL)..].to_vec();
        }
        let traits = Traits::of(&dataset, TraitSource::Profile, 0);
        let (_, fit) = RewardModel::fit(&dataset, &traits, 0).unwrap();
        assert_eq!(fit.user_traits, 0.0, "{fit:?}");
    }

    #[test]
    fn a_log_without_likes_in_the_tail_is_refused() {
        let mut dataset = two_kinds();
        let mut logs = dataset.logs().unwrap();
        for log in &mut logs {
            log.iter_mut().skip(2).for_each(|event| event.1 = -1.0);
        }
        dataset.replay = Replay::of_logs(&logs, dataset.items.len());
        let traits = Traits::of(&dataset, TraitSource::None, 0);
        let error = RewardModel::fit(&dataset, &traits, 0).unwrap_err().to_string();
        assert!(
            error.contains("liked interaction") && error.contains("bc"),
            "{error}"
        );
    }
}
