//! Episodes that a policy plays against the reward model.

use common::rng::{RngExt, stream};

use crate::data::{Event, Traits};
use crate::network::categorical::{Choices, Lottery};
use crate::network::loss::Transitions;
use crate::network::slab::Slab;
use crate::network::{Network, State};
use crate::reward::RewardModel;

/// How episodes are played, and which.
pub(super) struct Rules<'a> {
    /// Steps of an episode.
    pub(super) horizon: usize,
    /// Rewards in a return before the critic stands in for the rest.
    pub(super) n_step: usize,
    /// What a reward counts for a step later.
    pub(super) discount: f32,
    pub(super) traits: &'a Traits,
    pub(super) reward: &'a RewardModel,
    pub(super) seed: u64,
    /// The update's number, from 1.
    pub(super) step: u64,
}

/// Where an episode begins: a user somewhere in the log.
pub(super) struct Episode {
    /// Its number in the update: it has random numbers of its own, whoever plays it.
    pub(super) number: u64,
    pub(super) user: u32,
    /// Oldest first.
    pub(super) history: Vec<Event>,
    /// Items that are never offered, ascending.
    pub(super) consumed: Vec<u32>,
}

/// What some episodes gave; per transition, step after step and within a step episode after episode.
pub(super) struct Rollout {
    /// Distinct states, with their users.
    states: Vec<(u32, Vec<Event>)>,
    choices: Choices,
    pub(super) rewards: Vec<f32>,
    values: Vec<f32>,
    /// The value of the state that each episode has come to.
    after: Vec<f32>,
}

/// Acts for one horizon. A step without reward leaves a state as it was: only states that moved are encoded again.
pub(super) fn roll_out(rules: &Rules, net: &Network, episodes: &[Episode]) -> candle_core::Result<Rollout> {
    let slab = net.slab();
    let mut rollout = Rollout {
        states: Vec::new(),
        choices: Choices::default(),
        rewards: Vec::new(),
        values: Vec::new(),
        after: Vec::new(),
    };
    let mut rngs: Vec<_> = episodes
        .iter()
        .map(|episode| stream(rules.seed, "pretrain/episode", &[rules.step, episode.number]))
        .collect();
    let mut histories: Vec<Vec<Event>> = episodes.iter().map(|episode| episode.history.clone()).collect();
    // Places that are masked, ascending: of what is consumed, and of what is offered as the episode goes on.
    let mut masks: Vec<Vec<u32>> = episodes
        .iter()
        .map(|episode| places(slab, &episode.consumed))
        .collect();
    let mut moved: Vec<usize> = (0..episodes.len()).collect();
    let mut current = vec![0; episodes.len()];
    let mut values = vec![0.0; episodes.len()];
    let mut lotteries: Vec<Option<Lottery>> = (0..episodes.len()).map(|_| None).collect();
    let mut contexts = vec![None; episodes.len()];
    let mut scratch = Vec::new();
    for step in 0..=rules.horizon {
        if !moved.is_empty() {
            let state = |&e: &usize| State {
                history: &histories[e],
                memory: &[],
                traits: rules.traits.user(episodes[e].user as usize),
            };
            let states: Vec<State> = moved.iter().map(state).collect();
            let encoded = net.encode(&states)?;
            let new_values = net.values(&encoded)?.to_vec1::<f32>()?;
            // The last states are valued and not acted in.
            let logits = if step < rules.horizon {
                net.logits(&encoded)?.to_vec2::<f32>()?
            } else {
                Vec::new()
            };
            for (place, (&e, state)) in moved.iter().zip(states).enumerate() {
                values[e] = new_values[place];
                if let Some(logits) = logits.get(place) {
                    contexts[e] = Some(rules.reward.context(state.history, state.traits));
                    lotteries[e] = Some(Lottery::new(logits, slab.offsets(), &mut scratch));
                    current[e] = rollout.states.len() as u32;
                    rollout.states.push((episodes[e].user, state.history.to_vec()));
                }
            }
            moved.clear();
        }
        if step == rules.horizon {
            break;
        }
        for e in 0..episodes.len() {
            let (Some(lottery), Some(context)) = (&lotteries[e], &contexts[e]) else {
                continue;
            };
            // Of sampled candidates a user may have had all: a repeat is offered then, and gives nothing.
            let uniform = rngs[e].random();
            let open = lottery.draw(&masks[e], uniform);
            let Some(place) = open.or_else(|| lottery.draw(&[], uniform)) else {
                candle_core::bail!("there is no candidate to offer")
            };
            let item = slab.item(place);
            let answer = open.map_or(0.0, |_| rules.reward.probability(context, item));
            let mut mask = masks[e].clone();
            match masks[e].binary_search(&place) {
                Ok(at) => drop(mask.remove(at)),
                Err(at) => masks[e].insert(at, place),
            }
            rollout.choices.rows.push(current[e]);
            rollout.choices.actions.push(place);
            rollout.choices.masked.push(mask);
            rollout.rewards.push(answer);
            rollout.values.push(values[e]);
            if rngs[e].random::<f32>() < answer {
                histories[e].push((item, 1.0));
                let over = histories[e].len().saturating_sub(net.window());
                histories[e].drain(..over);
                moved.push(e);
            }
        }
    }
    rollout.after = values;
    Ok(rollout)
}

/// The places of `items` among the candidates, ascending.
fn places(slab: &Slab, items: &[u32]) -> Vec<u32> {
    let mut places: Vec<u32> = items.iter().filter_map(|&item| slab.candidate(item)).collect();
    places.sort_unstable();
    places
}

impl Rollout {
    /// The transitions, to learn from.
    pub(super) fn transitions<'a>(&'a self, rules: &Rules<'a>) -> Transitions<'a> {
        let state = |(user, history): &'a (u32, Vec<Event>)| State {
            history,
            memory: &[],
            traits: rules.traits.user(*user as usize),
        };
        Transitions {
            states: self.states.iter().map(state).collect(),
            choices: self.choices.clone(),
            returns: n_step_returns(
                &self.rewards,
                &self.values,
                &self.after,
                rules.discount,
                rules.n_step,
            ),
        }
    }
}

/// R of every transition: the next `n_step` discounted rewards, then the critic's value of the state that they lead
/// to; `after` holds the values of the states after the last step. One episode after the other within a step.
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
}
