//! The policy network in candle, for training: encoder, actor and critic over the tensors of the policy artifact.
//!
//! What a policy computes stands in [`common::policy`], by which policies are measured; the tests hold this to that.
//! Every operation used in training has a backward pass in candle or brings its own; candle's fused softmax and
//! layer norms drop gradients silently and are not used here.

mod actor;
mod attention;
pub(crate) mod categorical;
mod critic;
pub(crate) mod dropout;
mod encoder;
mod exp;
mod gru;
pub(crate) mod initial;
pub(crate) mod loss;
mod matrix;
mod mean;
pub(crate) mod parameters;
pub(crate) mod proposal;
mod q_head;
pub(crate) mod slab;

use candle_core::{Device, Result, Tensor, Var, bail};
pub(crate) use common::policy::State;
use common::policy_artifact::NetworkConfig;

use actor::Actor;
use critic::Critic;
use dropout::Dropout;
use encoder::Sequences;
use parameters::Parameters;
use q_head::QHead;
use slab::Slab;

/// The network over the items of one slab. N items in the catalogue, R items in the slab, C of them candidates.
pub(crate) struct Network<'a> {
    config: &'a NetworkConfig,
    slab: Slab,
    /// The policy's, in the order of [`NetworkConfig::shapes`], then those of the Q heads.
    tensors: Vec<Tensor>,
}

impl<'a> Network<'a> {
    /// Over the items of `slab`; [`Network::gradient`] differentiates with respect to every tensor.
    pub(crate) fn trainable(parameters: &'a Parameters, slab: &Slab) -> Result<Self> {
        let tensor = |at: usize| {
            let (values, shape) = parameters.on(at, slab);
            Var::from_slice(&values, shape, &Device::Cpu).map(Var::into_inner)
        };
        Ok(Network {
            config: parameters.config(),
            slab: slab.clone(),
            tensors: (0..parameters.values.len()).map(tensor).collect::<Result<_>>()?,
        })
    }

