//! SA2C: supervised advantage actor-critic. As SQN, with sampled negative actions in the Q-learning, and the actor's imitation
//! weighted by how much better the logged action is than these (Xin et al. 2022, arXiv 2111.03474, equations 6 to 11).

use candle_core::{Device, Tensor};
use common::Result;
use common::rng::{RngExt, stream};
use serde::Serialize;

use super::Trained;
use super::logged::{self, LoggedConfig, Shard, total};
use super::q_learning::{at, best_values, huber, huber_of, targets};
use super::sqn::turn;
use crate::network::Network;
use crate::run::{Loss, Run};

/// Hyper-parameters of SA2C.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sa2cConfig {
    /// Those of all that learn from the log.
    #[serde(flatten)]
    pub logged: LoggedConfig,
    /// Negative actions drawn a transition; 10 in the paper.
    pub negative_actions: usize,
    /// Share of the updates before the advantage weighs the imitation: Q must mean something first.
    pub warm_up: f32,
    /// Weight of the temporal difference.
    pub td: f32,
}

impl Default for Sa2cConfig {
    fn default() -> Self {
        Sa2cConfig {
            logged: LoggedConfig::default(),
            negative_actions: 10,
            warm_up: 0.5,
            td: 1.0,
        }
    }
}

/// Trains actor, critic and Q heads; the actor is the policy.
///
/// # Errors
/// When there is nothing to imitate, or training diverges.
pub fn train(config: &Sa2cConfig, run: Run) -> Result<Trained> {
    logged::train(
        &config.logged,
        run,
        |parameters| parameters,
        |network, shard| loss(network, shard, config),
    )
}

/// With a+ the logged action, a- the negatives and Q the head whose turn it is:
///
/// ```text
/// TD(a+) + mean over a- of TD(a-)   with the targets r + gamma max Q(s', .) and 0 + gamma max Q(s, .)
/// - A log pi(a+|s),                 A = Q(s, a+) - mean of Q(s, .) over a+ and a-, no gradient through it
/// ```
///
/// A negative action leaves the state as it is: the user never met it.
fn loss(network: &Network, shard: &Shard, config: &Sa2cConfig) -> candle_core::Result<Loss> {
    let encoded = shard.encode(network)?;
    let head = turn(shard);
    let gamma = config.logged.gamma;
    let q = network.q_values(&encoded, head)?;
    let actions = shard.actions(network.slab())?;
    let own = at(&q, &actions)?;
    let td = huber(&own, targets(network, shard, head, gamma)?, shard.share())?;

    let masked = shard.masked(network.slab(), false);
    let other = network.detached().q_values(&encoded.detach(), 1 - head)?;
    let stay: Vec<f32> = best_values(&q, &other, &masked)?
        .into_iter()
        .map(|best| gamma * best)
        .collect();
    let count = config.negative_actions;
    let negatives = negatives(shard, &actions, q.dim(1)? as u32, count);
    let index = Tensor::from_vec(negatives, (actions.len(), count), &Device::Cpu)?;
    let of_negatives = q.gather(&index, 1)?;
    let stay = Tensor::from_vec(stay, (actions.len(), 1), &Device::Cpu)?;
    let error = of_negatives.broadcast_sub(&stay)?;
    let td_of_negatives = huber_of(&error, shard.share() / count.max(1) as f64)?;
    let td = ((td + td_of_negatives)? * f64::from(config.td))?;

    let sum = (of_negatives.sum(1)? + &own)?;
    let advantage = (&own - (sum / (count + 1) as f64)?)?.to_vec1::<f32>()?;
    let warm = shard.step as f32 > config.warm_up * config.logged.steps as f32;
    let imitation = shard.imitation(
        network,
        &encoded,
        |place| if warm { advantage[place] } else { 1.0 },
    )?;
    let critic = shard.critic(network, &encoded, shard.returns())?;
    let parts = vec![
        ("td loss", f64::from(td.to_scalar::<f32>()?)),
        (
            "advantage",
            advantage.iter().map(|&a| f64::from(a)).sum::<f64>() * shard.share(),
        ),
    ];
    total(imitation.into_iter().chain([(td, parts), critic]))
}

/// `count` candidates per transition, none of them its action, uniformly at random; row-major.
fn negatives(shard: &Shard, actions: &[u32], candidates: u32, count: usize) -> Vec<u32> {
    // A transition's own numbers, whatever shard it is in: keyed by what it is.
    let draw = |(row, &action): (usize, &u32)| {
        let t = &shard.transitions[row];
        let key = [shard.step, u64::from(t.item), row as u64];
        let mut rng = stream(shard.seed, "pretrain/negative actions", &key);
        let shift = move |_| {
            let place = rng.random_range(0..candidates.max(2) - 1);
            if place >= action {
                (place + 1).min(candidates - 1)
            } else {
                place
            }
        };
        (0..count).map(shift).collect::<Vec<u32>>()
    };
    actions.iter().enumerate().flat_map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::smoke::{LOGGED, World};
    use crate::data::TraitSource;

    #[test]
    fn what_a_user_has_not_met_of_its_own_kind_comes_on_top() {
        let world = World::new(TraitSource::Profile);
        let config = Sa2cConfig {
            logged: LOGGED,
            ..Sa2cConfig::default()
        };
        let trained = train(&config, world.run(LOGGED.steps, 2, None)).unwrap();
        let own = world.own_kind(&trained);
        assert!(own >= 54, "{own} of 60");
    }
}
