//! The GRU over a whole sequence as one differentiable operation ([`common::policy_artifact::Encoder::Gru`]).
//!
//! Autograd alone would spend it on hundreds of small tensors: here the gates are computed in one pass each way, and all
//! products that do not depend on the step before are one product for all steps.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};
use common::policy::linear::add_rows;

use super::exp::exp;
use super::matrix::values;

/// The last hidden state `[B, H]` after `inputs` `[T * B, I]` (time-major) from `hidden` `[B, H]`. Row b has inputs
/// at its last `lengths[b]` steps alone. `tensors` are the encoder's.
pub(crate) fn encode(
    tensors: &[Tensor],
    inputs: &Tensor,
    lengths: &[usize],
    hidden: &Tensor,
) -> Result<Tensor> {
    let (rows, width) = inputs.dims2()?;
    let (batch, size) = hidden.dims2()?;
    if rows == 0 {
        return Ok(hidden.clone());
    }
    let flat = tensors
        .iter()
        .map(Tensor::flatten_all)
        .collect::<Result<Vec<_>>>()?;
    let operation = GruSequence {
        steps: rows / batch,
        batch,
        width,
        size,
        lengths: lengths.to_vec(),
        saved: Mutex::new(Saved::default()),
    };
    inputs
        .contiguous()?
        .apply_op3(&Tensor::cat(&flat, 0)?, &hidden.contiguous()?, operation)
}

struct GruSequence {
    /// T
    steps: usize,
    /// B
    batch: usize,
    /// I
    width: usize,
    /// H
    size: usize,
    lengths: Vec<usize>,
    /// What the backward pass needs of the forward pass.
    saved: Mutex<Saved>,
}

/// Per step and row, H values each, time-major.
#[derive(Default)]
struct Saved {
    reset: Vec<f32>,
    update: Vec<f32>,
    proposal: Vec<f32>,
    /// W_hn h + b_hn
    recurrent: Vec<f32>,
    /// The hidden state before the step.
    before: Vec<f32>,
}

/// The parts of the flat weights.
struct Parts<'a> {
    weight_input: &'a [f32],
    weight_hidden: &'a [f32],
    bias_input: &'a [f32],
    bias_hidden: &'a [f32],
}

impl GruSequence {
    fn parts<'a>(&self, flat: &'a [f32]) -> Parts<'a> {
        let (weight_input, rest) = flat.split_at(3 * self.size * self.width);
        let (weight_hidden, rest) = rest.split_at(3 * self.size * self.size);
        let (bias_input, bias_hidden) = rest.split_at(3 * self.size);
        Parts {
            weight_input,
            weight_hidden,
            bias_input,
            bias_hidden,
        }
    }

    /// Whether row `row` has an input at step `step`.
    fn present(&self, step: usize, row: usize) -> bool {
        step + self.lengths[row] >= self.steps
    }
}

impl CustomOp3 for GruSequence {
    fn name(&self) -> &'static str {
        "gru-sequence"
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
        let (batch, size) = (self.batch, self.size);
        let parts = self.parts(values(weights, weights_layout)?);
        let from_input = {
            let inputs = matrix(values(inputs, inputs_layout)?, self.width)?;
            data(&inputs.matmul(&matrix(parts.weight_input, self.width)?.t()?)?)?
        };
        let weight_hidden = matrix(parts.weight_hidden, size)?.t()?.contiguous()?;
        let mut hidden = values(hidden, hidden_layout)?.to_vec();
        let total = self.steps * batch * size;
        let mut saved = Saved {
            reset: vec![0.0; total],
            update: vec![0.0; total],
            proposal: vec![0.0; total],
            recurrent: vec![0.0; total],
            before: vec![0.0; total],
        };
        for step in 0..self.steps {
            let from_hidden = data(&matrix(&hidden, size)?.matmul(&weight_hidden)?)?;
            saved.before[step * batch * size..(step + 1) * batch * size].copy_from_slice(&hidden);
            for (row, hidden) in hidden.chunks_exact_mut(size).enumerate() {
                if !self.present(step, row) {
                    continue;
                }
                let at = (step * batch + row) * size;
                let gates = Gates {
                    input: &from_input[3 * at..3 * (at + size)],
                    hidden: &from_hidden[3 * row * size..3 * (row + 1) * size],
                    bias_input: parts.bias_input,
                    bias_hidden: parts.bias_hidden,
                };
                let here = at..at + size;
                gates.apply(
                    &mut saved.reset[here.clone()],
                    &mut saved.update[here.clone()],
                    &mut saved.proposal[here.clone()],
                    &mut saved.recurrent[here],
                    hidden,
                );
            }
        }
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = saved;
        Ok((CpuStorage::F32(hidden), Shape::from((batch, size))))
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        weights: &Tensor,
        _hidden: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (batch, size) = (self.batch, self.size);
        let saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let flat = data(weights)?;
        let parts = self.parts(&flat);
        let weight_hidden = matrix(parts.weight_hidden, size)?;
        let mut by_hidden = data(gradient)?;
        // Gradients by the gates before their nonlinearity: the input's share and the hidden state's.
        let total = self.steps * batch * size;
        let (mut by_input_gates, mut by_hidden_gates) = (vec![0.0; 3 * total], vec![0.0; 3 * total]);
        for step in (0..self.steps).rev() {
            let here = 3 * step * batch * size..3 * (step + 1) * batch * size;
            for (row, by_hidden) in by_hidden.chunks_exact_mut(size).enumerate() {
                if !self.present(step, row) {
                    continue;
                }
                let at = (step * batch + row) * size;
                saved.backward(
                    at..at + size,
                    by_hidden,
                    &mut by_input_gates[3 * at..3 * (at + size)],
                    &mut by_hidden_gates[3 * at..3 * (at + size)],
                );
            }
            let through = data(&matrix(&by_hidden_gates[here], 3 * size)?.matmul(&weight_hidden)?)?;
            for (sum, value) in by_hidden.iter_mut().zip(through) {
                *sum += value;
            }
        }
        let bias_gradient = |gates: &[f32]| {
            let mut sum = vec![0.0; 3 * size];
            add_rows(&mut sum, gates);
            sum
        };
        let (bias_input, bias_hidden) = (bias_gradient(&by_input_gates), bias_gradient(&by_hidden_gates));
        let by_input_gates = matrix(&by_input_gates, 3 * size)?;
        let by_hidden_gates = matrix(&by_hidden_gates, 3 * size)?;
        let by_inputs = by_input_gates.matmul(&matrix(parts.weight_input, self.width)?)?;
        let by_weights = [
            data(&by_input_gates.t()?.matmul(&inputs.detach())?)?,
            data(&by_hidden_gates.t()?.matmul(&matrix(&saved.before, size)?)?)?,
            bias_input,
            bias_hidden,
        ];
        let by_weights = Tensor::from_vec(by_weights.concat(), flat.len(), &Device::Cpu)?;
        let by_hidden = Tensor::from_vec(by_hidden, (batch, size), &Device::Cpu)?;
        Ok((Some(by_inputs), Some(by_weights), Some(by_hidden)))
    }
}

