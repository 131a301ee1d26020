//! The choice of the encoder: how a user's last interactions become one vector.

use candle_core::{Result, Tensor, bail};
use common::policy_artifact::Encoder;

use super::attention::{self, Attention};
use super::dropout::Dropout;
use super::{gru, mean};

/// What an encoder reads.
pub(crate) struct Sequences<'a> {
    /// `[T * B, D + 1]`: embedding and feedback, time-major, padded at the front so that all rows end at the last step.
    pub(crate) inputs: &'a Tensor,
    /// Each row's number of interactions.
    pub(crate) lengths: &'a [usize],
    /// `[B, H]`: the state before the first interaction.
    pub(crate) hidden: &'a Tensor,
}

/// Encoded states `[B, H]` by an encoder over its own `tensors`, in the order of
/// [`common::policy_artifact::NetworkConfig::encoder_shapes`]. With `dropout`, for training, a share of the inputs is
/// left out, and of what self-attention adds in its blocks.
pub(crate) fn encode(
    encoder: Encoder,
    tensors: &[Tensor],
    sequences: &Sequences,
    mut dropout: Option<&mut Dropout>,
) -> Result<Tensor> {
    let Sequences {
        inputs,
        lengths,
        hidden,
    } = sequences;
    let dropped = dropout
        .as_mut()
        .map(|dropout| dropout.apply(inputs))
        .transpose()?;
    let inputs = dropped.as_ref().unwrap_or(inputs);
    match encoder {
        Encoder::History => bail!("the whole-history encoder is made in closed form"),
        Encoder::Mean => mean::encode(&tensors[0], inputs, lengths, hidden),
        Encoder::Gru => gru::encode(tensors, inputs, lengths, hidden),
        Encoder::Attention { layers, heads } => {
            let attention = Attention {
                tensors,
                layers,
                heads,
            };
            attention::encode(&attention, inputs, lengths, hidden, dropout)
        }
    }
}

#[cfg(test)]
mod tests;