    /// The same weights without a record of operations: for acting, where nothing is differentiated.
    pub(crate) fn detached(&self) -> Network<'a> {
        Network {
            config: self.config,
            slab: self.slab.clone(),
            tensors: self.tensors.iter().map(Tensor::detach).collect(),
        }
    }

    /// The items that it is built over.
    pub(crate) fn slab(&self) -> &Slab {
        &self.slab
    }

    /// The most interactions that a state holds.
    pub(crate) fn window(&self) -> usize {
        self.config.window
    }

    /// Encoded states `[B, H]`.
    pub(crate) fn encode(&self, states: &[State]) -> Result<Tensor> {
        self.encode_training(states, None)
    }

    /// Encoded states `[B, H]`, a share of what the encoder reads left out where there is `dropout`.
    pub(crate) fn encode_training(&self, states: &[State], dropout: Option<&mut Dropout>) -> Result<Tensor> {
        let (inputs, lengths) = self.sequences(states)?;
        let sequences = Sequences {
            inputs: &inputs,
            lengths: &lengths,
            hidden: &self.start(states)?,
        };
        let own = &self.tensors[4..self.behind_encoder()];
        encoder::encode(self.config.encoder, own, &sequences, dropout)
    }

    /// Where the tensors after the encoder's begin.
    fn behind_encoder(&self) -> usize {
        4 + self.config.encoder_tensors()
    }

    /// The histories as inputs `[T * B, D + 1]`: embedding and feedback, time-major, padded at the front so that all
    /// rows end at the last step; and their lengths.
    fn sequences(&self, states: &[State]) -> Result<(Tensor, Vec<usize>)> {
        let lengths: Vec<usize> = states.iter().map(|state| state.history.len()).collect();
        let steps = lengths.iter().copied().max().unwrap_or(0);
        let (mut items, mut feedback) = (Vec::new(), Vec::new());
        for step in 0..steps {
            for (state, length) in states.iter().zip(&lengths) {
                let (item, sign) = match (step + length).checked_sub(steps) {
                    Some(at) => state.history[at],
                    // Padding: any item that there is, for nothing reads it.
                    None => (self.slab.item(0), 0.0),
                };
                items.push(item);
                feedback.push(sign);
            }
        }
        let rows = items.len();
        let Some(items) = items.into_iter().map(|item| self.slab.place(item)).collect() else {
            bail!("a state holds an item that the slab lacks")
        };
        let items = Tensor::from_vec::<_, u32>(items, rows, &Device::Cpu)?;
        let feedback = Tensor::from_vec(feedback, (rows, 1), &Device::Cpu)?;
        Ok((
            Tensor::cat(&[self.tensors[0].index_select(&items, 0)?, feedback], 1)?,
            lengths,
        ))
    }

    /// The hidden state before the first item, from the users' profiles: `[B, H]`.
    fn start(&self, states: &[State]) -> Result<Tensor> {
        let NetworkConfig { hidden, traits, .. } = *self.config;
        let bias = self.tensors[3]
            .unsqueeze(0)?
            .broadcast_as((states.len(), hidden))?;
        if traits == 0 {
            return bias.tanh();
        }
        let profiles: Vec<f32> = states.iter().flat_map(|state| state.traits).copied().collect();
        let profiles = Tensor::from_vec(profiles, (states.len(), traits), &Device::Cpu)?;
        (profiles.matmul(&self.tensors[2].t()?)? + bias)?.tanh()
    }

    /// The candidates' rows of a tensor with a row an item.
    fn candidates(&self, at: usize) -> Result<Tensor> {
        self.tensors[at].narrow(0, 0, self.slab.candidates(self.config.items))
    }

    /// Logits `[B, C]` of encoded states, consumed items not yet masked.
    pub(crate) fn logits(&self, encoded: &Tensor) -> Result<Tensor> {
        let first = self.behind_encoder();
        let actor = Actor {
            item_embedding: &self.candidates(0)?,
            item_bias: &self.candidates(1)?,
            query_weight: &self.tensors[first],
            query_bias: &self.tensors[first + 1],
            log_temperature: &self.tensors[first + 2],
        };
        actor.logits(encoded)
    }

    /// State-action values `[B, C]` of encoded states, by Q head `head`.
    pub(crate) fn q_values(&self, encoded: &Tensor, head: usize) -> Result<Tensor> {
        let first = self.behind_encoder() + 7 + q_head::TENSORS * head;
        let q = QHead {
            item_embedding: &self.candidates(0)?,
            weight: &self.tensors[first],
            bias: &self.tensors[first + 1],
            item_bias: &self.candidates(first + 2)?,
            state_weight: &self.tensors[first + 3],
            state_bias: &self.tensors[first + 4],
        };
        q.values(encoded)
    }

    /// Values `[B]` of encoded states.
    pub(crate) fn values(&self, encoded: &Tensor) -> Result<Tensor> {
        let first = self.behind_encoder() + 3;
        let critic = Critic {
            weight_1: &self.tensors[first],
            bias_1: &self.tensors[first + 1],
            weight_2: &self.tensors[first + 2],
            bias_2: &self.tensors[first + 3],
        };
        critic.values(encoded)
    }

    /// The gradient of the scalar `loss` with respect to every tensor of a trainable network, over the slab's items; empty
    /// for tensors that the loss does not depend on.
    pub(crate) fn gradient(&self, loss: &Tensor) -> Result<Vec<Vec<f32>>> {
        let store = loss.backward()?;
        let of = |tensor: &Tensor| match store.get(tensor) {
            Some(found) => found.flatten_all()?.to_vec1(),
            None => Ok(Vec::new()),
        };
        self.tensors.iter().map(of).collect()
    }
}

/// An error of candle's, which here can only mean a shape that does not fit or memory that is not there.
pub(crate) fn failed(error: candle_core::Error) -> common::Error {
    common::Error::retry(format!("the network cannot be computed: {error}"))
}

#[cfg(test)]
mod tests;
