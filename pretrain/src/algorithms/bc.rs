//! Behaviour cloning: the policy learns to choose what users chose and liked next.

use common::Result;
use serde::Serialize;

use super::Trained;
use super::logged::{self, LoggedConfig, Shard, total};
use crate::network::Network;
use crate::run::{Loss, Run};

/// Hyper-parameters of behaviour cloning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct BcConfig {
    /// Those of all that learn from the log.
    #[serde(flatten)]
    pub logged: LoggedConfig,
}

/// Trains actor and critic.
///
/// # Errors
/// When there is nothing to imitate, or training diverges.
pub fn train(config: &BcConfig, run: Run) -> Result<Trained> {
    logged::train(&config.logged, run, |parameters| parameters, loss)
}

/// Cross-entropy of the next liked item over the catalogue without what the user had consumed before, and the critic's
/// squared error to the log's own discounted returns (Monte Carlo), so that a later A2C has a baseline.
pub(crate) fn loss(network: &Network, shard: &Shard) -> candle_core::Result<Loss> {
    let encoded = shard.encode(network)?;
    let imitation = shard.imitation(network, &encoded, |_| 1.0)?;
    let critic = shard.critic(network, &encoded, shard.returns())?;
    total(imitation.into_iter().chain([critic]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::smoke::{LOGGED, World};
    use crate::data::TraitSource;

    #[test]
    fn what_a_user_has_not_met_of_its_own_kind_comes_on_top() {
        let world = World::new(TraitSource::None);
        let config = BcConfig { logged: LOGGED };
        let trained = train(&config, world.run(LOGGED.steps, 0, None)).unwrap();
        let own = world.own_kind(&trained);
        assert!(own >= 57, "{own} of 60");
    }

    /// Twelve sampled candidates of forty items do what all of them do.
    #[test]
    fn sampled_candidates_teach_the_same() {
        let world = World::new(TraitSource::None);
        let config = BcConfig { logged: LOGGED };
        let trained = train(&config, world.run(LOGGED.steps, 0, Some(12))).unwrap();
        let own = world.own_kind(&trained);
        assert!(own >= 55, "{own} of 60");
    }
}
