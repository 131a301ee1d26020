//! The network's tensors: names, initialisation, and the safetensors file.

use std::path::Path;

use super::network::NetworkConfig;
use crate::Result;
use crate::rng::{RngExt, stream};
use crate::tensors::{self, Tensor, Tensors};

/// All tensors of the network, row-major f32. N items, D dims, H hidden, K traits.
///
/// With h the state as the [`super::Encoder`] reads it: q = query_weight h + query_bias;
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
    /// The encoder's own, as [`super::Encoder`] lists them.
    pub encoder: Vec<Vec<f32>>,
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
    pub fn tensors(&self) -> Vec<&Vec<f32>> {
        let before = [
            &self.item_embedding,
            &self.item_bias,
            &self.profile_weight,
            &self.profile_bias,
        ];
        let after = [
            &self.query_weight,
            &self.query_bias,
            &self.log_temperature,
            &self.critic_w1,
            &self.critic_b1,
            &self.critic_w2,
            &self.critic_b2,
        ];
        before.into_iter().chain(&self.encoder).chain(after).collect()
    }

    /// All tensors for writing, in the order of [`NetworkConfig::shapes`].
    pub fn tensors_mut(&mut self) -> Vec<&mut Vec<f32>> {
        let before = [
            &mut self.item_embedding,
            &mut self.item_bias,
            &mut self.profile_weight,
            &mut self.profile_bias,
        ];
        let after = [
            &mut self.query_weight,
            &mut self.query_bias,
            &mut self.log_temperature,
            &mut self.critic_w1,
            &mut self.critic_b1,
            &mut self.critic_w2,
            &mut self.critic_b2,
        ];
        before.into_iter().chain(&mut self.encoder).chain(after).collect()
    }

    /// Of `values`, one a tensor in the order of [`NetworkConfig::shapes`].
    pub fn from_tensors(config: &NetworkConfig, values: impl IntoIterator<Item = Vec<f32>>) -> Self {
        let mut weights = Weights {
            encoder: vec![Vec::new(); config.encoder_tensors()],
            ..Weights::default()
        };
        for (tensor, values) in weights.tensors_mut().into_iter().zip(values) {
            *tensor = values;
        }
        weights
    }

    /// All zeros: the start of a gradient or a moment.
    pub fn zeros(config: &NetworkConfig) -> Self {
        let zeros = |(_, shape): (String, Vec<usize>)| vec![0.0; shape.iter().product()];
        Self::from_tensors(config, config.shapes().into_iter().map(zeros))
    }

    /// Random weights: each matrix uniform in +-1/sqrt(fan-in) (the default of PyTorch's linear and GRU layers), item
    /// embeddings uniform with variance 1/D, positions with standard deviation 0.02, gains of norms 1; biases and the
    /// log-temperature zero, but a GRU's.
    pub fn init(config: &NetworkConfig, seed: u64) -> Self {
        let mut weights = Weights::zeros(config);
        let hidden = config.hidden as f32;
        for (tensor, (name, shape)) in weights.tensors_mut().into_iter().zip(config.shapes()) {
            let fan_in = shape.last().map_or(1, |&n| n.max(1)) as f32;
            let bound = match name.as_str() {
                "item_embedding" => (3.0 / config.dims as f32).sqrt(),
                "position" => 0.02 * 3.0_f32.sqrt(),
                "gru_w_ih" | "gru_b_ih" | "gru_b_hh" => hidden.sqrt().recip(),
                "critic_w2" => hidden.sqrt().recip(),
                name if name.ends_with("_gain") => {
                    tensor.fill(1.0);
                    continue;
                }
                _ if shape.len() == 2 => fan_in.sqrt().recip(),
                _ => continue,
            };
            let mut rng = stream(seed, &name, &[]);
            tensor.fill_with(|| (rng.random::<f32>() * 2.0 - 1.0) * bound);
        }
        weights
    }

    /// The first tensor that holds a NaN or an infinity.
    pub fn not_finite(&self, config: &NetworkConfig) -> Option<String> {
        let broken = self
            .tensors()
            .into_iter()
            .position(|tensor| tensor.iter().any(|w| !w.is_finite()))?;
        config.shapes().into_iter().nth(broken).map(|(name, _)| name)
    }

    pub(super) fn write(&self, path: &Path, config: &NetworkConfig) -> Result<()> {
        let shapes = config.shapes();
        // Shapes follow from the configuration, so that the file holds flat tensors.
        let tensors = shapes
            .iter()
            .zip(self.tensors())
            .map(|((name, _), values)| Tensor::row(name, values));
        tensors::write(path, &[], tensors.collect())
    }

    pub(super) fn read(path: &Path, config: &NetworkConfig) -> Result<Self> {
        let mut file = Tensors::open(path)?;
        let values = config
            .shapes()
            .into_iter()
            .map(|(name, shape)| file.numbers(&name, Some(shape.iter().product())))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self::from_tensors(config, values))
    }
}
