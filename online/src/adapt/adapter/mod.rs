//! The adapter: the frozen policy, and beside it a small Bayesian model of likes ([`beliefs`]) that learns from every answer.
//!
//! It acts by the softmax of
//!
//! ```text
//! logit'_j = L_j + (beta_j + e_j . v_u + bonus (sd beta_j - item)) / (s T)
//!          = scale * E_j . (q + v_u / s) + b_j + (beta_j + bonus (sd beta_j - item)) / (s T):
//! ```
//!
//! the order of s z_j + beta_j + e_j . v_u at the policy's own temperature. It costs one scan of the
//! catalogue, and before any answer it is the policy to the last bit. Of two items that are as likely to be liked, the less
//! known one comes first (optimism in the face of uncertainty); the bonus is 0 for an item without an answer and falls.
//!
//! An answer costs O(D), whatever the size of the catalogue. Rewards are likes or not: what is above 0 is a like. The
//! encoder's part of a user's memory is left as it is by an answer: what the user's answers say is in v_u, and moving both by
//! the same likes was measured to earn less. A policy that takes over starts from what was lived ([`Strategy::remember`]).
//!
//! A small share of the decisions is the frozen policy's own ([`gate`]). Which arm acts is drawn by a stream of its own;
//! the propensity is that of the arm, and the slate's weight says which one it was: 1 the frozen policy, 0 the adapted one.

mod beliefs;
mod gate;
mod settings;
mod state;
#[cfg(test)]
mod tests;

pub use settings::AdapterSettings;

use common::Result;
use common::policy::Network;
use common::policy_artifact::{LikeModel, NetworkConfig, Weights};
use common::rng::{RngExt, stream};

use super::acting::{self, ROWS};
use super::encoded_context::recall_all;
use super::{Buffers, Carried, ChoiceRequest, EncodedContext, Explanation, Hyper, Reason, Strategy};
use crate::explore::{Draw, Shown, Slate, slate};
use crate::index::{Coarse, Scan};
use beliefs::{Beliefs, Pair};
use gate::Gate;

/// What stands for the weights' revision where queries are kept in contexts, which other strategies use for states.
const QUERIES: u64 = u64::MAX;

/// A frozen policy and what is learnt beside it.
pub struct Adapter {
    network: Network,
    likes: Option<LikeModel>,
    /// Each item's likes in the log.
    popularity: Vec<f32>,
    settings: AdapterSettings,
    seed: u64,
    /// The copy of the embeddings by which the catalogue is scanned, where it is not the embeddings themselves.
    coarse: Option<Coarse>,
    beliefs: Beliefs,
    gate: Gate,
    answers: u64,
}

impl Adapter {
    /// Nothing learnt yet beside the policy's `weights`, whose logits say of likes what `likes` says; `seed` decides the
    /// draws.
    pub fn new(
        config: NetworkConfig,
        weights: Weights,
        likes: Option<LikeModel>,
        popularity: &[f32],
        hyper: &Hyper,
        seed: u64,
    ) -> Self {
        let network = Network::new(config, weights);
        let embeddings = &network.weights().item_embedding;
        let coarse = || Coarse::new(embeddings, network.config().items, network.config().dims);
        Adapter {
            beliefs: Beliefs::new(&network, likes, popularity, &hyper.adapter),
            coarse: (hyper.scan == Scan::Quantised).then(coarse),
            likes,
            popularity: popularity.to_vec(),
            settings: hyper.adapter,
            seed,
            gate: Gate::default(),
            answers: 0,
            network,
        }
    }

    fn untouched(&self) -> Beliefs {
        Beliefs::new(&self.network, self.likes, &self.popularity, &self.settings)
    }

    /// Whether the frozen policy makes the decision of this key.
    fn is_control(&self, key: &[u64; 3]) -> bool {
        let share = self.gate.share(self.settings.control);
        stream(self.seed, "control", key).random::<f32>() < share
    }

