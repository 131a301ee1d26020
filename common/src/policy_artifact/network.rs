//! The shapes of the policy network.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How what a user has done becomes one vector of H numbers. All but [`Encoder::History`] begin with
/// s = tanh(profile_weight p + profile_bias) of the user's standardised traits p, and read x_t = [item_embedding of item t ; feedback f_t] of the
/// interactions t, oldest first. Its tensors stand in [`super::Weights::encoder`] in the order given here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoder {
    /// h = s + mean_weight m, m the mean of the x_t (zeros where there is none). Tensors: `mean_weight` `[H, D + 1]`.
    Mean,
    /// h = GRU(x_1 .. x_T) from the state s, gates in the order r, z, n as in `torch.nn.GRU`. Tensors: `gru_w_ih`
    /// `[3H, D + 1]`, `gru_w_hh` `[3H, H]`, `gru_b_ih` `[3H]`, `gru_b_hh` `[3H]`.
    #[default]
    Gru,
    /// Causal self-attention, after SASRec (Kang and McAuley 2018, arXiv 1808.09781), read at the last place. The tokens
    /// are the profile, s, and after it input_weight x_t + input_bias + position_k, where k counts from the newest
    /// interaction (0) back; each goes through a layer norm, then through `layers` blocks, and h is the last token.
    ///
    /// A block: y = LN_1(z + out(attention(z))), z' = LN_2(y + w2 relu(w1 y + b1) + b2); attention has `heads` heads of
    /// H / heads numbers each (query, key and value in this order in `qkv`), scores divided by the root of that, and each
    /// token sees itself and those before it. Layer norms have epsilon 1e-5.
    ///
    /// Tensors: `input_weight` `[H, D + 1]`, `input_bias` `[H]`, `position` `[W, H]`, `norm_gain` `[H]`, `norm_bias` `[H]`,
    /// and for each block b `b_qkv_weight` `[3H, H]`, `b_qkv_bias` `[3H]`, `b_out_weight` `[H, H]`, `b_out_bias` `[H]`,
    /// `b_norm1_gain` `[H]`, `b_norm1_bias` `[H]`, `b_w1` `[4H, H]`, `b_b1` `[4H]`, `b_w2` `[H, 4H]`, `b_b2` `[H]`,
    /// `b_norm2_gain` `[H]`, `b_norm2_bias` `[H]`.
    Attention {
        /// Blocks.
        layers: usize,
        /// Heads of each block; H is a multiple.
        heads: usize,
    },
    /// The whole history as one vector, the memory, that an interaction moves in O(1): S, the sum of `like_vector` of every
    /// item the user liked and of `dislike_vector` of every item that the user had and did not like, beside the counts n+
    /// and n- of both. Its state has no tanh, and sums become means or directions as the divisors say:
    ///
    /// h_k = S_k / (constant_k + like_count_k n+ + dislike_count_k n- + norm_k |S|) + (profile_weight p + profile_bias)_k,
    /// |S|^2 the sum of norm_k S_k^2; a number whose divisor is not above 0 is 0.
    ///
    /// Tensors: `like_vector` `[N, H]`, `dislike_vector` `[N, H]`, and of `[H]` each `constant`, `like_count`,
    /// `dislike_count`, `norm`, none of them below 0.
    History,
}

/// Added to the variance in layer norms.
pub const NORM_EPSILON: f32 = 1e-5;

/// Shapes of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// N, items in the catalogue: the actions.
    pub items: usize,
    /// D, dimensions of an item embedding.
    pub dims: usize,
    /// H, hidden units of the encoder.
    pub hidden: usize,
    /// K, traits of a user's profile.
    pub traits: usize,
    /// W, most items a state holds.
    pub window: usize,
    /// How the state is read.
    #[serde(default)]
    pub encoder: Encoder,
}

/// Name and shape of a tensor.
pub type Shape = (String, Vec<usize>);

impl NetworkConfig {
    /// Refuses sizes of which no network can be made.
    ///
    /// # Errors
    /// A usage error that names the size.
    pub fn check(&self) -> Result<()> {
        let hidden = self.hidden;
        if self.dims == 0 || hidden == 0 {
            return Err(Error::usage(format!(
                "a network of {} dimensions and {hidden} hidden units: none may be 0",
                self.dims
            ))
            .hint("both are at least 1"));
        }
        match self.encoder {
            Encoder::Attention { layers: 0, .. } => {
                Err(Error::usage("self-attention without layers").hint("at least 1"))
            }
            Encoder::Attention { heads, .. } if heads == 0 || !hidden.is_multiple_of(heads) => {
                Err(Error::usage(format!("{heads} heads for {hidden} hidden units"))
                    .hint("the hidden units are divided among the heads: take a divisor"))
            }
            _ => Ok(()),
        }
    }

