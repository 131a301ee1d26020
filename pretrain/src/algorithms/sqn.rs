//! SQN: self-supervised Q-learning. A Q head beside the actor learns from the log's rewards, and by the shared encoder the
//! actor's imitation learns with it (Xin et al. 2020, arXiv 2006.05779, equations 5 to 8).

use common::Result;
use common::rng::{RngExt, stream};
use serde::Serialize;

use super::Trained;
use super::logged::{self, LoggedConfig, Shard, total};
use super::q_learning::{at, huber, targets};
use crate::network::Network;
use crate::run::{Loss, Run};

/// Q heads: two, each other's target.
pub const Q_HEADS: usize = 2;

/// Hyper-parameters of SQN.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SqnConfig {
    /// Those of all that learn from the log.
    #[serde(flatten)]
    pub logged: LoggedConfig,
    /// Weight of the temporal difference beside the imitation; 1 in the paper.
    pub td: f32,
}

impl Default for SqnConfig {
    fn default() -> Self {
        SqnConfig {
            logged: LoggedConfig::default(),
            td: 1.0,
        }
    }
}

/// Trains actor, critic and Q heads; the actor is the policy.
///
/// # Errors
/// When there is nothing to imitate, or training diverges.
pub fn train(config: &SqnConfig, run: Run) -> Result<Trained> {
    logged::train(
        &config.logged,
        run,
        |parameters| parameters,
        |network, shard| loss(network, shard, config),
    )
}

/// Imitation, plus the squared temporal difference of the head whose turn it is.
fn loss(network: &Network, shard: &Shard, config: &SqnConfig) -> candle_core::Result<Loss> {
    let encoded = shard.encode(network)?;
    let head = turn(shard);
    let targets = targets(network, shard, head, config.logged.gamma)?;
    let chosen = at(
        &network.q_values(&encoded, head)?,
        &shard.actions(network.slab())?,
    )?;
    let td = (huber(&chosen, targets, shard.share())? * f64::from(config.td))?;
    let value = f64::from(td.to_scalar::<f32>()?);
    let imitation = shard.imitation(network, &encoded, |_| 1.0)?;
    let critic = shard.critic(network, &encoded, shard.returns())?;
    total(
        imitation
            .into_iter()
            .chain([(td, vec![("td loss", value)]), critic]),
    )
}

/// The head that this update trains, by a coin.
pub(super) fn turn(shard: &Shard) -> usize {
    stream(shard.seed, "pretrain/q turn", &[shard.step]).random_range(0..Q_HEADS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::smoke::{LOGGED, World};
    use crate::data::TraitSource;

    #[test]
    fn what_a_user_has_not_met_of_its_own_kind_comes_on_top() {
        let world = World::new(TraitSource::Profile);
        let config = SqnConfig {
            logged: LOGGED,
            ..SqnConfig::default()
        };
        let trained = train(&config, world.run(LOGGED.steps, Q_HEADS, None)).unwrap();
        let own = world.own_kind(&trained);
        assert!(own >= 57, "{own} of 60");
    }
}
