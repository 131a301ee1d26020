//! A made-up policy of any size whose distributions are like those of trained ones: items in groups, popular and less
//! popular ones, and logits that spread as those of the demo's policies do.

use common::Result;
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::policy::Network;
use common::policy_artifact::{
    Encoder, NetworkConfig, POLICY, Policy, PolicyConfig, PolicyItems, PolicyUsers, Weights,
};
use common::rng::{RngExt, normal, stream};

use crate::context::Context;

/// Standard deviation of a user's logits over the items: that of the demo's iALP plus log.
const SPREAD: f32 = 2.5;
/// Items that a user has consumed.
const CONSUMED: usize = 50;
const TRAITS: usize = 16;
const WINDOW: usize = 10;
/// Users whose logits decide the temperature.
const SAMPLE: usize = 32;

/// The sizes of a made-up policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Items in the catalogue.
    pub items: usize,
    /// Dimensions of an embedding, and hidden units of the encoder.
    pub dims: usize,
    /// Users known.
    pub users: usize,
}

/// Makes a policy; `seed` decides everything.
///
/// # Errors
/// None that sizes above 0 can cause.
pub(crate) fn policy(sizes: Sizes, seed: u64) -> Result<Policy> {
    policy_with(sizes, seed, &|_| CONSUMED.min(sizes.items / 2))
}

/// The same, where each user has so many interactions.
pub(super) fn policy_with(sizes: Sizes, seed: u64, interactions: &dyn Fn(usize) -> usize) -> Result<Policy> {
    let network = NetworkConfig {
        items: sizes.items,
        dims: sizes.dims,
        hidden: sizes.dims,
        traits: TRAITS,
        window: WINDOW,
        encoder: Encoder::History,
    };
    network.check()?;
    let users = users(sizes, seed, interactions);
    let mut weights = Weights::init(&network, seed);
    weights.item_embedding = embeddings(sizes, seed);
    weights.log_temperature[0] = (SPREAD / spread(&network, &weights, &users)).ln();
    let mut rng = stream(seed, "popularity", &[]);
    // Likes as by Zipf's law, in no order.
    let popularity: Vec<f32> = (0..sizes.items)
        .map(|_| 1.0 / (0.001 + rng.random::<f32>()))
        .collect();
    weights.item_bias = popularity.iter().map(|likes| 0.3 * likes.ln()).collect();
    Ok(Policy {
        manifest: Manifest::new(POLICY, "online bench").seed(seed),
        config: PolicyConfig {
            network,
            method: "none".into(),
            traits: "none".into(),
            gamma: 0.9,
            likes: None,
            training: serde_json::Value::Null,
        },
        weights,
        items: PolicyItems {
            ids: ids(sizes.items),
            popularity,
            traits: normals(sizes.items * TRAITS, seed, "item traits"),
        },
        users,
    })
}

/// Items in as many groups as the root of their number.
fn embeddings(sizes: Sizes, seed: u64) -> Vec<f32> {
    let Sizes { items, dims, .. } = sizes;
    let groups = items.isqrt().max(1);
    let centres = normals(groups * dims, seed, "groups");
    let mut rows = normals(items * dims, seed, "items");
    let mut rng = stream(seed, "members", &[]);
    for row in rows.chunks_exact_mut(dims) {
        let group = rng.random_range(0..groups);
        for (x, centre) in row.iter_mut().zip(&centres[group * dims..]) {
            *x = (centre + 0.5 * *x) / (dims as f32).sqrt();
        }
    }
    rows
}

fn users(sizes: Sizes, seed: u64, interactions: &dyn Fn(usize) -> usize) -> PolicyUsers {
    let (mut history, mut consumed) = (Vec::new(), Vec::new());
    for user in 0..sizes.users {
        let mut rng = stream(seed, "log", &[user as u64]);
        let mut seen: Vec<u32> = (0..interactions(user))
            .map(|_| rng.random_range(0..sizes.items as u32))
            .collect();
        let last = &seen[seen.len().saturating_sub(WINDOW)..];
        history.push(last.iter().map(|&item| (item, 1.0)).collect());
        seen.sort_unstable();
        seen.dedup();
        consumed.push(seen);
    }
    PolicyUsers {
        ids: ids(sizes.users),
        history,
        traits: normals(sizes.users * TRAITS, seed, "user traits"),
        consumed,
        memory: memories(sizes, seed),
        answered: Vec::new(),
    }
}

/// What the encoder keeps of users who liked all that they consumed.
fn memories(sizes: Sizes, seed: u64) -> Vec<f32> {
    let Sizes { dims, users, .. } = sizes;
    let sums = normals(users * dims, seed, "memories");
    let counts = [CONSUMED as f32, 0.0];
    sums.chunks_exact(dims)
        .flat_map(|sum| [sum, &counts].concat())
        .collect()
}

/// Standard deviation of the logits, as they are without a temperature and a bias.
fn spread(network: &NetworkConfig, weights: &Weights, users: &PolicyUsers) -> f32 {
    let contexts: Vec<Context> = (0..users.ids.len().min(SAMPLE))
        .map(|user| context(users, user))
        .collect();
    let network = Network::new(network.clone(), weights.clone());
    let queries = network.queries(&network.encode(&contexts.iter().map(Context::state).collect::<Vec<_>>()));
    let mut logits = vec![0.0; contexts.len() * network.config().items];
    network.logits(&queries, &mut logits);
    let (mut sum, mut squares) = (0.0, 0.0);
    for &logit in &logits {
        sum += f64::from(logit);
        squares += f64::from(logit).powi(2);
    }
    let count = logits.len().max(1) as f64;
    ((squares / count - (sum / count).powi(2)).sqrt() as f32).max(f32::MIN_POSITIVE)
}

/// The state of a user.
pub(super) fn context(users: &PolicyUsers, user: usize) -> Context {
    let of_user = |numbers: &[f32]| {
        let width = numbers.len() / users.ids.len();
        numbers[user * width..(user + 1) * width].to_vec()
    };
    Context {
        traits: of_user(&users.traits),
        history: users.history[user].clone(),
        memory: of_user(&users.memory),
    }
}

fn ids(count: usize) -> Dictionary {
    let mut ids = Dictionary::new(IdKind::Integer);
    (0..count).for_each(|id| _ = ids.intern(&id.to_string()));
    ids
}

fn normals(count: usize, seed: u64, purpose: &str) -> Vec<f32> {
    let mut rng = stream(seed, purpose, &[]);
    (0..count).map(|_| normal(&mut rng)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_spread_as_asked() {
        let sizes = Sizes {
            items: 500,
            dims: 8,
            users: 40,
        };
        let policy = policy(sizes, 1).unwrap();
        let mut weights = policy.weights;
        let network = &policy.config.network;
        assert_eq!(weights.item_embedding.len(), 500 * 8);
        assert!(weights.not_finite(network).is_none());
        weights.item_bias.fill(0.0);
        let found = spread(network, &weights, &policy.users);
        assert!((found - SPREAD).abs() < 0.01, "{found}");
    }
}
