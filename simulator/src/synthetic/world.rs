//! The truth: items around topics, users who like a few of them, and who would like what.
//!
//! The logit of a like is b_u + c_i + x_u . y_i. With t(i) the topic of item i, z_t its direction (a random unit vector),
//! m_u the weights of user u's one to three topics (they sum to 1), and e standard normal noise of length about 1,
//!
//! ```text
//! y_i = 3 z_t(i) + 1.5 e_i            x_u = sum_t m_ut z_t + 0.3 e_u
//! c_i = 0.7 (0.5 popularity + 0.87 noise)      b_u = intercept + 0.5 noise
//! ```
//!
//! so that popular items are a little better, and an item of one's own topic far likelier to be liked. The intercept is
//! set so that the mean probability over all pairs is the wanted like-rate. Everything belongs to (seed, purpose, user or
//! item): no order of draws, no worker.

use std::collections::BTreeMap;

use common::rng::{self, RngExt, Weights, stream};
use common::stats::{dot, logistic};

use super::Config;
use super::exposure::Exposure;
use super::words;
use crate::user_model::sigmoid;

const ITEM_TOPIC: f32 = 3.0;
const ITEM_NOISE: f32 = 1.5;
const USER_NOISE: f32 = 0.3;
const ITEM_BIAS: f32 = 0.7;
const POPULAR_IS_GOOD: f32 = 0.5;
const USER_BIAS: f32 = 0.5;
/// Probabilities of one, two and three topics a user.
const TOPICS_A_USER: [f64; 3] = [0.5, 0.3, 0.2];
/// Topic k is chosen in proportion to (k + 1)^-0.5, by items and by users.
const TOPIC_EXPONENT: f64 = 0.5;
/// Pairs that the intercept is set on: the like-rate is right to about 0.001.
const RATE_PAIRS: u64 = 1 << 16;

const AGES: [&str; 6] = ["18-24", "25-34", "35-44", "45-54", "55-64", "65 and over"];
const REGIONS: [&str; 4] = ["north", "south", "east", "west"];
/// How often a user's stated interest is the first topic, and the age that of most who have it.
const STATED: f64 = 0.6;
const AGE_OF_TOPIC: f64 = 0.5;

/// All that is drawn once: memory for the items.
#[derive(Debug)]
pub(super) struct World {
    seed: u64,
    users: u64,
    rank: usize,
    topics: Weights,
    /// Topics times rank.
    directions: Vec<f32>,
    intercept: f32,
    pub(super) item_topic: Vec<u16>,
    pub(super) item_vector: Vec<f32>,
    pub(super) item_bias: Vec<f32>,
    pub(super) exposure: Exposure,
}

/// One user's part of the truth.
#[derive(Debug)]
pub(super) struct User {
    pub(super) vector: Vec<f32>,
    pub(super) bias: f32,
}

impl World {
    pub(super) fn new(config: &Config) -> Self {
        let (seed, rank, items) = (config.seed, config.rank, config.items as usize);
        let topics = (0..config.topics).map(|topic| f64::from(topic + 1).powf(-TOPIC_EXPONENT));
        let mut rank_of: Vec<u32> = (0..config.items).collect();
        rng::shuffle(&mut stream(seed, "synthetic popularity", &[]), &mut rank_of);
        let mut world = World {
            seed,
            users: u64::from(config.users),
            rank,
            topics: Weights::new(topics),
            directions: Vec::with_capacity(config.topics as usize * rank),
            intercept: 0.0,
            item_topic: Vec::with_capacity(items),
            item_vector: Vec::with_capacity(items * rank),
            item_bias: Vec::with_capacity(items),
            exposure: Exposure::new(&rank_of),
        };
        for topic in 0..u64::from(config.topics) {
            let mut rng = stream(seed, "synthetic topic", &[topic]);
            let direction: Vec<f32> = (0..rank).map(|_| rng::normal(&mut rng)).collect();
            let length = dot(&direction, &direction).sqrt().max(f32::MIN_POSITIVE);
            world
                .directions
                .extend(direction.iter().map(|part| part / length));
        }
        for (item, popularity) in rank_of.iter().enumerate() {
            world.add_item(item as u64, *popularity, items);
        }
        world.intercept = world.intercept_for(config.like_rate);
        world
    }