    /// The user's part of a memory; none where only the history is known.
    fn of_user<'a>(&self, memory: &'a [f32]) -> Option<&'a [f32]> {
        let begin = self.network.config().memory();
        memory.get(begin..begin + self.memory())
    }

    /// n+ of a memory of the whole history: likes that the policy knows of the user; 0 under other encoders.
    fn likes_known(&self, memory: &[f32]) -> f32 {
        let config = self.network.config();
        match config.memory() {
            0 => 0.0,
            _ => memory.get(config.hidden).copied().unwrap_or(0.0),
        }
    }

    /// Writes the frozen policy's queries, `[contexts, dims]`; each is computed once and left in its context.
    fn queries<'a>(
        &self,
        user_contexts: impl IntoIterator<Item = &'a EncodedContext>,
        queries: &mut Vec<f32>,
    ) {
        recall_all(
            QUERIES,
            self.network.config().dims,
            user_contexts,
            queries,
            |contexts| self.network.queries(&self.network.encode(contexts)),
        );
    }

    /// Writes the products of `queries` with all embeddings, `[queries, items]`.
    fn scan(&self, queries: &[f32], products: &mut Vec<f32>) {
        let (items, dims) = (self.network.config().items, self.network.config().dims);
        products.resize(queries.len() / dims * items, 0.0);
        match &self.coarse {
            None => self.network.products(queries, products),
            Some(coarse) => {
                for (query, row) in queries.chunks_exact(dims).zip(products.chunks_exact_mut(items)) {
                    coarse.scores(query, 1.0, row);
                }
            }
        }
    }

    /// Makes logits of the products of one query.
    fn finish(&self, is_control: bool, row: &mut [f32]) {
        let scale = self.network.scale();
        let biases = &self.network.weights().item_bias;
        if is_control {
            for (x, bias) in row.iter_mut().zip(biases) {
                *x = *x * scale + bias;
            }
        } else {
            let weight = self.beliefs.weight();
            for ((x, bias), part) in row.iter_mut().zip(biases).zip(self.beliefs.parts()) {
                *x = *x * scale + bias + weight * part;
            }
        }
    }

    /// The numbers behind a decision, of `item` where it is about one.
    fn reasons(&self, item: usize, query: &[f32], memory: &[f32], user: &[f32]) -> Vec<Reason> {
        let pair = pair(&self.network, item, query, self.likes_known(memory));
        let outlook = self.beliefs.outlook(&pair, user);
        let reason = |name, value, meaning: &str| Reason {
            name,
            value,
            meaning: meaning.into(),
        };
        let mut reasons = vec![
            reason(
                "like_probability",
                outlook.probability,
                "the probability that the user likes the likeliest item",
            ),
            reason(
                "like_uncertainty",
                outlook.variance.sqrt(),
                "standard deviation of its log-odds",
            ),
            reason(
                "item_belief",
                f64::from(self.beliefs.means[item]),
                "what all answers to that item have added to its log-odds of a like",
            ),
            reason(
                "item_uncertainty",
                f64::from(self.beliefs.variances[item]).sqrt(),
                "standard deviation of that",
            ),
            reason("answers", self.answers as f64, "answers learnt so far"),
            reason(
                "intercept",
                self.beliefs.global[0],
                "log-odds of a like where the frozen policy's logit is 0",
            ),
            reason(
                "slope",
                self.beliefs.global[1],
                "how much of the frozen policy's differences holds, 1 at the start",
            ),
        ];
        reasons.extend(self.gate.reasons(self.settings.gate_alpha));
        reasons
    }
}

/// An item as a user sees it, of whom the frozen policy makes `query`.
/// `likes` are those that it knew of the user.
fn pair<'a>(network: &'a Network, item: usize, query: &[f32], likes: f32) -> Pair<'a> {
    let (dims, weights) = (network.config().dims, network.weights());
    let embedding = &weights.item_embedding[item * dims..][..dims];
    let product: f32 = embedding.iter().zip(query).map(|(e, q)| e * q).sum();
    Pair {
        item,
        logit: product * network.scale() + weights.item_bias[item],
        embedding,
        likes,
    }
}

