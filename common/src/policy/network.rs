//! The forward pass: contexts to logits over the catalogue and to values.

use crate::policy_artifact::{NetworkConfig, Weights};

use super::elementary::exp;
use super::encoder::{Encoder, Tape};
use super::history;
use super::linear::{Packed, add_bias};

/// What a policy knows of a user when it decides.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// The last interactions, at most the network's window, oldest first: item and feedback (+1 liked, -1 not).
    pub history: &'a [(u32, f32)],
    /// What is kept of all that the user did: the encoder's numbers ([`NetworkConfig::memory`]: S, n+, n-), then any others.
    /// Empty where only `history` is known: it is then made from that.
    pub memory: &'a [f32],
    /// The user's standardised traits, as many as the network has (zeros where unknown).
    pub traits: &'a [f32],
}

/// A policy network ready to run: the weights and their packed forms.
#[derive(Debug, Clone)]
pub struct Network {
    pub(super) config: NetworkConfig,
    pub(super) weights: Weights,
    pub(super) encoder: Encoder,
    query: Packed,
    items: Packed,
    critic: Packed,
}

/// All that the forward pass of some contexts leaves for the backward pass.
#[derive(Debug)]
pub struct Forward {
    /// The encoder's final states, `[contexts, hidden]`.
    pub(super) states: Vec<f32>,
    pub(super) tape: Tape,
    /// `[contexts, dims]`.
    pub(super) queries: Vec<f32>,
    /// relu(critic_w1 h + critic_b1), `[contexts, hidden]`.
    pub(super) critic: Vec<f32>,
    /// The value of each context.
    pub values: Vec<f32>,
}

impl Network {
    /// A network of these weights, whose shapes belong to `config`.
    pub fn new(config: NetworkConfig, weights: Weights) -> Self {
        let (items, dims, hidden) = (config.items, config.dims, config.hidden);
        Network {
            encoder: Encoder::new(&config, &weights),
            query: Packed::new(&weights.query_weight, dims, hidden),
            items: Packed::new(&weights.item_embedding, items, dims),
            critic: Packed::new(&weights.critic_w1, hidden, hidden),
            config,
            weights,
        }
    }

    /// The sizes.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Changes the weights by `change` and packs them again.
    pub fn update(&mut self, change: impl FnOnce(&mut Weights)) {
        change(&mut self.weights);
        self.encoder.refresh(&self.weights);
        self.query.refresh(&self.weights.query_weight);
        self.items.refresh(&self.weights.item_embedding);
        self.critic.refresh(&self.weights.critic_w1);
    }

    /// Moves the encoder's numbers of a user's memory by an answer, where the encoder keeps any: as every state, it moves on
    /// when `item` was liked. In a log, what a user had and did not like was the user's own choice and speaks for its kind; a
    /// recommendation that was not liked is none, and moves nothing.
    pub fn remember(&self, memory: &mut [f32], item: u32, liked: bool) {
        if liked && self.config.memory() > 0 {
            history::remember(&self.weights.encoder, memory, item, liked, 1.0);
        }
    }

    /// The encoder's final states of `contexts`, `[contexts, hidden]`.
    pub fn encode(&self, contexts: &[State]) -> Vec<f32> {
        self.encoder
            .forward(&self.config, &self.weights, contexts, None)
            .0
    }

    /// The forward pass of `contexts` up to queries and values.
    pub fn forward(&self, contexts: &[State]) -> Forward {
        let (states, tape) = self.encoder.forward(&self.config, &self.weights, contexts, None);
        let queries = self.queries(&states);
        let (critic, values) = self.critic(&states);
        Forward {
            states,
            tape,
            queries,
            critic,
            values,
        }
    }

    /// The queries of encoded states, `[contexts, dims]`: query_weight h + query_bias.
    pub fn queries(&self, states: &[f32]) -> Vec<f32> {
        let mut queries = vec![0.0; states.len() / self.config.hidden * self.config.dims];
        self.query.forward(states, &mut queries);
        add_bias(&mut queries, &self.weights.query_bias);
        queries
    }

    /// The factor between the product of query and embedding and the logit: e^log_temperature / sqrt(dims).
    pub fn scale(&self) -> f32 {
        exp(self.weights.log_temperature[0]) / (self.config.dims as f32).sqrt()
    }

    /// The products of `queries` with the embeddings of all items, `[contexts, items]`; `out` is overwritten.
    pub fn products(&self, queries: &[f32], out: &mut [f32]) {
        self.items.forward(queries, out);
    }

    /// The logits of `queries` over all items, none masked, `[contexts, items]`; `out` is overwritten.
    pub fn logits(&self, queries: &[f32], out: &mut [f32]) {
        self.items.forward(queries, out);
        let scale = self.scale();
        for row in out.chunks_exact_mut(self.config.items) {
            for (logit, bias) in row.iter_mut().zip(&self.weights.item_bias) {
                *logit = *logit * scale + bias;
            }
        }
    }

    /// The values of encoded states, one per context.
    pub fn values(&self, states: &[f32]) -> Vec<f32> {
        self.critic(states).1
    }

    /// The value head's hidden layer and the values.
    fn critic(&self, states: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut active = vec![0.0; states.len()];
        self.critic.forward(states, &mut active);
        add_bias(&mut active, &self.weights.critic_b1);
        for x in &mut active {
            *x = x.max(0.0);
        }
        let dot = |row: &[f32]| {
            row.iter()
                .zip(&self.weights.critic_w2)
                .map(|(x, w)| x * w)
                .sum::<f32>()
        };
        let bias = self.weights.critic_b2[0];
        let values = active
            .chunks_exact(self.config.hidden)
            .map(|row| dot(row) + bias)
            .collect();
        (active, values)
    }
}
