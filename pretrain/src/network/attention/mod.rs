//! Self-attention over a user's last interactions as one differentiable operation.
//!
//! Autograd would spend it on padded tensors and a gradient beside each of them. Here the users' tokens stand one after the other without padding, a few hundred at a time, so that what a
//! block makes of them is still in the cache for the next step; and of the last block only the last token of each user
//! is computed. A test holds the two to each other.

mod block;
mod heads;
mod layer;
mod norm;
mod parts;
mod product;
mod tokens;

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Storage, Tensor, bail};

use super::dropout::Dropout;
use super::matrix::values;
use block::{Block, Masks};
use heads::Heads;
use layer::Weights;
use parts::Sizes;
use tokens::{Given, Span, Tokens};

/// Tokens that are taken through all blocks together.
const TOKENS: usize = 512;

/// The encoder of [`common::policy_artifact::Encoder::Attention`].
pub(crate) struct Attention<'a> {
    /// In the order given there.
    pub(crate) tensors: &'a [Tensor],
    pub(crate) layers: usize,
    pub(crate) heads: usize,
}

/// The last tokens `[B, H]` of users with first states `hidden` `[B, H]` and `inputs` `[T * B, I]` (time-major). Row b
/// has inputs at its last `lengths[b]` steps alone; the rest is not read.
pub(crate) fn encode(
    attention: &Attention,
    inputs: &Tensor,
    lengths: &[usize],
    hidden: &Tensor,
    dropout: Option<&mut Dropout>,
) -> Result<Tensor> {
    let (rows, input) = inputs.dims2()?;
    let (batch, size) = hidden.dims2()?;
    let sizes = Sizes {
        input,
        hidden: size,
        window: attention.tensors[2].dim(0)?,
        layers: attention.layers,
        heads: attention.heads,
    };
    if sizes.layers == 0 || sizes.heads == 0 || size % sizes.heads != 0 {
        bail!(
            "{} blocks of {} heads for {size} hidden units",
            sizes.layers,
            sizes.heads
        )
    }
    if let Some(length) = lengths.iter().find(|&&length| length > sizes.window) {
        bail!("{length} interactions in a window of {}", sizes.window)
    }
    if batch == 0 {
        return Ok(hidden.clone());
    }
    let spans = spans(lengths);
    let tokens = spans.iter().map(Span::tokens).sum();
    let flat = attention
        .tensors
        .iter()
        .map(Tensor::flatten_all)
        .collect::<Result<Vec<_>>>()?;
    let operation = Operation {
        sizes,
        batch,
        steps: rows / batch,
        masks: dropout.map(|dropout| masks(dropout, &sizes, tokens, batch)),
        spans,
        saved: Mutex::new(Vec::new()),
    };
    inputs
        .contiguous()?
        .apply_op3(&Tensor::cat(&flat, 0)?, &hidden.contiguous()?, operation)
}

/// The users in order, cut into spans of about [`TOKENS`] tokens.
fn spans(lengths: &[usize]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (user, length) in lengths.iter().enumerate() {
        match spans.last_mut() {
            Some(span) if span.tokens() + length < TOKENS => span.starts.push(span.tokens() + length + 1),
            _ => spans.push(Span {
                first: user,
                starts: vec![0, length + 1],
            }),
        }
    }
    spans
}

/// Of each block the factors of its attention's output and of its feed-forward layers'.
type BlockMasks = [Vec<f32>; 2];

fn masks(dropout: &mut Dropout, sizes: &Sizes, tokens: usize, batch: usize) -> Vec<BlockMasks> {
    let of_block = |block| {
        let rows = if block + 1 == sizes.layers { batch } else { tokens };
        [
            dropout.mask(rows * sizes.hidden),
            dropout.mask(rows * sizes.hidden),
        ]
    };
    (0..sizes.layers).map(of_block).collect()
}

struct Operation {
    sizes: Sizes,
    /// B
    batch: usize,
    /// T
    steps: usize,
    spans: Vec<Span>,
    masks: Option<Vec<BlockMasks>>,
    /// What the backward pass needs of the forward pass, by span.
    saved: Mutex<Vec<(Tokens, Vec<Block>)>>,
}

