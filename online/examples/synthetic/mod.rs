//! A synthetic world with known truth: latent factors for users and items, a logistic probability of a like, a log, and
//! traits that see the factors through noise.

#![allow(dead_code)]

use common::frame::{Reply, Request};
use common::ids::{Dictionary, IdKind};
use common::manifest::Manifest;
use common::policy_artifact::{
    NetworkConfig, POLICY, Policy, PolicyConfig, PolicyItems, PolicyUsers, Weights,
};
use common::rng::{ChaCha8Rng, RngExt, normal, stream};

const FACTORS: usize = 8;
const TRAITS: usize = 16;
/// Steps per episode.
pub(crate) const HORIZON: u32 = 10;

/// Who likes what.
pub(crate) struct World {
    users: Vec<[f32; FACTORS]>,
    items: Vec<[f32; FACTORS]>,
    bias: Vec<f32>,
    offset: f32,
}

impl World {
    /// A world in which the mean probability of a like is `mean`.
    pub(crate) fn new(users: usize, items: usize, mean: f64, seed: u64) -> Self {
        let mut rng = stream(seed, "world", &[]);
        let mut factors = |count: usize| -> Vec<[f32; FACTORS]> {
            (0..count)
                .map(|_| std::array::from_fn(|_| normal(&mut rng)))
                .collect()
        };
        let (users, items) = (factors(users), factors(items));
        let mut rng = stream(seed, "bias", &[]);
        let bias = items.iter().map(|_| 0.8 * normal(&mut rng)).collect();
        let mut world = World {
            users,
            items,
            bias,
            offset: 0.0,
        };
        let (mut low, mut high) = (-20.0, 5.0);
        for _ in 0..40 {
            world.offset = (low + high) / 2.0;
            if world.mean() > mean {
                high = world.offset
            } else {
                low = world.offset
            }
        }
        world
    }

    /// The same world as a biased observer sees it: factors and biases with correlation `trust` to the truth.
    pub(crate) fn distorted(&self, trust: f32, seed: u64) -> World {
        let mut rng = stream(seed, "distortion", &[]);
        let noise = (1.0 - trust * trust).sqrt();
        let mut blur = |x: f32, size: f32| trust * x + noise * size * normal(&mut rng);
        World {
            users: self.users.clone(),
            items: self.items.iter().map(|y| y.map(|v| blur(v, 1.0))).collect(),
            bias: self.bias.iter().map(|&b| blur(b, 0.8)).collect(),
            offset: self.offset,
        }
    }

    /// The probability that `user` likes `item`.
    pub(crate) fn probability(&self, user: usize, item: usize) -> f64 {
        let dot: f32 = self.users[user]
            .iter()
            .zip(&self.items[item])
            .map(|(x, y)| x * y)
            .sum();
        1.0 / (1.0 + (-f64::from(0.45 * dot + self.bias[item] + self.offset)).exp())
    }

    fn mean(&self) -> f64 {
        let pairs = self.users.len().min(100) * self.items.len();
        (0..pairs)
            .map(|p| self.probability(p / self.items.len(), p % self.items.len()))
            .sum::<f64>()
            / pairs as f64
    }

    /// Mean return of an episode of the best items and of random ones.
    pub(crate) fn bounds(&self, users: &PolicyUsers) -> (f64, f64) {
        let mut best = 0.0;
        for user in 0..self.users.len() {
            let mut chances: Vec<f64> = (0..self.items.len())
                .filter(|&item| users.consumed[user].binary_search(&(item as u32)).is_err())
                .map(|item| self.probability(user, item))
                .collect();
            chances.sort_by(|a, b| b.total_cmp(a));
            best += chances.iter().take(HORIZON as usize).sum::<f64>();
        }
        (best / self.users.len() as f64, self.mean() * f64::from(HORIZON))
    }

