//! iALP: an actor-critic trained offline on the language model's feedback.
//!
//! Source: "Large Language Model driven Policy Exploration for Recommender Systems" (Wang et al., WSDM 2025):
//! actions are sampled from the policy on logged states, the language model's preferences answer as reward, A2C
//! updates actor and critic, and the state moves on when the reward is positive. Here the answer is the reward
//! model's probability, and the state moves on with that probability.

use std::sync::Arc;

use common::policy_artifact::{NetworkConfig, Weights};
use common::rng::{ChaCha8Rng, RngExt, stream};
use common::{Error, Result};
use serde::Serialize;

use super::{Curve, Trained};
use crate::data::{Dataset, Event, Traits, distinct, last};
use crate::evaluate::modelled;
use crate::network::categorical::{draw, softmax_into};
use crate::network::loss::{Coefficients, Transitions, a2c};
use crate::network::{Network, State, failed};
use crate::optimizer::{Adam, AdamConfig, decay};
use crate::reward::RewardModel;

/// What the entropy bonus falls to, as a share of its start.
const ENTROPY_END: f32 = 0.1;

/// Hyper-parameters of iALP. The defaults were chosen by the modelled reward, never by an environment's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct IalpConfig {
    /// Updates, one after each batch of episodes.
    pub steps: u64,
    /// Episodes side by side in an update.
    pub batch: usize,
    /// Steps of an episode.
    pub horizon: usize,
    /// Rewards in a return before the critic stands in for the rest. An action moves the state seldom and little, so
    /// that more of them bring more noise than news.
    pub n_step: usize,
    /// Adam's step size at first; it falls linearly to 0.
    pub learning_rate: f32,
    /// Discount.
    pub gamma: f32,
    /// Weight of the value loss.
    pub value: f32,
    /// Weight of the entropy bonus at first, in units of the distance between the best items' and random items'
    /// modelled reward, so that it means the same for rare and frequent likes; it falls linearly to a tenth.
    pub entropy: f32,
    /// Updates between two log lines.
    pub report_every: u64,
}

impl Default for IalpConfig {
    fn default() -> Self {
        IalpConfig {
            steps: 1_000,
            batch: 64,
            horizon: 10,
            n_step: 1,
            learning_rate: 6e-3,
            gamma: 0.9,
            value: 0.5,
            entropy: 0.15,
            report_every: 100,
        }
    }
}

impl IalpConfig {
    /// The discount that returns are made with. State and critic know no clock, so the end of an episode of `horizon`
    /// steps counts as a chance of 1 / horizon at every step: the critic's values are then those of an episode's
    /// steps on average, and no advantage depends on how late it is.
    fn discount(&self) -> f32 {
        self.gamma * (1.0 - 1.0 / self.horizon as f32)
    }
}

/// Trains actor and critic against `reward`; the environment is never asked.
///
/// # Errors
/// When no user has enough of the catalogue left for an episode, or training diverges.
#[allow(clippy::too_many_arguments, reason = "what a run needs, each once")]
pub fn train(
    config: &IalpConfig,
    network: &NetworkConfig,
    dataset: &Dataset,
    traits: &Traits,
    reward: &RewardModel,
    mut weights: Weights,
    seed: u64,
    mut curve: Curve,
) -> Result<Trained> {
    let logs = dataset.logs()?;
    let users: Vec<usize> = (0..logs.len())
        .filter(|&user| !logs[user].is_empty())
        .filter(|&user| distinct(&logs[user]).len() + config.horizon <= dataset.items.len())
        .collect();
    if users.is_empty() {
        return Err(Error::data(format!(
            "no user has {} items left that the log does not show as consumed",
            config.horizon
        ))
        .hint("lower --horizon, or give the full catalogue"));
    }
    let mut adam = Adam::new(AdamConfig::default(), network);
    let range = report_policy(&mut curve, 0, network, &weights, dataset, traits, reward)?;
    let mut since_report = Vec::new();
    for step in 1..=config.steps {
        let mut rng = stream(seed, "ialp/rollout", &[step]);
        let episodes = start(config, dataset, &logs, &users, &mut rng);
        let frozen = Network::frozen(network, &weights).map_err(failed)?;
        let rollout = roll_out(config, &frozen, episodes, traits, reward, &mut rng).map_err(failed)?;
        let mean_reward = rollout.rewards.iter().sum::<f32>() / rollout.rewards.len() as f32;

        let transitions = rollout.transitions(config, traits);
        let net = Network::trainable(network, &weights).map_err(failed)?;
        let left = decay(step, config.steps);
        let entropy = range * config.entropy * (ENTROPY_END + (1.0 - ENTROPY_END) * left);
        let coefficients = Coefficients {
            value: config.value,
            entropy,
        };
        let (loss, parts) = a2c(&net, &transitions, coefficients).map_err(failed)?;
        let gradient = net.gradient(&loss).map_err(failed)?;
        adam.step(network, &mut weights, &gradient, config.learning_rate * left)?;

        curve.advance();
        since_report.push(f64::from(mean_reward));
        if step % config.report_every == 0 || step == config.steps {
            let mean = since_report.iter().sum::<f64>() / since_report.len() as f64;
            since_report.clear();
            let values = [
                ("reward", mean),
                ("loss", f64::from(parts.loss)),
                ("entropy", f64::from(parts.entropy)),
                ("value loss", f64::from(parts.value)),
            ];
            curve.record("train", step, &values);
        }
    }
    report_policy(
        &mut curve,
        config.steps,
        network,
        &weights,
        dataset,
        traits,
        reward,
    )?;
    Ok(Trained {
        weights,
        curve: curve.into_points(),
    })
}

