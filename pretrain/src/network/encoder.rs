//! The choice of the encoder: how a user's last interactions become one vector.

use candle_core::{Device, Result, Tensor};
use common::policy_artifact::Encoder;

use super::attention::{self, Attention};
use super::dropout::Dropout;
use super::gru::Gru;
use super::{gru_sequence, mean};

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
        Encoder::History => Err(no_sequence()),
        Encoder::Mean => mean::encode(&tensors[0], inputs, lengths, hidden),
        Encoder::Gru if inputs.elem_count() == 0 => Ok((*hidden).clone()),
        Encoder::Gru => gru_sequence::encode(&gru(tensors), inputs, lengths, hidden),
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

/// The same from primitive operations alone, without dropout.
pub(crate) fn encode_primitive(
    encoder: Encoder,
    tensors: &[Tensor],
    sequences: &Sequences,
) -> Result<Tensor> {
    let Sequences {
        inputs,
        lengths,
        hidden,
    } = sequences;
    let (rows, width) = inputs.dims2()?;
    match encoder {
        Encoder::History => Err(no_sequence()),
        Encoder::Mean => mean::encode_primitive(&tensors[0], inputs, lengths, hidden),
        Encoder::Gru if rows == 0 => Ok((*hidden).clone()),
        Encoder::Gru => {
            let steps = rows / lengths.len();
            let mask = |step: usize| {
                let present = lengths
                    .iter()
                    .map(|length| if step + length >= steps { 1.0_f32 } else { 0.0 });
                Tensor::from_iter(present, &Device::Cpu)?.unsqueeze(1)
            };
            let present = (0..steps).map(mask).collect::<Result<Vec<_>>>()?;
            let inputs = inputs.reshape((steps, lengths.len(), width))?;
            gru(tensors).encode(&inputs, &present, (*hidden).clone())
        }
        Encoder::Attention { layers, heads } => {
            let attention = Attention {
                tensors,
                layers,
                heads,
            };
            attention::primitive::encode(&attention, inputs, lengths, hidden)
        }
    }
}

/// What reads the whole history reads memories ([`super::history`]).
fn no_sequence() -> candle_core::Error {
    candle_core::Error::Msg("the whole-history encoder reads no sequence".into())
}

fn gru(tensors: &[Tensor]) -> Gru<'_> {
    Gru {
        weight_input: &tensors[0],
        weight_hidden: &tensors[1],
        bias_input: &tensors[2],
        bias_hidden: &tensors[3],
    }
}

#[cfg(test)]
mod tests;
