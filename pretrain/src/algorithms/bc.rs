//! Behaviour cloning: the policy learns to choose what users chose and liked next.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use common::policy_artifact::{NetworkConfig, Weights};
use common::rng::{shuffle, stream};
use common::{Error, Result};
use serde::Serialize;

use super::{Curve, Trained};
use crate::data::{Dataset, Event, Traits, last, tail_start};
use crate::evaluate::{Held, recall};
use crate::network::categorical::Categorical;
use crate::network::{Network, State, failed};
use crate::optimizer::{Adam, AdamConfig, decay};

/// Held-out likes that one evaluation ranks at most.
const MOST_HELD: usize = 4_096;

/// Hyper-parameters of behaviour cloning.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BcConfig {
    /// Updates.
    pub steps: u64,
    /// Interactions an update.
    pub batch: usize,
    /// Adam's step size at first; it falls linearly to 0.
    pub learning_rate: f32,
    /// Discount of the returns that the critic learns.
    pub gamma: f32,
    /// The last part of each user's log that is held out; the weights with the best recall@10 on it are kept.
    pub validation: f32,
    /// Updates between two evaluations.
    pub evaluate_every: u64,
}

impl Default for BcConfig {
    fn default() -> Self {
        BcConfig {
            steps: 2_000,
            batch: 256,
            learning_rate: 5e-3,
            gamma: 0.9,
            validation: 0.1,
            evaluate_every: 100,
        }
    }
}

/// One interaction of the log as an example.
struct Example {
    user: usize,
    /// Its place in the user's log: the state is what stands before it.
    at: usize,
    /// The discounted return from here on: 1 a like, to the end of what is trained on.
    target: f32,
    /// Whether it was liked and not consumed before: then the actor learns it.
    chosen: bool,
}

/// Trains actor and critic on `dataset`: cross-entropy of the next liked item over the catalogue without what the
/// user had consumed before, and the critic's squared error to the log's own discounted returns (Monte Carlo), so
/// that a later A2C has a baseline. The critic reads the encoder and does not shape it.
///
/// # Errors
/// When there is nothing liked to learn from, or training diverges.
pub fn train(
    config: &BcConfig,
    network: &NetworkConfig,
    dataset: &Dataset,
    traits: &Traits,
    mut weights: Weights,
    seed: u64,
    mut curve: Curve,
) -> Result<Trained> {
    let unknown = vec![0.0; traits.count];
    let logs = dataset.logs()?;
    let (examples, held) = split(config, dataset, &logs, traits, &unknown, seed);
    if !examples.iter().any(|e| e.chosen) {
        return Err(Error::data(
            "the log holds no liked interaction to learn from, besides those held out",
        ));
    }
    let mut adam = Adam::new(AdamConfig::default(), network);
    let mut best: Option<(f64, Weights)> = None;
    let mut order: Vec<usize> = Vec::new();
    let mut epoch = 0;
    for step in 1..=config.steps {
        if order.len() < config.batch {
            let mut again: Vec<usize> = (0..examples.len()).collect();
            shuffle(&mut stream(seed, "bc/epoch", &[epoch]), &mut again);
            order = [again, order].concat();
            epoch += 1;
        }
        let batch = order.split_off(order.len().saturating_sub(config.batch));
        let batch: Vec<&Example> = batch.into_iter().map(|i| &examples[i]).collect();

        let net = Network::trainable(network, &weights).map_err(failed)?;
        let (loss, parts) = loss(&net, &batch, dataset, &logs, traits, &unknown).map_err(failed)?;
        let gradient = net.gradient(&loss).map_err(failed)?;
        adam.step(
            network,
            &mut weights,
            &gradient,
            config.learning_rate * decay(step, config.steps),
        )?;

        curve.advance();
        if step % config.evaluate_every == 0 || step == config.steps {
            curve.record("train", step, &parts);
            let net = Network::frozen(network, &weights).map_err(failed)?;
            let found = if held.is_empty() {
                f64::NAN
            } else {
                recall(&net, &held, 10).map_err(failed)?
            };
            curve.record("tail", step, &[("recall@10", found)]);
            // Without held-out likes every comparison is false: then the last weights are kept.
            if best
                .as_ref()
                .is_none_or(|(most, _)| !matches!(found.partial_cmp(most), Some(o) if o.is_le()))
            {
                best = Some((found, weights.clone()));
            }
        }
    }
    Ok(Trained {
        weights: best.map_or(weights, |(_, best)| best),
        curve: curve.into_points(),
    })
}