/// Measures the policy on users' last states; returns the distance between the best items' and random items' reward.
fn report_policy(
    curve: &mut Curve,
    step: u64,
    network: &NetworkConfig,
    weights: &Weights,
    dataset: &Dataset,
    traits: &Traits,
    reward: &RewardModel,
) -> Result<f32> {
    let net = Network::frozen(network, weights).map_err(failed)?;
    let found = modelled(&net, dataset, traits, reward)?;
    let values = [
        ("modelled reward of the policy", found.policy),
        ("of its first choice", found.greedy),
        ("of random items", found.random),
        ("of the most popular item", found.popularity),
        ("of the best item", found.best),
    ];
    curve.record("last states", step, &values);
    Ok((found.best - found.random) as f32)
}

/// An episode: a user somewhere in the log, then wherever the policy leads.
struct Episode {
    user: usize,
    history: Vec<Event>,
    consumed: Vec<u32>,
}

/// Draws users, and for each a place in the log to begin at. All items of the user's log are masked, those after
/// that place too: what is to be learnt is what to offer beside the log.
fn start(
    config: &IalpConfig,
    dataset: &Dataset,
    logs: &[Vec<Event>],
    users: &[usize],
    rng: &mut ChaCha8Rng,
) -> Vec<Episode> {
    let draw = |_| {
        let user = users[rng.random_range(0..users.len())];
        let log = &logs[user];
        let at = rng.random_range(1..=log.len());
        let history = if at == log.len() {
            &dataset.states[user]
        } else {
            last(&log[..at], dataset.window)
        };
        Episode {
            user,
            history: history.to_vec(),
            consumed: distinct(log),
        }
    };
    (0..config.batch).map(draw).collect()
}

/// What a batch of episodes gave; per transition, step after step and within a step episode after episode.
struct Rollout {
    /// Distinct states, with their users.
    states: Vec<(usize, Vec<Event>)>,
    state_of: Vec<u32>,
    consumed: Vec<Vec<u32>>,
    actions: Vec<u32>,
    rewards: Vec<f32>,
    values: Vec<f32>,
    /// The value of the state that each episode has come to.
    after: Vec<f32>,
}

/// Acts for one horizon. A step without reward leaves a state as it was: only states that moved are encoded again.
fn roll_out(
    config: &IalpConfig,
    net: &Network,
    mut episodes: Vec<Episode>,
    traits: &Traits,
    reward: &RewardModel,
    rng: &mut ChaCha8Rng,
) -> candle_core::Result<Rollout> {
    let window = net.window();
    let mut rollout = Rollout {
        states: Vec::new(),
        state_of: Vec::new(),
        consumed: Vec::new(),
        actions: Vec::new(),
        rewards: Vec::new(),
        values: Vec::new(),
        after: Vec::new(),
    };
    let mut moved: Vec<usize> = (0..episodes.len()).collect();
    let mut current = vec![0; episodes.len()];
    let (mut logits, mut values) = (vec![Vec::new(); episodes.len()], vec![0.0; episodes.len()]);
    let mut contexts = vec![None; episodes.len()];
    let mut probabilities = vec![0.0; net.items()];
    for step in 0..=config.horizon {
        if !moved.is_empty() {
            let states: Vec<State> = moved
                .iter()
                .map(|&e| State {
                    history: &episodes[e].history,
                    traits: traits.user(episodes[e].user),
                })
                .collect();
            let encoded = net.encode(&states)?;
            let new_values = net.values(&encoded)?.to_vec1::<f32>()?;
            let new_logits = net.logits(&encoded)?.to_vec2::<f32>()?;
            for (((&e, state), value), of_items) in moved.iter().zip(states).zip(new_values).zip(new_logits) {
                contexts[e] = Some(reward.context(state.history, state.traits));
                (values[e], logits[e]) = (value, of_items);
                current[e] = rollout.states.len() as u32;
                rollout.states.push((episodes[e].user, state.history.to_vec()));
            }
            moved.clear();
        }
        if step == config.horizon {
            break;
        }
        for (e, episode) in episodes.iter_mut().enumerate() {
            softmax_into(&logits[e], &episode.consumed, &mut probabilities);
            let item = draw(&probabilities, rng.random());
            let answer = contexts[e]
                .as_ref()
                .map_or(0.0, |context| reward.probability(context, item));
            rollout.state_of.push(current[e]);
            rollout.consumed.push(episode.consumed.clone());
            rollout.actions.push(item);
            rollout.rewards.push(answer);
            rollout.values.push(values[e]);
            episode.consumed.push(item);
            if rng.random::<f32>() < answer {
                episode.history.push((item, 1.0));
                let over = episode.history.len().saturating_sub(window);
                episode.history.drain(..over);
                moved.push(e);
            }
        }
    }
    rollout.after = values;
    Ok(rollout)
}

