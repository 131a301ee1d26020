//! How a user's last interactions become one state: by the encoder that the policy names
//! ([`crate::policy_artifact::Encoder`] gives the equations).
//!
//! Every encoder but that of the whole history starts from s = tanh(profile_weight p + profile_bias) for traits p.

mod attention;
mod block;
mod gru;
mod heads;
mod inputs;
mod layer;
mod mean;
mod norm;

use crate::policy_artifact::{Encoder as Choice, NetworkConfig, Weights};

use super::dropout::Dropout;
use super::elementary::tanh;
use super::history;
use super::linear::{self, Packed};
use super::network::State;
use attention::Attention;
use gru::Gru;
use mean::Mean;

/// The encoder's matrices, packed for the forward pass.
#[derive(Debug, Clone)]
pub struct Encoder {
    profile: Packed,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Mean(Mean),
    Gru(Gru),
    Attention(Attention),
    History,
}

/// Everything the backward pass needs.
#[derive(Debug)]
pub struct Tape {
    traits: Vec<f32>,
    /// s, `[contexts, hidden]`.
    first: Vec<f32>,
    kind: KindTape,
}

#[derive(Debug)]
enum KindTape {
    Mean(mean::Tape),
    Gru(gru::Tape),
    Attention(attention::Tape),
    History,
}

impl Encoder {
    /// Of the encoder's tensors among `weights`, and the embeddings of what the histories hold; the heads' are not read.
    pub fn new(config: &NetworkConfig, weights: &Weights) -> Self {
        let kind = match config.encoder {
            Choice::Mean => Kind::Mean(Mean::new(config, weights)),
            Choice::Gru => Kind::Gru(Gru::new(config, weights)),
            Choice::Attention { layers, heads } => {
                Kind::Attention(Attention::new(config, weights, layers, heads))
            }
            Choice::History => Kind::History,
        };
        Encoder {
            profile: Packed::new(&weights.profile_weight, config.hidden, config.traits),
            kind,
        }
    }

    pub(super) fn refresh(&mut self, weights: &Weights) {
        self.profile.refresh(&weights.profile_weight);
        match &mut self.kind {
            Kind::Mean(mean) => mean.refresh(weights),
            Kind::Gru(gru) => gru.refresh(weights),
            Kind::Attention(attention) => attention.refresh(weights),
            Kind::History => {}
        }
    }

    /// The final states, `[contexts, hidden]` in the order given, and the tape. With `dropout`, for training, a share of the
    /// inputs is left out, and of what self-attention adds in its blocks.
    pub fn forward(
        &self,
        config: &NetworkConfig,
        weights: &Weights,
        contexts: &[State],
        dropout: Option<&mut Dropout>,
    ) -> (Vec<f32>, Tape) {
        let traits: Vec<f32> = contexts
            .iter()
            .flat_map(|context| context.traits.iter().copied())
            .collect();
        let mut first = vec![0.0; contexts.len() * config.hidden];
        self.profile.forward(&traits, &mut first);
        let linear = matches!(self.kind, Kind::History);
        for state in first.chunks_exact_mut(config.hidden) {
            for (h, b) in state.iter_mut().zip(&weights.profile_bias) {
                *h = if linear { *h + b } else { tanh(*h + b) };
            }
        }
        let (states, kind) = match &self.kind {
            Kind::Mean(mean) => {
                let (states, tape) = mean.forward(config, weights, contexts, &first, dropout);
                (states, KindTape::Mean(tape))
            }
            Kind::Gru(gru) => {
                let (states, tape) = gru.forward(config, weights, contexts, &first, dropout);
                (states, KindTape::Gru(tape))
            }
            Kind::Attention(attention) => {
                let (states, tape) = attention.forward(config, weights, contexts, &first, dropout);
                (states, KindTape::Attention(tape))
            }
            Kind::History => (
                history::forward(config, weights, contexts, &first),
                KindTape::History,
            ),
        };
        let tape = Tape { traits, first, kind };
        (states, tape)
    }
}

impl Tape {
    /// Adds to `gradient` what `upstream`, `[contexts, hidden]`, the gradient at the final states, gives for the
    /// encoder's weights and the embeddings of the items in the histories.
    pub fn backward(
        &self,
        config: &NetworkConfig,
        weights: &Weights,
        upstream: &[f32],
        gradient: &mut Weights,
    ) {
        let mut at_first = match &self.kind {
            KindTape::Mean(tape) => tape.backward(config, weights, upstream, gradient),
            KindTape::Gru(tape) => tape.backward(config, weights, upstream, gradient),
            KindTape::Attention(tape) => tape.backward(config, weights, upstream, gradient),
            KindTape::History => upstream.to_vec(),
        };
        if !matches!(self.kind, KindTape::History) {
            for (up, h) in at_first.iter_mut().zip(&self.first) {
                *up *= 1.0 - h * h;
            }
        }
        linear::add_weight_gradient(
            &mut gradient.profile_weight,
            &at_first,
            &self.traits,
            config.traits,
            1.0,
        );
        linear::add_rows(&mut gradient.profile_bias, &at_first);
    }
}