/// Examples from each user's head, held-out likes from the tail.
fn split<'a>(
    config: &BcConfig,
    dataset: &Dataset,
    logs: &'a [Vec<Event>],
    traits: &'a Traits,
    unknown: &'a [f32],
    seed: u64,
) -> (Vec<Example>, Vec<Held<'a>>) {
    let (mut examples, mut held) = (Vec::new(), Vec::new());
    for (user, log) in logs.iter().enumerate() {
        let cut = tail_start(log.len(), config.validation);
        let mut target = 0.0;
        let of_user = examples.len();
        for (at, &(item, feedback)) in log.iter().enumerate().rev() {
            let consumed_before = log[..at].iter().any(|(earlier, _)| *earlier == item);
            let chosen = feedback > 0.0 && !consumed_before;
            if at < cut {
                target = config.gamma * target + feedback.max(0.0);
                examples.push(Example {
                    user,
                    at,
                    target,
                    chosen,
                });
            } else if chosen {
                let state = state_before(dataset, logs, traits, unknown, user, at);
                held.push(Held {
                    state,
                    consumed: log[..at].iter().map(|(item, _)| *item).collect(),
                    item,
                });
            }
        }
        examples[of_user..].reverse();
    }
    shuffle(&mut stream(seed, "bc/held", &[]), &mut held);
    held.truncate(MOST_HELD);
    (examples, held)
}

/// The state before the interaction `at`. The user's traits were read from the state at the end of the log: an
/// item in that state is learnt, and ranked, without them, or it would be found by its own reflection.
fn state_before<'a>(
    dataset: &Dataset,
    logs: &'a [Vec<Event>],
    traits: &'a Traits,
    unknown: &'a [f32],
    user: usize,
    at: usize,
) -> State<'a> {
    let log = &logs[user];
    let seen = dataset.states[user].iter().any(|(item, _)| *item == log[at].0);
    let traits = if seen { unknown } else { traits.user(user) };
    State {
        history: last(&log[..at], dataset.window),
        traits,
    }
}