impl Operation {
    fn heads<'a>(&self, span: &'a Span, block: usize) -> Heads<'a> {
        Heads {
            hidden: self.sizes.hidden,
            heads: self.sizes.heads,
            starts: &span.starts,
            last: block + 1 == self.sizes.layers,
        }
    }

    /// The factors of dropout for a span, which begins after `before` tokens.
    fn masks(&self, span: &Span, before: usize, block: usize) -> Option<Masks<'_>> {
        let [attention, forward] = self.masks.as_ref()?.get(block)?;
        let (first, count) = if block + 1 == self.sizes.layers {
            (span.first, span.users())
        } else {
            (before, span.tokens())
        };
        let here = first * self.sizes.hidden..(first + count) * self.sizes.hidden;
        Some(Masks {
            attention: &attention[here.clone()],
            forward: &forward[here],
        })
    }

    /// Each span with the number of tokens before it.
    fn spans(&self) -> impl Iterator<Item = (&Span, usize)> {
        self.spans.iter().scan(0, |before, span| {
            let here = *before;
            *before += span.tokens();
            Some((span, here))
        })
    }
}

impl CustomOp3 for Operation {
    fn name(&self) -> &'static str {
        "self-attention"
    }

    fn cpu_fwd(
        &self,
        inputs: &CpuStorage,
        inputs_layout: &Layout,
        weights: &CpuStorage,
        weights_layout: &Layout,
        hidden: &CpuStorage,
        hidden_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let weights = Weights::new(weights, weights_layout)?;
        let given = Given {
            inputs: values(inputs, inputs_layout)?,
            hidden: values(hidden, hidden_layout)?,
            batch: self.batch,
            steps: self.steps,
        };
        let mut encoded = Vec::with_capacity(given.hidden.len());
        let mut saved = Vec::with_capacity(self.spans.len());
        for (span, before) in self.spans() {
            let (mut rows, tokens) =
                tokens::forward(&self.sizes, &self.sizes.tokens(), weights, &given, span)?;
            let mut blocks = Vec::with_capacity(self.sizes.layers);
            for at in 0..self.sizes.layers {
                let (heads, masks) = (self.heads(span, at), self.masks(span, before, at));
                let parts = self.sizes.block(at);
                let (out, block) = block::forward(&parts, weights, &heads, rows, masks.as_ref())?;
                rows = out;
                blocks.push(block);
            }
            encoded.extend(rows);
            saved.push((tokens, blocks));
        }
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = saved;
        Ok((
            CpuStorage::F32(encoded),
            Shape::from((self.batch, self.sizes.hidden)),
        ))
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        weights: &Tensor,
        hidden: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (storage, layout) = weights.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            bail!("self-attention: CPU only")
        };
        let weights = Weights::new(storage, layout)?;
        let upstream: Vec<f32> = gradient.flatten_all()?.to_vec1()?;
        let size = self.sizes.hidden;
        let mut by_weights = vec![0.0; self.sizes.total()];
        let mut by_given = Given {
            inputs: vec![0.0; inputs.elem_count()],
            hidden: vec![0.0; hidden.elem_count()],
            batch: self.batch,
            steps: self.steps,
        };
        let saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        for ((span, before), (tokens, blocks)) in self.spans().zip(&*saved) {
            let mut rows = upstream[span.first * size..(span.first + span.users()) * size].to_vec();
            for (at, block) in blocks.iter().enumerate().rev() {
                let (heads, masks) = (self.heads(span, at), self.masks(span, before, at));
                let parts = self.sizes.block(at);
                rows = block.backward(&parts, weights, &heads, rows, masks.as_ref(), &mut by_weights)?;
            }
            let parts = self.sizes.tokens();
            let by_tokens = tokens::Upstream { span, rows };
            tokens.backward(
                &self.sizes,
                &parts,
                weights,
                by_tokens,
                &mut by_given,
                &mut by_weights,
            )?;
        }
        Ok((
            Some(Tensor::from_vec(by_given.inputs, inputs.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(by_weights, layout.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(by_given.hidden, hidden.shape(), &Device::Cpu)?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_the_users_in_order() {
        let lengths = [700, 3, 400, 107, 108, 0, 0];
        let starts: Vec<(usize, Vec<usize>)> = spans(&lengths)
            .into_iter()
            .map(|span| (span.first, span.starts))
            .collect();
        let expected = [
            (0, vec![0, 701]),
            (1, vec![0, 4, 405]),
            (3, vec![0, 108, 217, 218, 219]),
        ];
        assert_eq!(starts, expected);
    }
}