    fn add_item(&mut self, item: u64, popularity: u32, items: usize) {
        let mut rng = stream(self.seed, "synthetic item", &[item]);
        let topic = self.topics.draw(&mut rng);
        let noise = ITEM_NOISE / (self.rank as f32).sqrt();
        for part in 0..self.rank {
            let centre = self.directions[topic * self.rank + part];
            self.item_vector
                .push(ITEM_TOPIC * centre + noise * rng::normal(&mut rng));
        }
        // Uniform in rank, from +1.73 for the most popular item to -1.73, with variance 1.
        let place = (popularity as f32 + 0.5) / items as f32;
        let popular = 12f32.sqrt() * (0.5 - place);
        let rest = (1.0 - POPULAR_IS_GOOD * POPULAR_IS_GOOD).sqrt();
        let quality = POPULAR_IS_GOOD * popular + rest * rng::normal(&mut rng);
        self.item_bias.push(ITEM_BIAS * quality);
        self.item_topic.push(topic as u16);
    }

    /// A user's topics with their weights, the first the greatest.
    fn interests(&self, user: u32) -> Vec<(usize, f32)> {
        let mut rng = stream(self.seed, "synthetic interests", &[u64::from(user)]);
        let draw: f64 = rng.random();
        let wanted = match draw {
            _ if draw < TOPICS_A_USER[0] => 1,
            _ if draw < TOPICS_A_USER[0] + TOPICS_A_USER[1] => 2,
            _ => 3,
        };
        let mut interests: Vec<(usize, f32)> = Vec::with_capacity(wanted);
        let mut weight = 1.0;
        while interests.len() < wanted.min(self.topics.count()) {
            let topic = self.topics.draw(&mut rng);
            if interests.iter().all(|(other, _)| *other != topic) {
                interests.push((topic, weight));
                weight *= rng.random_range(0.3..1.0);
            }
        }
        let sum: f32 = interests.iter().map(|(_, weight)| weight).sum();
        interests.iter_mut().for_each(|(_, weight)| *weight /= sum);
        interests
    }

    /// What is known of a user: a stated interest and an age that go with the first topic, and a region that does not.
    pub(super) fn attributes(&self, user: u32) -> BTreeMap<String, String> {
        let first = self.interests(user)[0].0;
        let mut rng = stream(self.seed, "synthetic attributes", &[u64::from(user)]);
        let stated = match rng.random::<f64>() < STATED {
            true => first,
            false => rng.random_range(0..self.topics.count()),
        };
        let age = match rng.random::<f64>() < AGE_OF_TOPIC {
            true => first % AGES.len(),
            false => rng.random_range(0..AGES.len()),
        };
        let region = REGIONS[rng.random_range(0..REGIONS.len())];
        [
            ("age", AGES[age].to_string()),
            ("interest", words::topic(stated)),
            ("region", region.to_string()),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .into()
    }

    pub(super) fn user(&self, user: u32) -> User {
        let mut rng = stream(self.seed, "synthetic user", &[u64::from(user)]);
        let noise = USER_NOISE / (self.rank as f32).sqrt();
        let mut vector: Vec<f32> = (0..self.rank).map(|_| noise * rng::normal(&mut rng)).collect();
        for (topic, weight) in self.interests(user) {
            let direction = &self.directions[topic * self.rank..(topic + 1) * self.rank];
            for (part, along) in vector.iter_mut().zip(direction) {
                *part += weight * along;
            }
        }
        User {
            vector,
            bias: self.intercept + USER_BIAS * rng::normal(&mut rng),
        }
    }

    pub(super) fn items(&self) -> u32 {
        self.item_bias.len() as u32
    }

    /// The true probability that `user` likes `item`.
    pub(super) fn probability(&self, user: &User, item: u32) -> f32 {
        let row = item as usize * self.rank;
        let vector = &self.item_vector[row..row + self.rank];
        sigmoid(user.bias + self.item_bias[item as usize] + dot(&user.vector, vector))
    }

    /// The intercept under which the mean probability of random pairs is `rate`, by bisection.
    fn intercept_for(&self, rate: f64) -> f32 {
        let logits: Vec<f64> = (0..RATE_PAIRS)
            .map(|pair| {
                let mut rng = stream(self.seed, "synthetic like-rate", &[pair]);
                let user = self.user(rng.random_range(0..self.users) as u32);
                let item = rng.random_range(0..self.items());
                let p = f64::from(self.probability(&user, item));
                (p / (1.0 - p)).ln()
            })
            .collect();
        let mean = |shift: f64| {
            let sum: f64 = logits.iter().map(|z| logistic(z + shift)).sum();
            sum / logits.len() as f64
        };
        let (mut low, mut high) = (-50.0, 50.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if mean(middle) < rate {
                low = middle;
            } else {
                high = middle;
            }
        }
        (0.5 * (low + high)) as f32
    }

    /// Title and text of `item`.
    pub(super) fn describe(&self, item: u32) -> (String, String) {
        let topic = self.item_topic[item as usize] as usize;
        words::describe(
            topic,
            &mut stream(self.seed, "synthetic title", &[u64::from(item)]),
        )
    }
}