impl Rollout {
    fn transitions<'a>(&'a self, config: &IalpConfig, traits: &'a Traits) -> Transitions<'a> {
        let state = |(user, history): &'a (usize, Vec<Event>)| State {
            history,
            traits: traits.user(*user),
        };
        Transitions {
            states: self.states.iter().map(state).collect(),
            state_of: self.state_of.clone(),
            consumed: Arc::new(self.consumed.clone()),
            actions: Arc::new(self.actions.clone()),
            returns: n_step_returns(
                &self.rewards,
                &self.values,
                &self.after,
                config.discount(),
                config.n_step,
            ),
        }
    }
}

/// R of every transition: the next `n_step` discounted rewards, then the critic's value of the state that they lead
/// to; `after` holds the values of the states behind the last step. One episode after the other within a step.
fn n_step_returns(rewards: &[f32], values: &[f32], after: &[f32], discount: f32, n_step: usize) -> Vec<f32> {
    let batch = after.len();
    let horizon = rewards.len() / batch;
    let one = |transition: usize| {
        let (step, episode) = (transition / batch, transition % batch);
        let until = (step + n_step).min(horizon);
        let value = if until < horizon {
            values[until * batch + episode]
        } else {
            after[episode]
        };
        (step..until)
            .rev()
            .fold(value, |sum, at| rewards[at * batch + episode] + discount * sum)
    };
    (0..rewards.len()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::TraitSource;
    use crate::data::example::two_kinds;
    use crate::data::replay::Replay;
    use crate::network::initial::initial_weights;

    #[test]
    fn the_modelled_reward_rises_far_above_random() {
        let dataset = two_kinds();
        let traits = Traits::of(&dataset, TraitSource::Profile, 0);
        let (reward, fit) = RewardModel::fit(&dataset, &traits, 0).unwrap();
        assert!(fit.auc > 0.8 && fit.auc > fit.popularity_auc, "{fit:?}");
        let network = NetworkConfig {
            items: dataset.items.len(),
            dims: 16,
            hidden: 16,
            traits: 3,
            window: 10,
            encoder: common::policy_artifact::Encoder::Gru,
        };
        let weights = initial_weights(&network, &traits.items, 0);
        let config = IalpConfig {
            steps: 60,
            batch: 32,
            horizon: 5,
            learning_rate: 1e-2,
            ..IalpConfig::default()
        };
        let trained = train(
            &config,
            &network,
            &dataset,
            &traits,
            &reward,
            weights,
            0,
            Curve::silent(),
        )
        .unwrap();
        let value = |metric: &str| {
            trained
                .curve
                .iter()
                .rev()
                .find(|point| point.metric == metric)
                .unwrap()
                .value
        };
        let (policy, random, best) = (
            value("modelled reward of the policy"),
            value("of random items"),
            value("of the best item"),
        );
        assert!(
            policy - random > 0.7 * (best - random),
            "policy {policy}, random {random}, best {best}"
        );
    }

    #[test]
    fn returns_look_n_steps_ahead_to_a_value() {
        // Two episodes of three steps, step by step.
        let rewards = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
        let (values, after) = ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [8.0, 80.0]);
        let two = n_step_returns(&rewards, &values, &after, 0.5, 2);
        assert_eq!(
            two,
            [
                1.0 + 1.0 + 0.125,
                10.0 + 10.0 + 0.15,
                2.0 + 1.5 + 2.0,
                20.0 + 15.0 + 20.0,
                7.0,
                70.0
            ]
        );
        let all = n_step_returns(&rewards, &values, &after, 0.5, 10);
        assert_eq!(all[..2], [1.0 + 1.0 + 0.75 + 1.0, 10.0 + 10.0 + 7.5 + 10.0]);
    }

    #[test]
    fn a_catalogue_that_is_used_up_is_bad_data() {
        let mut dataset = two_kinds();
        let everything: Vec<Event> = (0..40).map(|item| (item, 1.0)).collect();
        dataset.replay = Replay::of_logs(&vec![everything; 60], 40);
        let traits = Traits::of(&dataset, TraitSource::None, 0);
        let network = NetworkConfig {
            items: 40,
            dims: 4,
            hidden: 4,
            traits: 0,
            window: 10,
            encoder: common::policy_artifact::Encoder::Gru,
        };
        let (reward, _) = RewardModel::fit(&two_kinds(), &traits, 0).unwrap();
        let weights = initial_weights(&network, &[], 0);
        let failed = train(
            &IalpConfig::default(),
            &network,
            &dataset,
            &traits,
            &reward,
            weights,
            0,
            Curve::silent(),
        );
        assert!(failed.err().unwrap().to_string().contains("consumed"));
    }
}
