//! iALP: an actor-critic trained offline on the language model's feedback.
//!
//! Source: "Large Language Model driven Policy Exploration for Recommender Systems" (Wang et al., WSDM 2025):
//! actions are sampled from the policy on logged states, the language model's preferences answer as reward, A2C
//! updates actor and critic, and the state moves on when the reward is positive. Here the answer is the reward
//! model's probability, and the state moves on with that probability.

use common::rng::{RngExt, stream};
use common::{Error, Result};
use serde::Serialize;

use super::Trained;
use super::logged::{self, Heads, Shard};
use super::rollout::{Episode, Rules, roll_out};
use crate::data::replay::{Batches, Pick};
use crate::data::{Event, last};
use crate::evaluate::{Modelled, modelled};
use crate::network::Network;
use crate::network::loss::{Coefficients, a2c};
use crate::reward::{RewardConfig, RewardModel};
use crate::run::{Loss, Run, Setting};

/// Episodes of a shard: its gradient is computed by one thread.
const SHARD: usize = 32;
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
    /// What the reward model knows and how careful it is.
    pub reward: RewardConfig,
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
            reward: RewardConfig::default(),
        }
    }
}

impl IalpConfig {
    /// The discount that returns are made with. State and critic know no clock, so the end of an episode of `horizon`
    /// steps counts as a probability of 1 / horizon at every step: the critic's values are then those of an episode's
    /// steps on average, and no advantage depends on how late it is.
    pub(super) fn discount(&self) -> f32 {
        self.gamma * (1.0 - 1.0 / self.horizon as f32)
    }
}

/// Trains actor and critic against `reward`; the environment is never asked.
///
/// # Errors
/// When no user has enough of the catalogue left for an episode, or training diverges.
pub fn train(config: &IalpConfig, run: Run, reward: &RewardModel) -> Result<Trained> {
    train_with(config, run, reward, None)
}

