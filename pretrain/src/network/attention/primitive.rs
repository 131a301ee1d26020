//! The encoder from primitive operations, one user after the other: the form that the fast one is held to.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::softmax;
use common::policy_artifact::NORM_EPSILON;

use super::Attention;

/// As [`super::encode`], without dropout.
pub(crate) fn encode(
    attention: &Attention,
    inputs: &Tensor,
    lengths: &[usize],
    hidden: &Tensor,
) -> Result<Tensor> {
    let batch = lengths.len();
    let [weight, bias, position, gain, shift] = &attention.tensors[..5] else {
        candle_core::bail!("self-attention has five tensors in front of its blocks")
    };
    let mut encoded = Vec::with_capacity(batch);
    for (user, &length) in lengths.iter().enumerate() {
        let mut tokens = hidden.narrow(0, user, 1)?;
        if length > 0 {
            let steps = inputs.dim(0)? / batch;
            let at = |step: usize| (step * batch + user) as u32;
            let rows: Vec<u32> = (steps - length..steps).map(at).collect();
            let newer: Vec<u32> = (0..length as u32).rev().collect();
            let interactions = inputs
                .index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?
                .matmul(&weight.t()?)?
                .broadcast_add(bias)?;
            let interactions =
                (interactions + position.index_select(&Tensor::new(newer, &Device::Cpu)?, 0)?)?;
            tokens = Tensor::cat(&[tokens, interactions], 0)?;
        }
        tokens = norm(&tokens, gain, shift)?;
        for tensors in attention.tensors[5..].chunks_exact(12) {
            tokens = block(tensors, attention.heads, &tokens)?;
        }
        encoded.push(tokens.narrow(0, length, 1)?);
    }
    Tensor::cat(&encoded, 0)
}

/// `tokens` `[n, H]` through one block.
fn block(tensors: &[Tensor], heads: usize, tokens: &Tensor) -> Result<Tensor> {
    let linear = |x: &Tensor, at: usize| x.matmul(&tensors[at].t()?)?.broadcast_add(&tensors[at + 1]);
    let (count, hidden) = tokens.dims2()?;
    let size = hidden / heads;
    let qkv = linear(tokens, 0)?;
    let hide = |at: usize| if at % count > at / count { -1e9 } else { 0.0_f32 };
    let mask: Vec<f32> = (0..count * count).map(hide).collect();
    let mask = Tensor::from_vec(mask, (count, count), &Device::Cpu)?;
    let mut attended = Vec::with_capacity(heads);
    for head in 0..heads {
        let part = |at: usize| qkv.narrow(1, at * hidden + head * size, size)?.contiguous();
        let scores = (part(0)?.matmul(&part(1)?.t()?)? / (size as f64).sqrt())?;
        attended.push(softmax(&(scores + &mask)?, 1)?.matmul(&part(2)?)?);
    }
    let out = linear(&Tensor::cat(&attended, 1)?, 2)?;
    let between = norm(&(tokens + out)?, &tensors[4], &tensors[5])?;
    let out = linear(&linear(&between, 6)?.relu()?, 8)?;
    norm(&(between + out)?, &tensors[10], &tensors[11])
}

fn norm(rows: &Tensor, gain: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let centred = rows.broadcast_sub(&rows.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let deviation = (variance + f64::from(NORM_EPSILON))?.sqrt()?;
    centred
        .broadcast_div(&deviation)?
        .broadcast_mul(gain)?
        .broadcast_add(bias)
}
