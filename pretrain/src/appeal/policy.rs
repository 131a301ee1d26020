//! The appeal model as a policy: its sums become the memory, its features the state, and what is exploration worth its
//! temperature.

use common::policy::history;
use common::policy_artifact::{Encoder, LikeModel, NetworkConfig, Weights};
use common::stats::dot;
use common::{Error, Result};
use rayon::prelude::*;
use serde::Serialize;

use super::collaborative::{LEAST_LENGTH, row};
use super::fit::{Appeal, TOP};
use super::folds::Log;
use super::sources::{SHRINK, Source};

/// Users whom temperature and like model are chosen on.
const SAMPLE: usize = 500;
/// The least probability of a like, and of none, that a policy starts from, and the one where nothing is known.
const MOST_UNLIKELY: f64 = 0.001;
const UNKNOWN: f64 = 0.1;

/// What exploring costs, by the model.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Price {
    /// What the logits are divided by.
    pub(super) temperature: f32,
    /// The share of the best item's probability of a like that is lost by sampling.
    pub(super) lost: f64,
}

/// A policy in closed form.
pub(super) struct Closed {
    pub(super) network: NetworkConfig,
    pub(super) weights: Weights,
    pub(super) likes: LikeModel,
    pub(super) price: Price,
    pub(super) profiles: Profiles,
}

/// What memories begin with, besides 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profiles {
    /// Of each source that knows something of users: where it begins in a memory, its width, and the users' rows.
    parts: Vec<(usize, usize, Vec<f32>)>,
}

/// Blocks of numbers in state and query.
struct Layout {
    rank: usize,
    widths: Vec<usize>,
}

impl Layout {
    fn content(&self) -> usize {
        self.widths.iter().sum()
    }
    /// D: directions, then each source. At least 1.
    fn dims(&self) -> usize {
        (self.rank + self.content()).max(1)
    }
    /// H: directions, then of each source what liked and what disliked items sum up to. At least 1.
    fn hidden(&self) -> usize {
        (self.rank + 2 * self.content()).max(1)
    }
}

/// Makes the policy; sampling may cost the share `lost` of the best item's modelled likes.
pub(super) fn closed(
    appeal: &Appeal,
    sources: &[Source],
    log: &Log,
    window: usize,
    lost: f64,
) -> Result<Closed> {
    let layout = Layout {
        rank: appeal.vectors.rank,
        widths: sources.iter().map(|s| s.width).collect(),
    };
    let network = NetworkConfig {
        items: log.likes.width(),
        dims: layout.dims(),
        hidden: layout.hidden(),
        traits: 0,
        window,
        encoder: Encoder::History,
    };
    let mut weights = tensors(appeal, sources, &layout, &network);
    let mut profiles = Profiles::default();
    let mut at = layout.rank;
    for source in sources {
        if !source.users.is_empty() {
            profiles.parts.push((at, source.width, source.users.clone()));
        }
        at += source.width;
    }
    let sample = Sample::new(&network, &weights, log, &profiles);
    let (temperature, found) = sample.temperature(lost);
    let price = Price {
        temperature,
        lost: found,
    };
    // What the first items of a list were liked, where that was not known.
    let best = match appeal.report.top {
        0.0 => UNKNOWN,
        top => (top / TOP as f64).clamp(MOST_UNLIKELY, 1.0 - MOST_UNLIKELY),
    };
    weights.item_bias.iter_mut().for_each(|bias| *bias /= temperature);
    weights.log_temperature = vec![((network.dims as f32).sqrt() / temperature).ln()];
    if let Some(tensor) = weights.not_finite(&network) {
        return Err(Error::data(format!("the appeal model is not finite in {tensor}"))
            .hint("check the log and the profiles for values out of all proportion"));
    }
    Ok(Closed {
        network,
        weights,
        likes: LikeModel {
            intercept: (best / (1.0 - best)).ln() as f32,
            slope: temperature,
            centre: sample.best() as f32,
        },
        price,
        profiles,
    })
}

/// The network's tensors at temperature 1.
fn tensors(appeal: &Appeal, sources: &[Source], layout: &Layout, network: &NetworkConfig) -> Weights {
    let (items, dims, hidden) = (network.items, network.dims, network.hidden);
    let mut weights = Weights::zeros(network);
    weights.log_temperature = vec![(dims as f32).sqrt().ln()];
    weights.item_bias.clone_from(&appeal.popularity);
    let [mut like, mut dislike] = [vec![0.0; items * hidden], vec![0.0; items * hidden]];
    let [mut constant, mut like_count, mut dislike_count, mut norm] = [0; 4].map(|_| vec![0.0; hidden]);
    let place = |table: &mut [f32], width: usize, at: usize, source: &[f32], of: usize, times: f32| {
        for (to, from) in table.chunks_exact_mut(width).zip(source.chunks_exact(of)) {
            to[at..at + of]
                .iter_mut()
                .zip(from)
                .for_each(|(to, x)| *to = times * x);
        }
    };
    // Each block of an item is as long as what it is worth, so that what is learnt of a user later is learnt in proportion.
    let share = |table: &[f32], worth: f32| {
        let square = dot(table, table) / items as f32;
        if square > 0.0 && worth > 0.0 {
            worth / square.sqrt()
        } else {
            1.0
        }
    };
    let rank = layout.rank;
    if rank > 0 {
        let worth = share(&appeal.vectors.item, appeal.collaborative.abs());
        place(
            &mut weights.item_embedding,
            dims,
            0,
            &appeal.vectors.item,
            rank,
            worth,
        );
        place(&mut like, hidden, 0, &appeal.vectors.like, rank, 1.0);
        for at in 0..appeal.vectors.read {
            (constant[at], norm[at]) = (LEAST_LENGTH, 1.0);
            weights.query_weight[at * hidden + at] = appeal.collaborative / worth;
        }
    }
    let mut at = rank;
    for ((source, [of_likes, of_dislikes]), &width) in sources.iter().zip(&appeal.content).zip(&layout.widths)
    {
        let worth = share(&source.table, of_likes.abs());
        place(&mut weights.item_embedding, dims, at, &source.table, width, worth);
        place(&mut like, hidden, at, &source.table, width, 1.0);
        let second = at + layout.content();
        place(&mut dislike, hidden, second, &source.table, width, 1.0);
        for k in 0..width {
            constant[at + k] = SHRINK;
            constant[second + k] = SHRINK;
            like_count[at + k] = 1.0;
            dislike_count[second + k] = 1.0;
            weights.query_weight[(at + k) * hidden + at + k] = of_likes / worth;
            weights.query_weight[(at + k) * hidden + second + k] = of_dislikes / worth;
        }
        at += width;
    }
    weights.encoder = vec![like, dislike, constant, like_count, dislike_count, norm];
    weights
}

