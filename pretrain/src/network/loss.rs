//! The actor-critic loss.

use candle_core::{Device, Result, Tensor};

use super::categorical::{Choices, Sampling};
use super::{Network, State};

/// The weights of the loss's parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Coefficients {
    /// c_v, of the value loss.
    pub value: f32,
    /// c_e, of the entropy bonus.
    pub entropy: f32,
}

/// The loss and its parts, each a mean over transitions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LossParts {
    /// The whole: policy + c_v value - c_e entropy.
    pub loss: f32,
    /// - log pi(a|s) (R - V(s)).
    pub policy: f32,
    /// 0.5 (R - V(s))^2.
    pub value: f32,
    /// The policy's entropy in nats.
    pub entropy: f32,
}

/// Transitions over states that several of them may share: a step without reward leaves the state as it was, and
/// its encoding need not be computed again.
pub(crate) struct Transitions<'a> {
    /// The distinct states.
    pub(crate) states: Vec<State<'a>>,
    /// Each transition's state, masked items and action.
    pub(crate) choices: Choices,
    /// Each transition's return R.
    pub(crate) returns: Vec<f32>,
}

/// The A2C loss (Mnih et al. 2016, arXiv 1602.01783, synchronous):
///
/// ```text
/// mean over transitions of  - log pi(a|s) adv  +  c_v 0.5 (R - V(s))^2  -  c_e H(pi(.|s)),   adv = R - V(s)
/// ```
///
/// with no gradient through R and adv. Returns the differentiable loss and its parts. `count` is what the mean is over:
/// the transitions of all shards of an update.
pub(crate) fn a2c(
    network: &Network,
    transitions: Transitions,
    coefficients: Coefficients,
    count: usize,
) -> Result<(Tensor, LossParts)> {
    let Transitions {
        states,
        choices,
        returns,
    } = transitions;
    let rows = Tensor::from_slice(&choices.rows, choices.rows.len(), &Device::Cpu)?;
    let encoded = network.encode(&states)?;
    let values = network.values(&encoded)?.index_select(&rows, 0)?;
    let returns = Tensor::from_vec(returns, choices.rows.len(), &Device::Cpu)?;
    let error = (returns - values)?;
    let sampling = Sampling::over(network.slab(), false);
    let outcome = choices.apply(&network.logits(&encoded)?, sampling)?;
    let share = 1.0 / count as f64;
    let policy = ((outcome.narrow(1, 0, 1)?.squeeze(1)? * error.detach())?.sum_all()? * -share)?;
    let entropy = (outcome.narrow(1, 1, 1)?.sum_all()? * share)?;
    let value = (error.sqr()?.sum_all()? * (0.5 * share))?;
    let loss = ((&policy + (&value * f64::from(coefficients.value))?)?
        - (&entropy * f64::from(coefficients.entropy))?)?;
    let parts = LossParts {
        loss: loss.to_scalar()?,
        policy: policy.to_scalar()?,
        value: value.to_scalar()?,
        entropy: entropy.to_scalar()?,
    };
    Ok((loss, parts))
}
