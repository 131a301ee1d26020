//! The network's mathematics as plain functions over plain weights, differentiated by candle's autograd alone.
//!
//! `online` computes the same forward pass and gradient in hand-written loops; the workspace's tests hold those
//! to these functions. They are composed of primitive operations and are not made to be fast.

use candle_core::{Device, Tensor};
use common::Result;
use common::policy_artifact::{NetworkConfig, Weights};

pub use super::State;
pub use super::loss::{Coefficients, LossParts};
use super::parameters::Parameters;
use super::slab::Slab;
use super::{Network, failed};

/// One step of experience with its return.
#[derive(Clone, Copy, Debug)]
pub struct Transition<'a> {
    /// The state that the action was taken in.
    pub state: State<'a>,
    /// Items masked out of the actions there.
    pub consumed: &'a [u32],
    /// The item chosen.
    pub action: u32,
    /// R: the n-step return, bootstrapped by the critic where the episode went on.
    pub target: f32,
}

/// What the network says of a state.
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    /// N logits, nothing masked.
    pub logits: Vec<f32>,
    /// The critic's value.
    pub value: f32,
}

/// Logits and value of one state.
///
/// # Errors
/// When weights or state do not fit `config`.
pub fn forward(config: &NetworkConfig, weights: &Weights, state: State) -> Result<Forward> {
    let compute = || {
        let network = Network::frozen(config, weights)?;
        let encoded = network.encode_primitive(&[state])?;
        let value = network.values(&encoded)?.squeeze(0)?.to_scalar()?;
        Ok(Forward {
            logits: network.logits(&encoded)?.squeeze(0)?.to_vec1()?,
            value,
        })
    };
    compute().map_err(failed)
}

/// The A2C loss of a batch of transitions and its gradient with respect to every tensor, by autograd over
/// primitive operations: mean of `-log pi(a|s) adv + c_v 0.5 (R - V)^2 - c_e H`, `adv = R - V`, with no gradient
/// through R and adv.
///
/// # Errors
/// When weights or transitions do not fit `config`, or there is no transition.
pub fn a2c_gradient(
    config: &NetworkConfig,
    weights: &Weights,
    transitions: &[Transition],
    coefficients: Coefficients,
) -> Result<(LossParts, Weights)> {
    primitive(config, weights, transitions, coefficients).map_err(failed)
}

/// A gradient with zeros where it is empty.
fn whole(config: &NetworkConfig, gradient: Vec<Vec<f32>>) -> Weights {
    let mut sum = Weights::zeros(config);
    for (values, found) in sum.tensors_mut().into_iter().zip(gradient) {
        if !found.is_empty() {
            *values = found;
        }
    }
    sum
}

fn primitive(
    config: &NetworkConfig,
    weights: &Weights,
    transitions: &[Transition],
    coefficients: Coefficients,
) -> candle_core::Result<(LossParts, Weights)> {
    let count = transitions.len();
    let parameters = Parameters::new(config, weights.clone(), 0, 0);
    let network = Network::trainable(&parameters, &Slab::Whole)?;
    let states: Vec<State> = transitions.iter().map(|t| t.state).collect();
    let encoded = network.encode_primitive(&states)?;
    let values = network.values(&encoded)?;
    let mut mask = vec![0.0_f32; count * config.items];
    for (row, transition) in mask.chunks_exact_mut(config.items).zip(transitions) {
        for &item in transition.consumed {
            row[item as usize] = -1e9;
        }
    }
    let mask = Tensor::from_vec(mask, (count, config.items), &Device::Cpu)?;
    let log_p = candle_nn::ops::log_softmax(&(network.logits(&encoded)? + mask)?, 1)?;
    let actions: Vec<u32> = transitions.iter().map(|t| t.action).collect();
    let chosen = log_p
        .gather(&Tensor::from_vec(actions, (count, 1), &Device::Cpu)?, 1)?
        .squeeze(1)?;
    let targets: Vec<f32> = transitions.iter().map(|t| t.target).collect();
    let targets = Tensor::from_vec(targets, count, &Device::Cpu)?;
    let error = (targets - values)?;
    let policy = (chosen * error.detach())?.mean_all()?.neg()?;
    let value = (error.sqr()?.mean_all()? * 0.5)?;
    let entropy = (log_p.exp()? * &log_p)?.sum(1)?.mean_all()?.neg()?;
    let loss = ((&policy + (&value * f64::from(coefficients.value))?)?
        - (&entropy * f64::from(coefficients.entropy))?)?;
    let parts = LossParts {
        loss: loss.to_scalar()?,
        policy: policy.to_scalar()?,
        value: value.to_scalar()?,
        entropy: entropy.to_scalar()?,
    };
    Ok((parts, whole(config, network.gradient(&loss)?)))
}

#[cfg(test)]
mod tests {
    use common::policy_artifact::Encoder;

    use super::super::categorical::Choices;
    use super::super::loss::{Transitions, a2c};
    use super::*;

    const ENCODERS: [Encoder; 3] = [
        Encoder::Mean,
        Encoder::Gru,
        Encoder::Attention { layers: 1, heads: 2 },
    ];

    fn config(encoder: Encoder) -> NetworkConfig {
        NetworkConfig {
            items: 7,
            dims: 4,
            hidden: 4,
            traits: 3,
            window: 3,
            encoder,
        }
    }
    const COEFFICIENTS: Coefficients = Coefficients {
        value: 0.5,
        entropy: 0.03,
    };

    /// Weights with no zero in them, so that every gradient has something to be wrong about.
    fn weights(config: &NetworkConfig) -> Weights {
        let mut weights = Weights::init(config, 3);
        for (shift, tensor) in weights.tensors_mut().into_iter().enumerate() {
            for (i, w) in tensor.iter_mut().enumerate() {
                *w += 0.1 * ((i + 3 * shift) as f32 * 0.9).sin();
            }
        }
        weights
    }

