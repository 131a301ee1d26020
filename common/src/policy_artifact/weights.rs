//! The network's tensors: names, shapes, initialisation, and the safetensors file.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::rng::{RngExt, stream};
use crate::{Error, Result, atomic_file};

/// Shapes of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// N, items in the catalogue: the actions.
    pub items: usize,
    /// D, dimensions of an item embedding.
    pub dims: usize,
    /// H, hidden units of the encoder.
    pub hidden: usize,
    /// K, traits of a user's profile.
    pub traits: usize,
    /// Most items a state holds.
    pub window: usize,
}

impl NetworkConfig {
    /// Name and shape of every tensor, in the order of [`Weights::tensors`].
    pub fn shapes(&self) -> Vec<(&'static str, Vec<usize>)> {
        let NetworkConfig {
            items: n,
            dims: d,
            hidden: h,
            traits: k,
            ..
        } = *self;
        vec![
            ("item_embedding", vec![n, d]),
            ("item_bias", vec![n]),
            ("profile_weight", vec![h, k]),
            ("profile_bias", vec![h]),
            ("gru_w_ih", vec![3 * h, d + 1]),
            ("gru_w_hh", vec![3 * h, h]),
            ("gru_b_ih", vec![3 * h]),
            ("gru_b_hh", vec![3 * h]),
            ("query_weight", vec![d, h]),
            ("query_bias", vec![d]),
            ("log_temperature", vec![1]),
            ("critic_w1", vec![h, h]),
            ("critic_b1", vec![h]),
            ("critic_w2", vec![h]),
            ("critic_b2", vec![1]),
        ]
    }
}

/// All tensors of the network, row-major f32. N items, D dims, H hidden, K traits.
///
/// With a user's standardised traits p (K) and the state's items i with feedback f (+1 liked, -1 not), oldest
/// first: h = tanh(profile_weight p + profile_bias), then h = GRU([item_embedding_i ; f], h) (gates in the
/// order r, z, n, as in PyTorch); q = query_weight h + query_bias;
/// logits = exp(log_temperature) / sqrt(D) * item_embedding q + item_bias;
/// value = critic_w2 . relu(critic_w1 h + critic_b1) + critic_b2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    /// `[N, D]`
    pub item_embedding: Vec<f32>,
    /// `[N]`
    pub item_bias: Vec<f32>,
    /// `[H, K]`
    pub profile_weight: Vec<f32>,
    /// `[H]`
    pub profile_bias: Vec<f32>,
    /// `[3H, D + 1]`
    pub gru_w_ih: Vec<f32>,
    /// `[3H, H]`
    pub gru_w_hh: Vec<f32>,
    /// `[3H]`
    pub gru_b_ih: Vec<f32>,
    /// `[3H]`
    pub gru_b_hh: Vec<f32>,
    /// `[D, H]`
    pub query_weight: Vec<f32>,
    /// `[D]`
    pub query_bias: Vec<f32>,
    /// `[1]`
    pub log_temperature: Vec<f32>,
    /// `[H, H]`
    pub critic_w1: Vec<f32>,
    /// `[H]`
    pub critic_b1: Vec<f32>,
    /// `[H]`
    pub critic_w2: Vec<f32>,
    /// `[1]`
    pub critic_b2: Vec<f32>,
}

impl Weights {
    /// All tensors, in the order of [`NetworkConfig::shapes`].
    pub fn tensors(&self) -> [&Vec<f32>; 15] {
        [
            &self.item_embedding,
            &self.item_bias,
            &self.profile_weight,
            &self.profile_bias,
            &self.gru_w_ih,
            &self.gru_w_hh,
            &self.gru_b_ih,
            &self.gru_b_hh,
            &self.query_weight,
            &self.query_bias,
            &self.log_temperature,
            &self.critic_w1,
            &self.critic_b1,
            &self.critic_w2,
            &self.critic_b2,
        ]
    }