/// The memory of a user of `log`: S, n+, n-.
pub(crate) fn memory(
    network: &NetworkConfig,
    weights: &Weights,
    log: &Log,
    profiles: &Profiles,
    user: usize,
) -> Vec<f32> {
    let mut memory = vec![0.0; network.memory()];
    for (at, width, rows) in &profiles.parts {
        memory[*at..at + width].copy_from_slice(row(rows, *width, user as u32));
    }
    for (rows, liked) in [(&log.likes, true), (&log.dislikes, false)] {
        for (item, value) in rows.entries(user) {
            history::remember(&weights.encoder, &mut memory, item, liked, value);
        }
    }
    // Who was shown more than he liked has liked nothing, not less than that.
    let likes = &mut memory[network.hidden];
    *likes = likes.max(0.0);
    memory
}

/// The query of a memory, D numbers.
pub(crate) fn query(network: &NetworkConfig, weights: &Weights, memory: &[f32]) -> Vec<f32> {
    let mut state = vec![0.0; network.hidden];
    history::add_state(&weights.encoder, memory, &mut state);
    weights
        .query_weight
        .chunks_exact(network.hidden)
        .map(|row| dot(row, &state))
        .collect()
}

/// Scores of what may be offered to some users, at temperature 1, largest first.
struct Sample {
    scores: Vec<Vec<f32>>,
}

impl Sample {
    fn new(network: &NetworkConfig, weights: &Weights, log: &Log, profiles: &Profiles) -> Self {
        let (users, items) = (log.likes.len(), network.items);
        let of_user = |user: usize| (memory(network, weights, log, profiles, user), log.open(user));
        // Before any user is known: those who have liked one item.
        let of_newcomer = |liked: usize| {
            let mut memory = vec![0.0; network.memory()];
            history::remember(&weights.encoder, &mut memory, liked as u32, true, 1.0);
            let open = (0..items as u32).filter(|&item| item as usize != liked);
            (memory, open.collect())
        };
        let all = if users > 0 { users } else { items };
        let step = all.div_ceil(SAMPLE).max(1);
        let picked: Vec<usize> = (0..all).step_by(step).collect();
        let scores = picked
            .par_iter()
            .map(|&at| {
                let (memory, open): (_, Vec<u32>) = if users > 0 { of_user(at) } else { of_newcomer(at) };
                let query = query(network, weights, &memory);
                let score = |item: u32| {
                    dot(row(&weights.item_embedding, network.dims, item), &query)
                        + weights.item_bias[item as usize]
                };
                let mut scores: Vec<f32> = open.into_iter().map(score).collect();
                scores.sort_unstable_by(|a, b| b.total_cmp(a));
                scores
            })
            .filter(|scores: &Vec<f32>| !scores.is_empty())
            .collect();
        Sample { scores }
    }

    /// The best item's score, its mean over users.
    fn best(&self) -> f64 {
        let best = self.scores.iter().map(|scores| f64::from(scores[0]));
        best.sum::<f64>() / self.scores.len().max(1) as f64
    }

    /// The share of the best item's likes that sampling at this temperature loses.
    fn lost(&self, temperature: f64) -> f64 {
        let of = |scores: &Vec<f32>| {
            let (mut all, mut kept) = (0.0, 0.0);
            for z in scores {
                let z = f64::from(z - scores[0]);
                let probability = (z / temperature).exp();
                all += probability;
                kept += probability * z.exp();
            }
            1.0 - kept / all
        };
        let each: Vec<f64> = self.scores.par_iter().map(of).collect();
        each.iter().sum::<f64>() / each.len().max(1) as f64
    }

    /// The largest temperature that loses no more than `share`, and what it loses.
    fn temperature(&self, share: f64) -> (f32, f64) {
        let (mut low, mut high) = (1e-3f64.ln(), 1.0f64.ln());
        if self.scores.is_empty() || self.lost(high.exp()) <= share {
            return (
                1.0,
                if self.scores.is_empty() {
                    0.0
                } else {
                    self.lost(1.0)
                },
            );
        }
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if self.lost(middle.exp()) <= share {
                low = middle;
            } else {
                high = middle;
            }
        }
        let temperature = low.exp() as f32;
        (temperature, self.lost(f64::from(temperature)))
    }
}