    const HISTORIES: [&[(u32, f32)]; 3] = [&[(1, 1.0), (4, -1.0), (2, 1.0)], &[(6, 1.0)], &[]];
    const TRAITS: [&[f32]; 3] = [&[0.3, -1.0, 0.8], &[0.0, 0.0, 0.0], &[1.5, 0.2, -0.4]];

    fn transitions() -> Vec<Transition<'static>> {
        let step = |at: usize, consumed, action, target| Transition {
            state: State {
                history: HISTORIES[at],
                memory: &[],
                traits: TRAITS[at],
            },
            consumed,
            action,
            target,
        };
        vec![
            step(0, &[1, 4], 3, 0.7),
            step(0, &[1, 3, 4], 5, 0.1),
            step(1, &[6], 2, -0.4),
            step(2, &[], 0, 1.2),
        ]
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        for encoder in ENCODERS {
            gradient_is_that_of_finite_differences(&config(encoder));
        }
    }

    fn gradient_is_that_of_finite_differences(config: &NetworkConfig) {
        let loss = |weights: &Weights, advantages: &[f32]| {
            // The advantage is a constant of the loss: taken once, at the point of differentiation.
            let mut total = 0.0;
            for (transition, &advantage) in transitions().iter().zip(advantages) {
                let out = forward(config, weights, transition.state).unwrap();
                let masked = |i: &usize| !transition.consumed.contains(&(*i as u32));
                let open: Vec<f64> = (0..config.items)
                    .filter(masked)
                    .map(|i| f64::from(out.logits[i]))
                    .collect();
                let log_normaliser = open.iter().map(|l| l.exp()).sum::<f64>().ln();
                let entropy: f64 = open
                    .iter()
                    .map(|l| (log_normaliser - l) * (l - log_normaliser).exp())
                    .sum();
                let log_p = f64::from(out.logits[transition.action as usize]) - log_normaliser;
                let error = f64::from(transition.target - out.value);
                total += -log_p * f64::from(advantage) + 0.25 * error * error - 0.03 * entropy;
            }
            total / 4.0
        };
        let weights = weights(config);
        let advantages: Vec<f32> = transitions()
            .iter()
            .map(|t| t.target - forward(config, &weights, t.state).unwrap().value)
            .collect();
        let (parts, gradient) = a2c_gradient(config, &weights, &transitions(), COEFFICIENTS).unwrap();
        let here = loss(&weights, &advantages);
        assert!((f64::from(parts.loss) - here).abs() < 1e-5);
        for (at, (name, _)) in config.shapes().iter().enumerate() {
            for i in 0..gradient.tensors()[at].len() {
                let moved = |by: f32| {
                    let mut weights = weights.clone();
                    weights.tensors_mut()[at][i] += by;
                    loss(&weights, &advantages)
                };
                // On both sides: they differ where a rectifier's kink lies within the step.
                let slopes = [4e-3, -4e-3].map(|step| (moved(step) - here) / f64::from(step));
                let ours = f64::from(gradient.tensors()[at][i]);
                let tolerance = 4e-3 * (1.0 + ours.abs());
                assert!(
                    slopes.iter().any(|slope| ours < slope + tolerance)
                        && slopes.iter().any(|slope| ours > slope - tolerance),
                    "{:?}, {name}[{i}]: {slopes:?} {ours}",
                    config.encoder
                );
            }
        }
    }

    #[test]
    fn the_training_loss_agrees() {
        for encoder in ENCODERS {
            training_loss_agrees(&config(encoder));
        }
    }

    fn training_loss_agrees(config: &NetworkConfig) {
        let steps = transitions();
        let weights = weights(config);
        let (expected, expected_gradient) = a2c_gradient(config, &weights, &steps, COEFFICIENTS).unwrap();
        let mut choices = Choices::default();
        for (step, row) in steps.iter().zip([0, 0, 1, 2]) {
            assert!(choices.push(&Slab::Whole, row, step.action, step.consumed.iter().copied()));
        }
        let shared = Transitions {
            states: vec![steps[0].state, steps[2].state, steps[3].state],
            choices,
            returns: steps.iter().map(|t| t.target).collect(),
        };
        let parameters = Parameters::new(config, weights, 0, 0);
        let network = Network::trainable(&parameters, &Slab::Whole).unwrap();
        let (loss, parts) = a2c(&network, shared, COEFFICIENTS, steps.len()).unwrap();
        assert!((parts.loss - expected.loss).abs() < 1e-6 && (parts.entropy - expected.entropy).abs() < 1e-6);
        let gradient = whole(config, network.gradient(&loss).unwrap());
        for (ours, expected) in gradient.tensors().into_iter().zip(expected_gradient.tensors()) {
            for (o, e) in ours.iter().zip(expected) {
                assert!((o - e).abs() < 1e-6 * (1.0 + e.abs()), "{o} {e}");
            }
        }
    }

    #[test]
    fn a_network_without_traits_works() {
        let config = NetworkConfig {
            traits: 0,
            ..config(Encoder::Gru)
        };
        let weights = Weights::init(&config, 1);
        let transition = Transition {
            state: State {
                history: &[(1, 1.0)],
                memory: &[],
                traits: &[],
            },
            consumed: &[1],
            action: 2,
            target: 1.0,
        };
        let (parts, gradient) = a2c_gradient(&config, &weights, &[transition], COEFFICIENTS).unwrap();
        assert!(parts.loss.is_finite() && gradient.not_finite(&config).is_none());
    }
}