impl Strategy for Adapter {
    fn choose(&self, choices: &[ChoiceRequest<'_>], buffers: &mut Buffers) -> Vec<Slate> {
        let (items, dims) = (self.network.config().items, self.network.config().dims);
        let mut slates = Vec::with_capacity(choices.len());
        let Buffers {
            states: queries,
            logits,
            categorical,
            ..
        } = buffers;
        for chunk in choices.chunks(ROWS) {
            self.queries(chunk.iter().map(|choice| choice.user_context), queries);
            let mut control = [false; ROWS];
            let rows = queries.chunks_exact_mut(dims).zip(chunk);
            for ((query, choice), is_control) in rows.zip(&mut control) {
                *is_control = !choice.greedy && self.is_control(&choice.key);
                if !*is_control {
                    let memory = &choice.user_context.context().memory;
                    self.beliefs.turn(query, self.of_user(memory).unwrap_or(&[]));
                }
            }
            self.scan(queries, logits);
            let rows = logits.chunks_exact_mut(items).zip(chunk);
            for ((row, choice), is_control) in rows.zip(control) {
                self.finish(is_control, row);
                acting::deal(categorical, row, choice);
                let mut draw = Draw::new(self.seed, &choice.key, choice.greedy);
                let weight = f32::from(is_control);
                slates.push(slate(categorical, choice.k, 0, weight, &mut draw));
            }
        }
        slates
    }

    fn memory(&self) -> usize {
        2 * self.network.config().dims
    }

    fn prior(&self) -> Option<&Network> {
        Some(&self.network)
    }

    fn remember(&self, memory: &mut [f32], item: u32, liked: bool) {
        self.network.remember(memory, item, liked);
    }

    fn answer(
        &mut self,
        user_context: &EncodedContext,
        memory: &mut [f32],
        shown: &Shown,
        reward: f32,
    ) -> bool {
        let (begin, width) = (self.network.config().memory(), self.memory());
        let likes = self.likes_known(memory);
        let mut nobody = Vec::new();
        let user = match memory.get_mut(begin..begin + width) {
            Some(user) => user,
            None => {
                nobody.resize(width, 0.0);
                &mut nobody
            }
        };
        let mut query = Vec::new();
        self.queries([user_context], &mut query);
        let (liked, item) = (reward > 0.0, shown.item as usize);
        self.gate
            .observe(self.settings.gate_alpha, shown.weight >= 0.5, liked);
        let pair = pair(&self.network, item, &query, likes);
        self.beliefs.learn(&pair, user, liked);
        self.answers += 1;
        true
    }

    fn version(&self) -> u64 {
        self.answers
    }

    fn save(&self) -> Vec<u8> {
        self.pack()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        self.unpack(bytes)
    }

    fn explain(&self, choice: &ChoiceRequest<'_>, buffers: &mut Buffers) -> Explanation {
        let Buffers {
            states: queries,
            logits,
            categorical,
            ..
        } = buffers;
        let nobody = vec![0.0; self.memory()];
        let context = choice.user_context.context();
        let user = self.of_user(&context.memory).unwrap_or(&nobody);
        self.queries([choice.user_context], queries);
        let query = queries.clone();
        let mut of = |is_control: bool| {
            if !is_control {
                self.beliefs.turn(queries, user);
            }
            self.scan(queries, logits);
            self.finish(is_control, logits);
            acting::deal(categorical, logits, choice);
            categorical.probabilities().to_vec()
        };
        let (prior, adapted) = (of(true), of(false));
        let likeliest = (0..adapted.len()).max_by(|&a, &b| adapted[a].total_cmp(&adapted[b]));
        let share = self.gate.share(self.settings.control);
        Explanation {
            value: self
                .network
                .values(&self.network.encode(&[context.state()]))
                .first()
                .copied(),
            reasons: self.reasons(likeliest.unwrap_or(0), &query, &context.memory, user),
            ..Explanation::mixed(prior, adapted, share)
        }
    }

    fn carry_over(&mut self, from: &[u8], map: &[Option<u32>], same_space: bool) -> Result<Carried> {
        Ok(Carried {
            users: same_space,
            ..self.carry(from, map)?
        })
    }
}