fn loss(
    net: &Network,
    batch: &[&Example],
    dataset: &Dataset,
    logs: &[Vec<Event>],
    traits: &Traits,
    unknown: &[f32],
) -> candle_core::Result<(Tensor, [(&'static str, f64); 3])> {
    let states: Vec<State> = batch
        .iter()
        .map(|e| state_before(dataset, logs, traits, unknown, e.user, e.at))
        .collect();
    let encoded = net.encode(&states)?;
    let targets = Tensor::from_iter(batch.iter().map(|e| e.target), &Device::Cpu)?;
    let value = ((targets - net.values(&encoded.detach())?)?.sqr()?.mean_all()? * 0.5)?;
    let chosen: Vec<u32> = (0..batch.len() as u32)
        .filter(|&row| batch[row as usize].chosen)
        .collect();
    if chosen.is_empty() {
        let error = f64::from(value.to_scalar::<f32>()?);
        return Ok((
            value,
            [("loss", f64::NAN), ("entropy", f64::NAN), ("value loss", error)],
        ));
    }
    let log_of = |row: &u32| (&logs[batch[*row as usize].user], batch[*row as usize].at);
    let actions = chosen.iter().map(log_of).map(|(log, at)| log[at].0).collect();
    let consumed = chosen
        .iter()
        .map(log_of)
        .map(|(log, at)| log[..at].iter().map(|e| e.0).collect())
        .collect();
    let categorical = Categorical {
        actions: Arc::new(actions),
        consumed: Arc::new(consumed),
    };
    let rows = Tensor::from_vec(chosen.clone(), chosen.len(), &Device::Cpu)?;
    let outcome = categorical.apply(&net.logits(&encoded.index_select(&rows, 0)?)?)?;
    let policy = outcome.narrow(1, 0, 1)?.mean_all()?.neg()?;
    let parts = [
        ("loss", f64::from(policy.to_scalar::<f32>()?)),
        (
            "entropy",
            f64::from(outcome.narrow(1, 1, 1)?.mean_all()?.to_scalar::<f32>()?),
        ),
        ("value loss", f64::from(value.to_scalar::<f32>()?)),
    ];
    Ok(((policy + value)?, parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::TraitSource;
    use crate::data::example::{OF_A_KIND, two_kinds};
    use crate::network::initial::initial_weights;

    const CONFIG: BcConfig = BcConfig {
        steps: 150,
        batch: 64,
        learning_rate: 5e-3,
        gamma: 0.9,
        validation: 0.1,
        evaluate_every: 50,
    };

    #[test]
    fn what_a_user_has_not_met_of_its_own_kind_comes_on_top() {
        let dataset = two_kinds();
        let traits = Traits::of(&dataset, TraitSource::None, 0);
        let network = NetworkConfig {
            items: dataset.items.len(),
            dims: 16,
            hidden: 16,
            traits: 0,
            window: 10,
            encoder: common::policy_artifact::Encoder::Gru,
        };
        let weights = initial_weights(&network, &[], 0);
        let trained = train(&CONFIG, &network, &dataset, &traits, weights, 0, Curve::silent()).unwrap();
        let net = Network::frozen(&network, &trained.weights).unwrap();
        let mut own = 0;
        let logs = dataset.logs().unwrap();
        for user in 0..60 {
            let state = State {
                history: &dataset.states[user],
                traits: &[],
            };
            let logits = net
                .logits(&net.encode(&[state]).unwrap())
                .unwrap()
                .squeeze(0)
                .unwrap();
            let logits = logits.to_vec1::<f32>().unwrap();
            let open = (0..2 * OF_A_KIND).filter(|item| logs[user].iter().all(|(met, _)| met != item));
            let top = open
                .max_by(|a, b| logits[*a as usize].total_cmp(&logits[*b as usize]))
                .unwrap();
            own += usize::from((top < OF_A_KIND) == (user % 2 == 0));
        }
        assert!(own >= 57, "{own} of 60");
    }

    #[test]
    fn examples_and_held_out_likes_share_no_interaction_and_no_reflection() {
        let dataset = two_kinds();
        let traits = Traits::of(&dataset, TraitSource::Profile, 0);
        let unknown = vec![0.0; traits.count];
        let logs = dataset.logs().unwrap();
        let (examples, held) = split(
            &BcConfig {
                validation: 0.25,
                ..CONFIG
            },
            &dataset,
            &logs,
            &traits,
            &unknown,
            0,
        );
        assert_eq!(examples.len(), 60 * 12, "the head of every log");
        assert!(!held.is_empty() && held.len() <= 60 * 4);
        for held in &held {
            assert!(held.consumed.len() >= 12 && !held.consumed.contains(&held.item));
            assert_eq!(held.state.history, last(&pairs_of(&held.consumed, &logs), 10));
            assert_eq!(
                held.state.traits,
                &unknown[..],
                "the profile was read from a state that holds the item"
            );
        }
        for example in &examples {
            let item = logs[example.user][example.at].0;
            let reflected = dataset.states[example.user]
                .iter()
                .any(|(of_state, _)| *of_state == item);
            let state = state_before(&dataset, &logs, &traits, &unknown, example.user, example.at);
            assert_eq!(state.traits == &unknown[..], reflected);
        }
    }

    /// The events of the log that begins with these items.
    fn pairs_of(items: &[u32], logs: &[Vec<Event>]) -> Vec<Event> {
        let begins = |log: &&Vec<Event>| log.iter().zip(items).all(|((item, _), i)| item == i);
        logs.iter().find(begins).unwrap()[..items.len()].to_vec()
    }

    #[test]
    fn the_critic_learns_discounted_likes() {
        let dataset = two_kinds();
        let traits = Traits::of(&dataset, TraitSource::None, 0);
        let logs = dataset.logs().unwrap();
        let (examples, _) = split(
            &BcConfig {
                validation: 0.0,
                ..CONFIG
            },
            &dataset,
            &logs,
            &traits,
            &[],
            0,
        );
        let log = &logs[0];
        let cut = tail_start(log.len(), 0.0);
        let by_hand: f32 = (0..cut)
            .map(|at| {
                if log[at].1 > 0.0 {
                    0.9_f32.powi(at as i32)
                } else {
                    0.0
                }
            })
            .sum();
        assert!((examples[0].target - by_hand).abs() < 1e-5 && examples[0].at == 0);
        assert_eq!(examples[cut - 1].target, log[cut - 1].1.max(0.0));
    }
}