    /// All tensors for writing, in the order of [`NetworkConfig::shapes`].
    pub fn tensors_mut(&mut self) -> [&mut Vec<f32>; 15] {
        [
            &mut self.item_embedding,
            &mut self.item_bias,
            &mut self.profile_weight,
            &mut self.profile_bias,
            &mut self.gru_w_ih,
            &mut self.gru_w_hh,
            &mut self.gru_b_ih,
            &mut self.gru_b_hh,
            &mut self.query_weight,
            &mut self.query_bias,
            &mut self.log_temperature,
            &mut self.critic_w1,
            &mut self.critic_b1,
            &mut self.critic_w2,
            &mut self.critic_b2,
        ]
    }

    /// All zeros: the start of a gradient or a moment.
    pub fn zeros(config: &NetworkConfig) -> Self {
        let mut weights = Weights::default();
        for (tensor, (_, shape)) in weights.tensors_mut().into_iter().zip(config.shapes()) {
            *tensor = vec![0.0; shape.iter().product()];
        }
        weights
    }

    /// Random weights: each matrix uniform in +-1/sqrt(fan-in) (the default of PyTorch's linear and GRU layers),
    /// item embeddings uniform with variance 1/D, biases of actor and critic and the log-temperature zero.
    pub fn init(config: &NetworkConfig, seed: u64) -> Self {
        let mut weights = Weights::zeros(config);
        let (d, h, k) = (
            config.dims as f32,
            config.hidden as f32,
            config.traits.max(1) as f32,
        );
        for (tensor, (name, _)) in weights.tensors_mut().into_iter().zip(config.shapes()) {
            let bound = match name {
                "item_embedding" => (3.0 / d).sqrt(),
                "profile_weight" => k.sqrt().recip(),
                "gru_w_ih" | "gru_w_hh" | "gru_b_ih" | "gru_b_hh" | "query_weight" | "critic_w1"
                | "critic_w2" => h.sqrt().recip(),
                _ => continue,
            };
            let mut rng = stream(seed, name, &[]);
            tensor.fill_with(|| (rng.random::<f32>() * 2.0 - 1.0) * bound);
        }
        weights
    }

    /// The first tensor that holds a NaN or an infinity.
    pub fn not_finite(&self, config: &NetworkConfig) -> Option<&'static str> {
        let broken = self
            .tensors()
            .into_iter()
            .position(|tensor| tensor.iter().any(|w| !w.is_finite()))?;
        config.shapes().get(broken).map(|(name, _)| *name)
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        // Shapes are stored flat: they follow from the configuration, which the reader checks.
        let names = NetworkConfig {
            items: 0,
            dims: 0,
            hidden: 0,
            traits: 0,
            window: 0,
        }
        .shapes();
        let bytes: Vec<Vec<u8>> = self
            .tensors()
            .iter()
            .map(|tensor| tensor.iter().flat_map(|w| w.to_le_bytes()).collect())
            .collect();
        let mut views = BTreeMap::new();
        for (((name, _), tensor), bytes) in names.iter().zip(self.tensors()).zip(&bytes) {
            let view = TensorView::new(Dtype::F32, vec![tensor.len()], bytes)
                .map_err(|e| Error::data(format!("tensor {name}: {e}")).file(path))?;
            views.insert(*name, view);
        }
        let file = safetensors::serialize(views, None)
            .map_err(|e| Error::data(format!("the weights cannot be written: {e}")).file(path))?;
        atomic_file::write_bytes(path, &file)
    }

    pub(super) fn read(path: &Path, config: &NetworkConfig) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(e, "read", path))?;
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|e| Error::data(format!("no whole safetensors file: {e}")).file(path))?;
        let mut weights = Weights::default();
        for (tensor, (name, shape)) in weights.tensors_mut().into_iter().zip(config.shapes()) {
            let view = file
                .tensor(name)
                .map_err(|_| Error::data(format!("tensor `{name}` is missing")).file(path))?;
            let wanted: usize = shape.iter().product();
            if view.dtype() != Dtype::F32 || view.shape().iter().product::<usize>() != wanted {
                return Err(Error::data(format!(
                    "tensor `{name}` is {:?} {:?}, not {wanted} values of F32",
                    view.dtype(),
                    view.shape()
                ))
                .file(path));
            }
            *tensor = view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect();
        }
        if let Some(name) = weights.not_finite(config) {
            return Err(Error::data(format!("tensor `{name}` holds a NaN or an infinity")).file(path));
        }
        Ok(weights)
    }
}
