//! Discrete CQL: conservative Q-learning. Q-learning on the log, with a penalty on the values of what the log does not show
//! (Kumar et al. 2020, arXiv 2006.04779, equation 4, the variant CQL(H) over discrete actions).

use candle_core::Tensor;
use common::Result;
use common::policy::distribution::probabilities as softmax;
use serde::Serialize;

use super::Trained;
use super::logged::{self, LoggedConfig, Shard, total};
use super::q_learning::{at, huber, targets};
use super::sqn::Q_HEADS;
use crate::network::Network;
use crate::network::categorical::{Choices, Sampling};
use crate::network::parameters::Parameters;
use crate::run::{Loss, Run};

/// Hyper-parameters of CQL.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CqlConfig {
    /// Those of all that learn from the log.
    #[serde(flatten)]
    pub logged: LoggedConfig,
    /// Weight of the conservative penalty. At 1 the temporal difference drowned it: in the smoke test of this file the
    /// preferred kind was not found within 450 updates, at 5 it is within 150.
    pub alpha: f32,
    /// The policy is softmax(Q / temperature).
    pub temperature: f32,
}

impl Default for CqlConfig {
    fn default() -> Self {
        CqlConfig {
            logged: LoggedConfig::default(),
            alpha: 5.0,
            temperature: 1.0,
        }
    }
}

/// Trains two Q heads, each the other's target, and a critic of their policy; softmax(Q / temperature) of the first head is
/// the policy.
///
/// # Errors
/// When there is nothing to imitate, or training diverges.
pub fn train(config: &CqlConfig, run: Run) -> Result<Trained> {
    let policy = |parameters: Parameters| parameters.act_by_value(config.temperature);
    logged::train(&config.logged, run, policy, |network, shard| {
        loss(network, shard, config, false)
    })
}

/// With m = 1 where the log's action was liked (the actions that are worth defending), summed over both heads:
///
/// ```text
/// Huber(Q(s, a) - target) + alpha m [ log sum over open b of exp Q(s, b) - Q(s, a) ]
/// ```
///
/// With `calibrated`, Q(s, b) in the sum is not pushed below the log's own return (Cal-QL, see [`super::cal_ql`]).
pub(super) fn loss(
    network: &Network,
    shard: &Shard,
    config: &CqlConfig,
    calibrated: bool,
) -> candle_core::Result<Loss> {
    let encoded = shard.encode(network)?;
    let actions = shard.actions(network.slab())?;
    let masked = shard.masked(network.slab(), false);
    let mut losses = Vec::new();
    for head in 0..Q_HEADS {
        let q = network.q_values(&encoded, head)?;
        let own = at(&q, &actions)?;
        let td = huber(
            &own,
            targets(network, shard, head, config.logged.gamma)?,
            shard.share(),
        )?;
        losses.push((td.clone(), vec![("td loss", scalar(&td)?)]));
        let pushed = if calibrated {
            let floor = Tensor::from_vec(shard.returns(), (actions.len(), 1), q.device())?;
            q.broadcast_maximum(&floor)?
        } else {
            q
        };
        if let Some(gap) = gap(network, shard, &pushed, &own, &actions, &masked)? {
            let penalty = (gap * f64::from(config.alpha))?;
            losses.push((penalty.clone(), vec![("penalty", scalar(&penalty)?)]));
        }
    }
    losses.push(critic(network, shard, &encoded, &masked, config.temperature)?);
    total(losses)
}

/// The mean over imitated transitions of log sum exp of `pushed` over open items - `own`.
fn gap(
    network: &Network,
    shard: &Shard,
    pushed: &Tensor,
    own: &Tensor,
    actions: &[u32],
    masked: &[Vec<u32>],
) -> candle_core::Result<Option<Tensor>> {
    let mut choices = Choices::default();
    for (row, transition) in shard.transitions.iter().enumerate() {
        if transition.chosen {
            choices.push_place(row as u32, actions[row], masked[row].clone());
        }
    }
    if choices.rows.is_empty() {
        return Ok(None);
    }
    let sampling = Sampling::over(network.slab(), true);
    let rows = choices.rows.clone();
    let places = choices.actions.clone();
    // -log p(a) = log sum exp - pushed(a); what is wanted is log sum exp - own(a).
    let surprise = choices
        .apply(pushed, sampling)?
        .narrow(1, 0, 1)?
        .squeeze(1)?
        .neg()?;
    let rows = Tensor::from_vec(rows, places.len(), &candle_core::Device::Cpu)?;
    let pushed_own = at(&pushed.index_select(&rows, 0)?, &places)?;
    let gap = ((surprise + pushed_own)? - own.index_select(&rows, 0)?)?;
    Ok(Some((gap.sum_all()? / shard.chosen as f64)?))
}

/// The critic learns what the policy's actions are worth by Q: sum over open items of softmax(Q / temperature) Q.
fn critic(
    network: &Network,
    shard: &Shard,
    encoded: &Tensor,
    masked: &[Vec<u32>],
    temperature: f32,
) -> candle_core::Result<Loss> {
    let q = network
        .detached()
        .q_values(&encoded.detach(), 0)?
        .to_vec2::<f32>()?;
    let mut probabilities = vec![0.0; q.first().map_or(0, Vec::len)];
    let offsets = network.slab().offsets();
    let worth = q.iter().zip(masked).map(|(q, masked)| {
        let offset = |place: usize| offsets.map_or(0.0, |offsets| offsets[place]);
        let mut logits: Vec<f32> = q
            .iter()
            .enumerate()
            .map(|(place, q)| q / temperature + offset(place))
            .collect();
        for &place in masked {
            logits[place as usize] = f32::NEG_INFINITY;
        }
        softmax(&logits, &mut probabilities);
        probabilities.iter().zip(q).map(|(p, q)| p * q).sum()
    });
    let worth: Vec<f32> = worth.collect();
    shard.critic(network, encoded, worth)
}

fn scalar(tensor: &Tensor) -> candle_core::Result<f64> {
    tensor.to_scalar::<f32>().map(f64::from)
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
            logged: LOGGED,
            ..CqlConfig::default()
        };
        let trained = train(&config, world.run(LOGGED.steps, Q_HEADS, None)).unwrap();
        let own = world.own_kind(&trained);
        assert!(own >= 54, "{own} of 60");
    }
}
