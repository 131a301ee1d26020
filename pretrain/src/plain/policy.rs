//! Vectors of items as a policy that acts greedily.
//!
//! A softmax acts as greedily as its temperature is low: logits are scores times [`SHARPNESS`] over the standard deviation of
//! a user's scores, so that the second best item has a probability to speak of only where it is as good within a few
//! thousandths of that deviation. A softmax subtracts the largest logit, so nothing overflows; the propensity of what is
//! sampled is positive, and that of an item more than about 100 / [`SHARPNESS`] deviations below the best one is below
//! the smallest f32, and 0.
//!
//! Who has liked nothing has no scores and gets what is popular. For this the bias is popularity, and one more number of the
//! state, 1 for who has likes and 0 for who has none, takes it back.

use common::policy_artifact::{Encoder, NetworkConfig, Weights};
use common::{Error, Result};
use rayon::prelude::*;

use crate::appeal::{Log, Made, Profiles, memory, point, query};

/// Nats of logit that one standard deviation of a user's scores is worth.
const SHARPNESS: f32 = 1e3;
/// Users whose scores the deviation is taken of.
const SAMPLE: usize = 500;

/// Two vectors per item, and where likes do not make it, one per user.
#[derive(Debug)]
pub(super) struct Vectors {
    /// How many numbers.
    rank: usize,
    /// What a like of the item adds to a user's sum, `[items, rank]`.
    pub(super) like: Like,
    /// What scores the item, `[items, rank]`.
    pub(super) item: Vec<f32>,
}

/// What a user's sum is made of.
#[derive(Debug)]
pub(super) enum Like {
    /// A vector a liked item, `[items, rank]`.
    Table(Vec<f32>),
    /// The liked items' unit vectors: the sum holds who likes what.
    Unit,
    /// The sums themselves, `[users, rank]`, which likes do not move.
    Known(Vec<f32>),
}

impl Vectors {
    /// A sum of `like` over liked items, scored by `item`.
    pub(super) fn new(rank: usize, like: Vec<f32>, item: Vec<f32>) -> Self {
        Vectors {
            rank,
            like: Like::Table(like),
            item,
        }
    }

    /// The row of `item`, `[items, items]`, of an item holds what each liked item adds to its score.
    pub(super) fn by_item(items: usize, item: Vec<f32>) -> Self {
        Vectors {
            rank: items,
            like: Like::Unit,
            item,
        }
    }

    /// Users known by their own vectors.
    pub(super) fn of_known_users(rank: usize, item: Vec<f32>, users: Vec<f32>) -> Self {
        Vectors {
            rank,
            like: Like::Known(users),
            item,
        }
    }

    #[cfg(test)]
    pub(super) fn rank(&self) -> usize {
        self.rank
    }
}

/// Policy by popularity alone: the item's likes in `log`, zero vectors.
pub(super) fn by_popularity(log: Log, window: usize) -> Result<Made> {
    let network = shapes(&log, 1, window);
    let mut weights = Weights::zeros(&network);
    weights.item_bias = popularity(&log);
    let spread = f64::from(deviation(&log.likes.counts()));
    finish(network, weights, log, None, spread)
}

