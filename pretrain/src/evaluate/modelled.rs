//! A policy's reward by the reward model, on the states at the end of the log.

use common::Result;
use common::policy::distribution::probabilities as softmax;
use common::policy::{Network, State};
use serde::Serialize;

use super::scores::scores;
use crate::data::{Dataset, Traits};
use crate::reward::RewardModel;

/// Users that are read at most, and pairs of user and item: fewer users where the catalogue is large.
const USERS: usize = 1_000;
const PAIRS: usize = 50_000_000;

/// Mean modelled reward of one step over users' states at the end of the log, consumed items left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Modelled {
    /// Items drawn at random.
    pub random: f64,
    /// The most popular item.
    pub popularity: f64,
    /// Items drawn from the policy.
    pub policy: f64,
    /// The policy's most probable item.
    pub greedy: f64,
    /// The item that the reward model itself holds best: the most any policy can reach.
    pub best: f64,
}

/// Measures the policy of `network` over at most 1,000 users, fewer for catalogues of more than 50,000 items.
///
/// # Errors
/// A replay that cannot be read.
pub(crate) fn modelled(
    network: &Network,
    dataset: &Dataset,
    traits: &Traits,
    reward: &RewardModel,
) -> Result<Modelled> {
    let width = dataset.items.len();
    let mut probabilities = vec![0.0; width];
    let mut sum = Modelled::default();
    let mut users = 0.0;
    let most = (PAIRS / width.max(1)).clamp(1, USERS);
    let some: Vec<u32> = (0..dataset.users.len() as u32).take(most).collect();
    let logs = dataset.replay.of_users(&some)?;
    for (user, log) in logs.iter().enumerate() {
        let consumed = &dataset.consumed(user as u32, log);
        if consumed.len() == width {
            continue;
        }
        let state = State {
            history: &dataset.states[user],
            memory: &[],
            traits: traits.user(user),
        };
        let mut logits = scores(network, &[state]);
        for &item in consumed {
            logits[item as usize] = f32::NEG_INFINITY;
        }
        softmax(&logits, &mut probabilities);
        let context = reward.context(state.history, state.traits);
        let open = (0..width as u32).filter(|item| consumed.binary_search(item).is_err());
        let (mut mean, mut expected, mut best) = (0.0, 0.0, 0.0_f64);
        let (mut popular, mut greedy) = ((f32::NEG_INFINITY, 0.0), (f32::NEG_INFINITY, 0.0));
        for item in open {
            let value = f64::from(reward.probability(&context, item));
            let (p, likes) = (probabilities[item as usize], dataset.popularity[item as usize]);
            mean += value / (width - consumed.len()) as f64;
            expected += value * f64::from(p);
            best = best.max(value);
            popular = if likes > popular.0 {
                (likes, value)
            } else {
                popular
            };
            greedy = if p > greedy.0 { (p, value) } else { greedy };
        }
        sum.random += mean;
        sum.popularity += popular.1;
        sum.policy += expected;
        sum.greedy += greedy.1;
        sum.best += best;
        users += 1.0;
    }
    let Modelled {
        random,
        popularity,
        policy,
        greedy,
        best,
    } = sum;
    let mean = |total: f64| if users > 0.0 { total / users } else { f64::NAN };
    Ok(Modelled {
        random: mean(random),
        popularity: mean(popularity),
        policy: mean(policy),
        greedy: mean(greedy),
        best: mean(best),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithms::smoke::World;
    use crate::data::{TraitSource, WithoutFeedback};
    use crate::reward::RewardConfig;

    #[test]
    fn where_one_item_is_left_all_offer_that_one() {
        let mut world = World::new(TraitSource::Profile);
        let (reward, _) =
            RewardModel::fit(&world.dataset, &world.traits, &RewardConfig::default(), 0).unwrap();
        let measure = |world: &World| {
            let parameters = world.run(1, 0, None).parameters;
            let network = parameters.policy();
            modelled(&network, &world.dataset, &world.traits, &reward).unwrap()
        };
        let open = measure(&world);
        assert!(open.best > open.random);
        let mut pairs = Vec::new();
        for (user, log) in (0..).zip(world.dataset.logs().unwrap()) {
            let left = (0..40)
                .rev()
                .find(|item| !log.iter().any(|(other, _)| other == item));
            pairs.extend(
                (0..40)
                    .filter(|item| Some(*item) != left)
                    .map(|item| (user, item)),
            );
        }
        world.dataset.without_feedback = WithoutFeedback::of_pairs(60, pairs);
        let closed = measure(&world);
        for value in [closed.random, closed.popularity, closed.policy, closed.greedy] {
            assert!((value - closed.best).abs() < 1e-6, "{closed:?}");
        }
    }
}
