//! The policy's encoder as one operation on candle's tape.
//!
//! What an encoder computes, forward and backward, is [`common::policy::encoder`]'s. Autograd would spend it on hundreds of
//! small tensors and a gradient beside each of them.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor, Var, bail};
use common::policy::dropout::Dropout;
use common::policy::encoder::{self, Tape};
use common::policy_artifact::{Encoder as Choice, NetworkConfig, Weights};

use super::State;
use super::slab::Slab;

/// An encoder over the items of a slab.
#[derive(Clone)]
pub(super) struct Encoder {
    plain: Arc<Plain>,
    /// `[R, D]`, which the heads read too.
    embedding: Tensor,
    /// All other tensors that it reads, one after the other: those of [`Weights`] from `profile_weight` up to its own.
    pub(super) others: Tensor,
}

/// What [`common::policy`] computes by.
struct Plain {
    config: NetworkConfig,
    /// The heads' tensors are empty.
    weights: Weights,
    encoder: encoder::Encoder,
}

impl Encoder {
    /// Over `embedding`, `[R, D]` with these values, and `others`, the profile's tensors and then the encoder's own.
    pub(super) fn new(
        config: &NetworkConfig,
        embedding: (Tensor, Vec<f32>),
        others: impl Iterator<Item = Vec<f32>>,
    ) -> Result<Self> {
        if config.encoder == Choice::History {
            bail!("the whole-history encoder is made in closed form")
        }
        let (embedding, values) = embedding;
        let values = [values, Vec::new()].into_iter().chain(others);
        let weights = Weights::from_tensors(config, values);
        let flat = flat(&weights);
        Ok(Encoder {
            others: Var::from_slice(&flat, flat.len(), &Device::Cpu)?.into_inner(),
            embedding,
            plain: Arc::new(Plain {
                encoder: encoder::Encoder::new(config, &weights),
                config: config.clone(),
                weights,
            }),
        })
    }

    /// The same without a record of operations.
    pub(super) fn detached(&self) -> Self {
        Encoder {
            plain: self.plain.clone(),
            embedding: self.embedding.detach(),
            others: self.others.detach(),
        }
    }

    /// Encoded states `[B, H]`, a share of what the encoder reads left out where there is `dropout`.
    pub(super) fn encode(
        &self,
        slab: &Slab,
        states: &[State],
        dropout: Option<&mut Dropout>,
    ) -> Result<Tensor> {
        let interactions = states.iter().flat_map(|state| state.history);
        let places = interactions.map(|&(item, feedback)| Some((slab.place(item)?, feedback)));
        let Some(places) = places.collect::<Option<Vec<_>>>() else {
            bail!("a state holds an item that the slab lacks")
        };
        let mut rest = places.as_slice();
        let placed = states.iter().map(|state| {
            let (history, others) = rest.split_at(state.history.len());
            rest = others;
            State { history, ..*state }
        });
        let placed: Vec<State> = placed.collect();
        let Plain {
            config,
            weights,
            encoder,
        } = &*self.plain;
        let (states, tape) = encoder.forward(config, weights, &placed, dropout);
        let operation = Encoded {
            states,
            tape,
            plain: self.plain.clone(),
        };
        self.embedding.apply_op2(&self.others, operation)
    }

    /// From the gradient at [`Encoder::others`] those of its tensors; empty where there is none.
    pub(super) fn split(&self, gradient: &[f32]) -> Vec<Vec<f32>> {
        let mut rest = gradient;
        let split = others(&self.plain.weights).map(|tensor| {
            let (own, others) = rest.split_at(tensor.len().min(rest.len()));
            rest = others;
            own.to_vec()
        });
        split.collect()
    }
}

/// The tensors that are read besides the embedding, in the order of [`Weights::tensors`].
fn others(weights: &Weights) -> impl Iterator<Item = &Vec<f32>> {
    let profile = [&weights.profile_weight, &weights.profile_bias];
    profile.into_iter().chain(&weights.encoder)
}

fn flat(weights: &Weights) -> Vec<f32> {
    others(weights).map(Vec::as_slice).collect::<Vec<_>>().concat()
}

/// States that were encoded by `plain` from its embedding and its other tensors.
struct Encoded {
    states: Vec<f32>,
    tape: Tape,
    plain: Arc<Plain>,
}

impl CustomOp2 for Encoded {
    fn name(&self) -> &'static str {
        "encoder"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let hidden = self.plain.config.hidden;
        let shape = Shape::from((self.states.len() / hidden, hidden));
        Ok((CpuStorage::F32(self.states.clone()), shape))
    }

    fn bwd(
        &self,
        embedding: &Tensor,
        others: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let Plain { config, weights, .. } = &*self.plain;
        let upstream: Vec<f32> = gradient.flatten_all()?.to_vec1()?;
        let zeros = weights
            .tensors()
            .into_iter()
            .map(|tensor| vec![0.0; tensor.len()]);
        let mut gradient = Weights::from_tensors(config, zeros);
        self.tape.backward(config, weights, &upstream, &mut gradient);
        let by_others = Tensor::from_vec(flat(&gradient), others.shape(), &Device::Cpu)?;
        let by_embedding = Tensor::from_vec(gradient.item_embedding, embedding.shape(), &Device::Cpu)?;
        Ok((Some(by_embedding), Some(by_others)))
    }
}

#[cfg(test)]
mod tests;