    /// A policy's tables: a log of `logged` items per user, drawn with a taste for the liked ones, and noisy traits.
    pub(crate) fn tables(&self, logged: usize, seed: u64) -> (NetworkConfig, PolicyItems, PolicyUsers) {
        let (count, users) = (self.items.len(), self.users.len());
        let mut rng = stream(seed, "projection", &[]);
        let projection: Vec<[f32; FACTORS]> = (0..TRAITS)
            .map(|_| std::array::from_fn(|_| normal(&mut rng) / (FACTORS as f32).sqrt()))
            .collect();
        let see = |factors: &[f32; FACTORS], rng: &mut ChaCha8Rng| -> Vec<f32> {
            let dot = |row: &[f32; FACTORS]| row.iter().zip(factors).map(|(a, b)| a * b).sum::<f32>();
            projection
                .iter()
                .map(|row| 0.7 * dot(row) + 0.7 * normal(rng))
                .collect()
        };
        let mut popularity = vec![0.0; count];
        let (mut history, mut consumed) = (Vec::new(), Vec::new());
        for user in 0..users {
            let mut rng = stream(seed, "log", &[user as u64]);
            let mut seen: Vec<u32> = Vec::new();
            let mut recent = Vec::new();
            while seen.len() < logged.min(count / 2) {
                let item = rng.random_range(0..count);
                let probability = self.probability(user, item);
                if rng.random::<f64>() < 0.05 + probability && !seen.contains(&(item as u32)) {
                    seen.push(item as u32);
                    let liked = rng.random::<f64>() < (3.0 * probability).min(0.9);
                    popularity[item] += f32::from(u8::from(liked));
                    recent.push((item as u32, if liked { 1.0 } else { -1.0 }));
                }
            }
            history.push(recent[recent.len().saturating_sub(10)..].to_vec());
            seen.sort_unstable();
            consumed.push(seen);
        }
        let ids = |count: usize| {
            let mut ids = Dictionary::new(IdKind::Integer);
            (0..count).for_each(|i| _ = ids.intern(&i.to_string()));
            ids
        };
        let mut rng = stream(seed, "traits", &[]);
        let item_traits = self.items.iter().flat_map(|y| see(y, &mut rng)).collect();
        let user_traits = self.users.iter().flat_map(|x| see(x, &mut rng)).collect();
        (
            NetworkConfig {
                items: count,
                dims: 64,
                hidden: 64,
                traits: TRAITS,
                window: 10,
                encoder: common::policy_artifact::Encoder::Gru,
            },
            PolicyItems {
                ids: ids(count),
                popularity,
                traits: item_traits,
            },
            PolicyUsers {
                ids: ids(users),
                history,
                traits: user_traits,
                consumed,
                memory: Vec::new(),
                answered: Vec::new(),
            },
        )
    }
}

/// A policy of these tables and weights.
pub(crate) fn policy(
    (network, items, users): &(NetworkConfig, PolicyItems, PolicyUsers),
    weights: Weights,
) -> Policy {
    Policy {
        manifest: Manifest::new(POLICY, "example"),
        weights,
        items: items.clone(),
        users: users.clone(),
        config: PolicyConfig {
            network: network.clone(),
            method: "synthetic".into(),
            traits: "synthetic".into(),
            gamma: 0.9,
            likes: None,
            training: Default::default(),
        },
    }
}

/// Vectorised episodes in a world, all of the same length.
pub(crate) struct Episodes<'a> {
    world: &'a World,
    seed: u64,
    users: Vec<usize>,
    begun: u64,
    step: u32,
    request: Request,
}

impl<'a> Episodes<'a> {
    /// `envs` environments side by side.
    pub(crate) fn new(world: &'a World, envs: usize, seed: u64) -> Self {
        let mut episodes = Episodes {
            world,
            seed,
            users: vec![0; envs],
            begun: 0,
            step: 0,
            request: Request::default(),
        };
        episodes.begin();
        episodes
    }

    /// What the policy is asked.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    fn begin(&mut self) {
        let envs = self.users.len();
        for (env, user) in self.users.iter_mut().enumerate() {
            *user =
                stream(self.seed, "user", &[env as u64, self.begun]).random_range(0..self.world.users.len());
        }
        self.begun += 1;
        self.step = 0;
        let users: Vec<String> = self.users.iter().map(usize::to_string).collect();
        self.request = Request {
            env: (0..envs as u32).collect(),
            user_id: users.iter().map(|user| Some(user.as_str())).collect(),
            step: vec![0; envs],
            last_item: vec![None; envs].into_iter().collect(),
            reward: vec![None; envs],
            done: vec![false; envs],
            truncated: vec![false; envs],
        };
    }

    /// Takes the reply; the rewards' sum. The row after an episode's last begins the next one.
    pub(crate) fn step(&mut self, reply: &Reply) -> f64 {
        if self.step == HORIZON {
            self.begin();
            return 0.0;
        }
        self.step += 1;
        let mut total = 0.0;
        self.request.last_item.clear();
        for env in 0..reply.len() {
            let chosen = reply.item.single(env);
            let item: usize = chosen.and_then(|id| id.parse().ok()).unwrap_or(0);
            let index = [env as u64, self.begun, u64::from(self.step)];
            let liked = stream(self.seed, "like", &index).random::<f64>()
                < self.world.probability(self.users[env], item);
            total += f64::from(u8::from(liked));
            self.request.last_item.extend([chosen]);
            self.request.reward[env] = Some(f32::from(u8::from(liked)));
            self.request.step[env] = self.step;
            self.request.done[env] = self.step == HORIZON;
            self.request.truncated[env] = self.step == HORIZON;
        }
        total
    }
}