/// Policy of `vectors`.
pub(super) fn closed(vectors: Vectors, log: Log, window: usize) -> Result<Made> {
    let Vectors { rank, like, item } = vectors;
    let width = rank + 1;
    let network = shapes(&log, width, window);
    let mut weights = Weights::zeros(&network);
    widen(&mut weights.item_embedding, &item, rank);
    drop(item);
    for at in 0..width {
        weights.query_weight[at * width + at] = 1.0;
    }
    weights.log_temperature = vec![(width as f32).sqrt().ln()];
    let [table, _, constant, like_count, ..] = weights.encoder.as_mut_slice() else {
        return Err(Error::data("a history without its tensors"));
    };
    constant.fill(1.0);
    let known = match like {
        Like::Known(users) => {
            let mut memories = vec![0.0; log.likes.len() * network.memory()];
            for (user, to) in memories.chunks_exact_mut(network.memory()).enumerate() {
                to[..rank].copy_from_slice(&users[user * rank..(user + 1) * rank]);
                let likes = log
                    .likes
                    .entries(user)
                    .map(|(_, value)| value)
                    .sum::<f32>()
                    .max(0.0);
                to[rank] = likes.min(1.0);
                to[width] = likes;
                to[width + 1] = log.dislikes.row(user).len() as f32;
            }
            Some(memories)
        }
        Like::Table(of) => {
            widen(table, &of, rank);
            (constant[rank], like_count[rank]) = (0.0, 1.0);
            None
        }
        Like::Unit => {
            (0..network.items).for_each(|item| table[item * width + item] = 1.0);
            (constant[rank], like_count[rank]) = (0.0, 1.0);
            None
        }
    };
    if known.is_none() {
        table.chunks_exact_mut(width).for_each(|row| row[rank] = 1.0);
    }
    let spread = spread(&network, &weights, &log, known.as_deref());
    let scale = sharpening(spread as f32);
    weights.log_temperature = vec![((width as f32).sqrt() * scale).ln()];
    weights.item_bias = popularity(&log);
    for (row, bias) in weights
        .item_embedding
        .chunks_exact_mut(width)
        .zip(&weights.item_bias)
    {
        row[rank] = -bias / scale;
    }
    finish(network, weights, log, known, spread)
}

fn shapes(log: &Log, width: usize, window: usize) -> NetworkConfig {
    NetworkConfig {
        items: log.likes.width(),
        dims: width,
        hidden: width,
        traits: 0,
        window,
        encoder: Encoder::History,
    }
}

fn finish(
    network: NetworkConfig,
    weights: Weights,
    log: Log,
    known: Option<Vec<f32>>,
    spread: f64,
) -> Result<Made> {
    if let Some(tensor) = weights.not_finite(&network) {
        return Err(
            Error::data(format!("the policy is not finite in {tensor}")).hint("take a larger --ridge")
        );
    }
    Ok(Made {
        network,
        weights,
        likes: None,
        curve: vec![point("log", "standard deviation of scores".into(), spread)],
        log,
        profiles: Profiles::default(),
        known,
    })
}

/// Copies rows of `rank` numbers into rows of one more.
fn widen(to: &mut [f32], from: &[f32], rank: usize) {
    if rank > 0 {
        for (to, from) in to.chunks_exact_mut(rank + 1).zip(from.chunks_exact(rank)) {
            to[..rank].copy_from_slice(from);
        }
    }
}

/// Likes in the log as greedy logits.
fn popularity(log: &Log) -> Vec<f32> {
    let counts = log.likes.counts();
    let scale = sharpening(deviation(&counts));
    counts.iter().map(|n| n * scale).collect()
}

/// What scores of this standard deviation are multiplied by.
fn sharpening(deviation: f32) -> f32 {
    if deviation > 0.0 {
        SHARPNESS / deviation
    } else {
        1.0
    }
}

fn deviation(values: &[f32]) -> f32 {
    let (count, mut sum, mut squares) = (values.len().max(1) as f64, 0.0, 0.0);
    for &x in values {
        sum += f64::from(x);
        squares += f64::from(x).powi(2);
    }
    let mean = sum / count;
    (squares / count - mean * mean).max(0.0).sqrt() as f32
}

/// The root of the mean variance of a user's scores, over a sample of users who have likes.
fn spread(network: &NetworkConfig, weights: &Weights, log: &Log, known: Option<&[f32]>) -> f64 {
    let users: Vec<usize> = (0..log.likes.len())
        .filter(|&user| !log.likes.row(user).is_empty())
        .collect();
    let step = users.len().div_ceil(SAMPLE).max(1);
    let picked: Vec<usize> = users.into_iter().step_by(step).collect();
    let variances: Vec<f64> = picked
        .par_iter()
        .map(|&user| {
            let memory = match known {
                Some(known) => known[user * network.memory()..][..network.memory()].to_vec(),
                None => memory(network, weights, log, &Profiles::default(), user),
            };
            let query = query(network, weights, &memory);
            let scores: Vec<f32> = log
                .open(user)
                .into_iter()
                .map(|item| {
                    let embedding = crate::appeal::row(&weights.item_embedding, network.dims, item);
                    common::stats::dot(embedding, &query)
                })
                .collect();
            f64::from(deviation(&scores)).powi(2)
        })
        .collect();
    (variances.iter().sum::<f64>() / variances.len().max(1) as f64).sqrt()
}