    /// Numbers in a user's memory: S, n+ and n- under [`Encoder::History`], none under the others.
    pub fn memory(&self) -> usize {
        match self.encoder {
            Encoder::History => self.hidden + 2,
            Encoder::Mean | Encoder::Gru | Encoder::Attention { .. } => 0,
        }
    }

    /// Name and shape of every tensor, in the order of [`super::Weights::tensors`].
    pub fn shapes(&self) -> Vec<Shape> {
        let (n, d, h) = (self.items, self.dims, self.hidden);
        let mut shapes = named(&[
            ("item_embedding", &[n, d]),
            ("item_bias", &[n]),
            ("profile_weight", &[h, self.traits]),
            ("profile_bias", &[h]),
        ]);
        shapes.extend(self.encoder_shapes());
        shapes.extend(named(&[
            ("query_weight", &[d, h]),
            ("query_bias", &[d]),
            ("log_temperature", &[1]),
            ("critic_w1", &[h, h]),
            ("critic_b1", &[h]),
            ("critic_w2", &[h]),
            ("critic_b2", &[1]),
        ]));
        shapes
    }

    /// Name and shape of the encoder's own tensors, in the order of [`super::Weights::encoder`].
    pub fn encoder_shapes(&self) -> Vec<Shape> {
        let (d, h) = (self.dims, self.hidden);
        match self.encoder {
            Encoder::Mean => named(&[("mean_weight", &[h, d + 1])]),
            Encoder::History => named(&[
                ("like_vector", &[self.items, h]),
                ("dislike_vector", &[self.items, h]),
                ("constant", &[h]),
                ("like_count", &[h]),
                ("dislike_count", &[h]),
                ("norm", &[h]),
            ]),
            Encoder::Gru => named(&[
                ("gru_w_ih", &[3 * h, d + 1]),
                ("gru_w_hh", &[3 * h, h]),
                ("gru_b_ih", &[3 * h]),
                ("gru_b_hh", &[3 * h]),
            ]),
            Encoder::Attention { layers, .. } => {
                let mut shapes = named(&[
                    ("input_weight", &[h, d + 1]),
                    ("input_bias", &[h]),
                    ("position", &[self.window, h]),
                    ("norm_gain", &[h]),
                    ("norm_bias", &[h]),
                ]);
                for block in 0..layers {
                    let of_block = named(&[
                        ("qkv_weight", &[3 * h, h]),
                        ("qkv_bias", &[3 * h]),
                        ("out_weight", &[h, h]),
                        ("out_bias", &[h]),
                        ("norm1_gain", &[h]),
                        ("norm1_bias", &[h]),
                        ("w1", &[4 * h, h]),
                        ("b1", &[4 * h]),
                        ("w2", &[h, 4 * h]),
                        ("b2", &[h]),
                        ("norm2_gain", &[h]),
                        ("norm2_bias", &[h]),
                    ]);
                    shapes.extend(
                        of_block
                            .into_iter()
                            .map(|(name, shape)| (format!("{block}_{name}"), shape)),
                    );
                }
                shapes
            }
        }
    }

    /// How many tensors the encoder has of its own.
    pub fn encoder_tensors(&self) -> usize {
        match self.encoder {
            Encoder::Mean => 1,
            Encoder::Gru => 4,
            Encoder::Attention { layers, .. } => 5 + 12 * layers,
            Encoder::History => 6,
        }
    }
}

fn named(shapes: &[(&str, &[usize])]) -> Vec<Shape> {
    shapes
        .iter()
        .map(|(name, shape)| ((*name).to_string(), shape.to_vec()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_which_no_network_can_be_made_are_refused() {
        let config = |hidden, encoder| NetworkConfig {
            items: 3,
            dims: 4,
            hidden,
            encoder,
            ..NetworkConfig::default()
        };
        let attention = |layers, heads| Encoder::Attention { layers, heads };
        for fine in [config(6, attention(1, 3)), config(1, Encoder::Mean)] {
            fine.check().unwrap();
        }
        for (bad, what) in [
            (config(0, Encoder::Gru), "0 hidden units"),
            (config(6, attention(0, 1)), "without layers"),
            (config(6, attention(1, 0)), "0 heads"),
            (config(6, attention(1, 4)), "4 heads for 6"),
        ] {
            let error = bad.check().unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
