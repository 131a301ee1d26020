//! The actor-critic loss.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};

use super::categorical::Categorical;
use super::{Network, State};

/// The weights of the loss's parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// c_v, of the value loss.
    pub value: f32,
    /// c_e, of the entropy bonus.
    pub entropy: f32,
}

/// The loss and its parts, each a mean over transitions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossParts {
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
    /// Each transition's state.
    pub(crate) state_of: Vec<u32>,
    /// Each transition's masked items.
    pub(crate) consumed: Arc<Vec<Vec<u32>>>,
    /// Each transition's action.
    pub(crate) actions: Arc<Vec<u32>>,
    /// Each transition's return R.
    pub(crate) returns: Vec<f32>,
}

/// The A2C loss (Mnih et al. 2016, arXiv 1602.01783, synchronous):
///
/// ```text
/// mean over transitions of  - log pi(a|s) adv  +  c_v 0.5 (R - V(s))^2  -  c_e H(pi(.|s)),   adv = R - V(s)
/// ```
///
/// with no gradient through R and adv. Returns the differentiable loss and its parts.
pub(crate) fn a2c(
    network: &Network,
    transitions: &Transitions,
    coefficients: Coefficients,
) -> Result<(Tensor, LossParts)> {
    let count = transitions.actions.len();
    let rows = Tensor::from_slice(&transitions.state_of, count, &Device::Cpu)?;
    let encoded = network.encode(&transitions.states)?.index_select(&rows, 0)?;
    let values = network.values(&encoded)?;
    let returns = Tensor::from_slice(&transitions.returns, count, &Device::Cpu)?;
    let advantages = (&returns - values.detach())?;
    let categorical = Categorical {
        actions: transitions.actions.clone(),
        consumed: transitions.consumed.clone(),
    };
    let outcome = categorical.apply(&network.logits(&encoded)?)?;
    let policy = (outcome.narrow(1, 0, 1)?.squeeze(1)? * advantages)?
        .mean_all()?
        .neg()?;
    let entropy = outcome.narrow(1, 1, 1)?.mean_all()?;
    let value = ((returns - values)?.sqr()?.mean_all()? * 0.5)?;
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