/// One row at one step: the gates' sums before their biases, stacked r, z, n.
struct Gates<'a> {
    input: &'a [f32],
    hidden: &'a [f32],
    bias_input: &'a [f32],
    bias_hidden: &'a [f32],
}

impl Gates<'_> {
    fn apply(
        &self,
        reset: &mut [f32],
        update: &mut [f32],
        proposal: &mut [f32],
        recurrent: &mut [f32],
        hidden: &mut [f32],
    ) {
        let size = hidden.len();
        let [ir, iz, in_] = thirds(self.input, size);
        let [hr, hz, hn] = thirds(self.hidden, size);
        let [bir, biz, bin] = thirds(self.bias_input, size);
        let [bhr, bhz, bhn] = thirds(self.bias_hidden, size);
        for i in 0..size {
            let r = sigmoid(ir[i] + bir[i] + hr[i] + bhr[i]);
            let z = sigmoid(iz[i] + biz[i] + hz[i] + bhz[i]);
            let from_hidden = hn[i] + bhn[i];
            let n = tanh(in_[i] + bin[i] + r * from_hidden);
            (reset[i], update[i], proposal[i], recurrent[i]) = (r, z, n, from_hidden);
            hidden[i] = n + z * (hidden[i] - n);
        }
    }
}

impl Saved {
    /// One row at one step, backwards: turns the gradient by the hidden state after the step into that by the one
    /// before, its share through the gates' product left out.
    fn backward(
        &self,
        at: std::ops::Range<usize>,
        by_hidden: &mut [f32],
        by_input_gates: &mut [f32],
        by_hidden_gates: &mut [f32],
    ) {
        let size = by_hidden.len();
        let (reset, update, proposal) = (
            &self.reset[at.clone()],
            &self.update[at.clone()],
            &self.proposal[at.clone()],
        );
        let (recurrent, before) = (&self.recurrent[at.clone()], &self.before[at]);
        let [input_r, input_z, input_n] = thirds_mut(by_input_gates, size);
        let [hidden_r, hidden_z, hidden_n] = thirds_mut(by_hidden_gates, size);
        for i in 0..size {
            let (r, z, n, after) = (reset[i], update[i], proposal[i], by_hidden[i]);
            let by_n = after * (1.0 - z) * (1.0 - n * n);
            let by_z = after * (before[i] - n) * z * (1.0 - z);
            let by_r = by_n * recurrent[i] * r * (1.0 - r);
            (input_r[i], input_z[i], input_n[i]) = (by_r, by_z, by_n);
            (hidden_r[i], hidden_z[i], hidden_n[i]) = (by_r, by_z, by_n * r);
            by_hidden[i] = after * z;
        }
    }
}

/// The gates r, z, n of a stacked row: slices of one length, so that the loops over them need no bounds checks and
/// become vector code.
fn thirds(values: &[f32], size: usize) -> [&[f32]; 3] {
    let (first, rest) = values.split_at(size);
    let (second, third) = rest.split_at(size);
    [first, second, &third[..size]]
}

fn thirds_mut(values: &mut [f32], size: usize) -> [&mut [f32]; 3] {
    let (first, rest) = values.split_at_mut(size);
    let (second, third) = rest.split_at_mut(size);
    [first, second, &mut third[..size]]
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x))
}

fn matrix(values: &[f32], width: usize) -> Result<Tensor> {
    Tensor::from_slice(values, (values.len() / width, width), &Device::Cpu)
}

fn data(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn the_nonlinearities_agree_with_the_library() {
        for i in -2000..2000 {
            let x = i as f32 / 100.0;
            assert!((tanh(x) - x.tanh()).abs() < 3e-7, "tanh({x})");
            assert!(
                (sigmoid(x) - 1.0 / (1.0 + (-x).exp())).abs() < 2e-7,
                "sigmoid({x})"
            );
        }
        assert_eq!([tanh(1e9), tanh(-1e9), sigmoid(1e9)], [1.0, -1.0, 1.0]);
        assert!(sigmoid(-1e9) < 1e-37);
    }
}
