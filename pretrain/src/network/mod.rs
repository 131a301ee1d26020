//! The policy network in candle, for training: encoder, actor and critic over the tensors of the policy artifact.
//!
//! The encoders are [`common::policy`]'s, by which policies are measured; the tests hold the heads to that too.
//! Every operation used in training has a backward pass in candle or brings its own; candle's fused softmax and
//! layer norms drop gradients silently and are not used here.

mod actor;
pub(crate) mod categorical;
mod critic;
mod encoder;
pub(crate) mod initial;
pub(crate) mod loss;
pub(crate) mod parameters;
pub(crate) mod proposal;
mod q_head;
pub(crate) mod slab;
mod sums;

use candle_core::{Device, Result, Tensor, Var};
pub(crate) use common::policy::State;
use common::policy::dropout::Dropout;
use common::policy_artifact::NetworkConfig;

use actor::Actor;
use critic::Critic;
use encoder::Encoder;
use parameters::Parameters;
use q_head::QHead;
use slab::Slab;

/// The network over the items of one slab. N items in the catalogue, R items in the slab, C of them candidates.
pub(crate) struct Network<'a> {
    config: &'a NetworkConfig,
    slab: Slab,
    encoder: Encoder,
    /// The others: the two tables of items, then those of the policy behind the encoder's, then those of the Q heads.
    tensors: Vec<Tensor>,
}

/// Places among [`Network::tensors`].
const QUERY: usize = 2;
const CRITIC: usize = 5;
const Q_HEADS: usize = 9;

impl<'a> Network<'a> {
    /// Over the items of `slab`; [`Network::gradient`] differentiates with respect to every tensor.
    pub(crate) fn trainable(parameters: &'a Parameters, slab: &Slab) -> Result<Self> {
        let tensor = |at: usize| {
            let (values, shape) = parameters.on(at, slab);
            Var::from_slice(&values, shape, &Device::Cpu).map(Var::into_inner)
        };
        let own = 2..4 + parameters.config().encoder_tensors();
        let others = (0..parameters.values.len()).filter(|at| !own.contains(at));
        let tensors = others.map(tensor).collect::<Result<Vec<_>>>()?;
        let values = |at| parameters.on(at, slab).0.into_owned();
        let embedding = (tensors[0].clone(), values(0));
        Ok(Network {
            config: parameters.config(),
            slab: slab.clone(),
            encoder: Encoder::new(parameters.config(), embedding, own.map(values))?,
            tensors,
        })
    }

    /// The same weights without a record of operations: for acting, where nothing is differentiated.
    pub(crate) fn detached(&self) -> Network<'a> {
        Network {
            config: self.config,
            slab: self.slab.clone(),
            encoder: self.encoder.detached(),
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
        self.encoder.encode(&self.slab, states, dropout)
    }

    /// The candidates' rows of a tensor with a row an item.
    fn candidates(&self, at: usize) -> Result<Tensor> {
        self.tensors[at].narrow(0, 0, self.slab.candidates(self.config.items))
    }

    /// Logits `[B, C]` of encoded states, consumed items not yet masked.
    pub(crate) fn logits(&self, encoded: &Tensor) -> Result<Tensor> {
        let actor = Actor {
            item_embedding: &self.candidates(0)?,
            item_bias: &self.candidates(1)?,
            query_weight: &self.tensors[QUERY],
            query_bias: &self.tensors[QUERY + 1],
            log_temperature: &self.tensors[QUERY + 2],
        };
        actor.logits(encoded)
    }

    /// State-action values `[B, C]` of encoded states, by Q head `head`.
    pub(crate) fn q_values(&self, encoded: &Tensor, head: usize) -> Result<Tensor> {
        let first = Q_HEADS + q_head::TENSORS * head;
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
        let critic = Critic {
            weight_1: &self.tensors[CRITIC],
            bias_1: &self.tensors[CRITIC + 1],
            weight_2: &self.tensors[CRITIC + 2],
            bias_2: &self.tensors[CRITIC + 3],
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
        let mut gradients = self.tensors.iter().map(of).collect::<Result<Vec<_>>>()?;
        let encoder = self.encoder.split(&of(&self.encoder.others)?);
        gradients.splice(QUERY..QUERY, encoder);
        Ok(gradients)
    }
}

/// An error of candle's, which here can only mean a shape that does not fit or memory that is not there.
pub(crate) fn failed(error: candle_core::Error) -> common::Error {
    common::Error::retry(format!("the network cannot be computed: {error}"))
}

#[cfg(test)]
mod tests;
