//! Cal-QL: CQL whose penalty stops at the log's own returns, so that the values are on the scale of real returns when online
//! learning begins (Nakamoto et al. 2023, arXiv 2303.05479, equation 5.1).

use common::Result;

use super::Trained;
use super::cql::{CqlConfig, loss};
use super::logged;
use crate::network::parameters::Parameters;
use crate::run::Run;

/// Trains as [`super::cql::train`] does, with max(Q(s, b), R) in the penalty's sum, R the log's discounted return from s on:
/// what is not in the log is pushed down to what the log's users got, and no further.
///
/// # Errors
/// When there is nothing to imitate, or training diverges.
pub fn train(config: &CqlConfig, run: Run) -> Result<Trained> {
    let policy = |parameters: Parameters| parameters.act_by_value(config.temperature);
    logged::train(&config.logged, run, policy, |network, shard| {
        loss(network, shard, config, true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::smoke::{LOGGED, World};
    use crate::data::TraitSource;

    #[test]
    fn what_a_user_has_not_met_of_its_own_kind_comes_on_top() {
        let world = World::new(TraitSource::Profile);
        let config = CqlConfig {
            logged: crate::algorithms::logged::LoggedConfig { steps: 300, ..LOGGED },
            ..CqlConfig::default()
        };
        let trained = train(&config, world.run(config.logged.steps, 2, None)).unwrap();
        let own = world.own_kind(&trained);
        assert!(own >= 54, "{own} of 60");
    }
}