/// What one thread computes the gradient of.
enum Part<'a> {
    /// Episodes to play.
    Episodes(&'a [Episode]),
    /// Logged transitions to imitate, and the weight of that.
    Logged(Shard<'a>, f32),
}

/// As [`train`], with `imitation` of logged choices beside the actor-critic: the heads that it draws from, and its weight.
pub(super) fn train_with(
    config: &IalpConfig,
    mut run: Run,
    reward: &RewardModel,
    imitation: Option<(&Heads, f32)>,
) -> Result<Trained> {
    let mut logged = imitation.map(|(heads, _)| heads.batches(run.logged_cursor));
    let measured = measure(&run, reward)?;
    let range = (measured.best - measured.random) as f32;
    if run.is_new() {
        record(&mut run, &measured);
    }
    let (horizon, items) = (config.horizon, run.setting.dataset.items.len());
    let without_rows = match run.setting.dataset.replay.interactions() {
        0 => open_users(&run.setting, horizon)?,
        _ => Vec::new(),
    };
    // A user comes once an epoch; where in the log the episode begins is drawn then.
    let Setting { dataset, seed, .. } = run.setting;
    let picks = |user: u32, log: &[Event], picks: &mut Vec<Pick>| {
        if !log.is_empty() && dataset.consumed(user, log).len() + horizon <= items {
            picks.push(Pick { user, at: 0 });
        }
    };
    let mut users = Batches::new(&dataset.replay, seed, "pretrain/episodes", picks, run.cursor);
    while let Some(step) = run.next_step() {
        let episodes = if dataset.replay.interactions() == 0 {
            without_log(&run.setting, config, &without_rows, step)
        } else {
            let batch = users.next(config.batch).map_err(|e| used_up(e, horizon))?;
            let picks = batch.picks.iter();
            let place = |(at, pick): (usize, &Pick)| {
                start(&run.setting, step, at, pick.user, batch.events(pick.user))
            };
            picks.enumerate().map(place).collect()
        };
        run.cursor = users.cursor();
        let batch = match &mut logged {
            Some(batches) => Some(batches.next()?),
            None => None,
        };
        run.logged_cursor = logged
            .as_ref()
            .map_or(run.logged_cursor, logged::HeadBatches::cursor);
        let transitions = match (&batch, imitation) {
            (Some(batch), Some((heads, _))) => heads.transitions(batch),
            _ => Vec::new(),
        };

        let states = episodes.iter().flat_map(|episode| &episode.history);
        let states = states
            .chain(transitions.iter().flat_map(|t| t.state.history))
            .map(|(item, _)| *item);
        let chosen: Vec<u32> = transitions.iter().map(|t| t.item).collect();
        let slab = run.slab(&chosen, states);
        let mut parts: Vec<Part> = episodes.chunks(SHARD).map(Part::Episodes).collect();
        if let Some((heads, weight)) = imitation {
            parts.extend(
                heads
                    .shards(&transitions, step)
                    .map(|shard| Part::Logged(shard, weight)),
            );
        }
        let left = run.left();
        let coefficients = Coefficients {
            value: config.value,
            entropy: range * config.entropy * (ENTROPY_END + (1.0 - ENTROPY_END) * left),
        };
        let rules = Rules {
            horizon,
            n_step: config.n_step,
            discount: config.discount(),
            traits: run.setting.traits,
            reward,
            seed,
            step,
        };
        let count = episodes.len() * horizon;
        run.update(
            &slab,
            &parts,
            config.learning_rate * left,
            |network, part| match part {
                Part::Episodes(episodes) => {
                    let rollout = roll_out(&rules, &network.detached(), episodes)?;
                    let reward = rollout.rewards.iter().map(|&r| f64::from(r)).sum::<f64>() / count as f64;
                    let (loss, parts) = a2c(network, rollout.transitions(&rules), coefficients, count)?;
                    let values = [
                        ("reward", reward),
                        ("loss", f64::from(parts.loss)),
                        ("entropy", f64::from(parts.entropy)),
                        ("value loss", f64::from(parts.value)),
                    ];
                    Ok((loss, values.to_vec()))
                }
                Part::Logged(shard, weight) => logged_part(network, shard, *weight),
            },
        )?;
        if run.due(config.report_every) {
            run.report();
            run.checkpoint()?;
        }
    }
    let measured = measure(&run, reward)?;
    record(&mut run, &measured);
    Ok(run.finish(|parameters| parameters))
}

/// Imitation of logged choices, `weight` times.
fn logged_part(network: &Network, shard: &Shard, weight: f32) -> candle_core::Result<Loss> {
    let encoded = shard.encode(network)?;
    match shard.imitation(network, &encoded, |_| weight)? {
        Some((loss, parts)) => Ok((loss, vec![("imitation", parts[0].1)])),
        // Nothing to imitate here: a loss without a gradient.
        None => Ok(((encoded.sum_all()? * 0.0)?, Vec::new())),
    }
}

fn used_up(error: Error, horizon: usize) -> Error {
    match error.class() {
        common::error::Class::Data => Error::data(format!(
            "no user has {horizon} items left that are not known as consumed"
        ))
        .hint("lower --horizon, or give the full catalogue"),
        _ => error,
    }
}

/// An episode that begins after a random interaction of a user's log. All that the user is known to have consumed is
/// masked, the log after that place too: what is to be learnt is what to offer beside the log.
fn start(setting: &Setting, step: u64, place: usize, user: u32, log: &[Event]) -> Episode {
    let at = stream(setting.seed, "pretrain/start", &[step, place as u64]).random_range(1..=log.len());
    let history = if at == log.len() {
        &setting.dataset.states[user as usize]
    } else {
        last(&log[..at], setting.dataset.window)
    };
    Episode {
        number: place as u64,
        user,
        history: history.to_vec(),
        consumed: setting.dataset.consumed(user, log),
    }
}

/// The users who have items enough left for an episode of `horizon` steps, where there is no interaction.
fn open_users(setting: &Setting, horizon: usize) -> Result<Vec<u32>> {
    let Setting { dataset, .. } = setting;
    let left = |user: &u32| dataset.consumed_without_feedback(*user).len() + horizon <= dataset.items.len();
    let users: Vec<u32> = (0..dataset.users.len() as u32).filter(left).collect();
    if users.is_empty() {
        return Err(Error::data("there is no user, or no item, to train for")
            .hint("give a log, or states, with users"));
    }
    Ok(users)
}

/// Episodes of `users`, of whom no interaction is known.
fn without_log(setting: &Setting, config: &IalpConfig, users: &[u32], step: u64) -> Vec<Episode> {
    let one = |number: u64| {
        let mut rng = stream(setting.seed, "pretrain/start", &[step, number]);
        let user = users[rng.random_range(0..users.len() as u32) as usize];
        Episode {
            number,
            user,
            history: Vec::new(),
            consumed: setting.dataset.consumed(user, &[]),
        }
    };
    (0..config.batch as u64).map(one).collect()
}

/// Measures the policy on users' last states.
fn measure(run: &Run, reward: &RewardModel) -> Result<Modelled> {
    let Setting { dataset, traits, .. } = run.setting;
    modelled(&run.parameters.policy(), dataset, traits, reward)
}

fn record(run: &mut Run, found: &Modelled) {
    let values = [
        ("modelled reward of the policy", found.policy),
        ("of its first choice", found.greedy),
        ("of random items", found.random),
        ("of the most popular item", found.popularity),
        ("of the best item", found.best),
    ];
    run.record("last states", &values);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::smoke::World;
    use crate::data::replay::Replay;
    use crate::data::{TraitSource, WithoutFeedback};

    const CONFIG: IalpConfig = IalpConfig {
        steps: 60,
        batch: 64,
        horizon: 5,
        n_step: 1,
        learning_rate: 1e-2,
        gamma: 0.9,
        value: 0.5,
        entropy: 0.15,
        report_every: 20,
        reward: RewardConfig {
            evidence: false,
            pessimism: 0.0,
        },
    };

    fn rises_far_above_random(negatives: Option<usize>) {
        let world = World::new(TraitSource::Profile);
        let (reward, fit) = RewardModel::fit(&world.dataset, &world.traits, &CONFIG.reward, 0).unwrap();
        assert!(fit.auc > 0.8 && fit.auc > fit.popularity_auc, "{fit:?}");
        let trained = train(&CONFIG, world.run(CONFIG.steps, 0, negatives), &reward).unwrap();
        let value = |metric: &str| {
            let points = trained.curve.iter().rev();
            points.clone().find(|point| point.metric == metric).unwrap().value
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
    fn the_modelled_reward_rises_far_above_random() {
        rises_far_above_random(None);
    }

    /// Actions drawn from 20 of 40 items, and learnt by these.
    #[test]
    fn it_does_over_sampled_candidates() {
        rises_far_above_random(Some(20));
    }

    #[test]
    fn a_catalogue_that_is_used_up_is_bad_data() {
        let mut world = World::new(TraitSource::None);
        let (reward, _) = RewardModel::fit(&world.dataset, &world.traits, &CONFIG.reward, 0).unwrap();
        let everything: Vec<Event> = (0..40).map(|item| (item, 1.0)).collect();
        world.dataset.replay = Replay::of_logs(&vec![everything; 60], 40);
        let failed = train(&CONFIG, world.run(1, 0, None), &reward);
        assert!(failed.err().unwrap().to_string().contains("consumed"));
    }

    #[test]
    fn an_episode_masks_what_the_user_is_known_to_have_had() {
        let mut world = World::new(TraitSource::None);
        let log = world.dataset.logs().unwrap().swap_remove(3);
        let left = (0..40).find(|item| !log.iter().any(|(other, _)| other == item));
        let had = left.unwrap();
        world.dataset.without_feedback = WithoutFeedback::of_pairs(60, vec![(3, had)]);
        let run = world.run(1, 0, None);
        let episode = start(&run.setting, 1, 0, 3, &log);
        assert_eq!(episode.consumed.len(), log.len() + 1);
        assert!(episode.consumed.contains(&had));
        assert!(
            episode.history.iter().all(|(item, _)| *item != had),
            "it is not a state"
        );
        // Where nothing else is known of users, only those are played who have enough left.
        let pairs = (0..60).filter(|user| *user != 7);
        let pairs = pairs.flat_map(|user| (0..35).map(move |item| (user, item)));
        world.dataset.without_feedback = WithoutFeedback::of_pairs(60, pairs.chain([(7, 2)]).collect());
        let run = world.run(1, 0, None);
        let users = open_users(&run.setting, 10).unwrap();
        assert_eq!(users, [7]);
        let episodes = without_log(&run.setting, &CONFIG, &users, 1);
        assert!(
            episodes
                .iter()
                .all(|episode| episode.user == 7 && episode.consumed == [2])
        );
    }
}
