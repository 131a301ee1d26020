//! The encoder without an order: the mean of the last interactions.

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};

use super::matrix::{add, values};

/// `h = s + W m` with m the mean of the interactions, zeros where there is none; see
/// [`common::policy_artifact::Encoder::Mean`]. `inputs` `[T * B, I]` are time-major, row b has some at its last
/// `lengths[b]` steps alone; `weight` is `[H, I]`, `hidden` (s) and the result `[B, H]`.
pub(crate) fn encode(weight: &Tensor, inputs: &Tensor, lengths: &[usize], hidden: &Tensor) -> Result<Tensor> {
    let mean = inputs.contiguous()?.apply_op1(Mean {
        lengths: lengths.to_vec(),
    })?;
    mean.matmul(&weight.t()?)? + hidden
}

/// `[T * B, I]` to the means `[B, I]`, reading what is there and nothing of the padding.
struct Mean {
    lengths: Vec<usize>,
}

impl Mean {
    /// Which row of a batch each of `rows` rows belongs to and its share in the mean; None for padding.
    fn shares(&self, rows: usize) -> impl Iterator<Item = Option<(usize, f32)>> {
        let batch = self.lengths.len();
        let steps = rows / batch;
        (0..rows).map(move |row| {
            let length = self.lengths[row % batch];
            (row / batch + length >= steps).then(|| (row % batch, 1.0 / length as f32))
        })
    }
}

impl CustomOp1 for Mean {
    fn name(&self) -> &'static str {
        "mean-of-interactions"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = layout.shape().dims2()?;
        let inputs = values(storage, layout)?;
        let mut sums = vec![0.0; self.lengths.len() * width];
        for (input, share) in inputs.chunks_exact(width).zip(self.shares(rows)) {
            if let Some((row, _)) = share {
                add(&mut sums[row * width..(row + 1) * width], input);
            }
        }
        for (mean, &length) in sums.chunks_exact_mut(width).zip(&self.lengths) {
            mean.iter_mut().for_each(|sum| *sum /= length.max(1) as f32);
        }
        Ok((CpuStorage::F32(sums), Shape::from((self.lengths.len(), width))))
    }

    fn bwd(&self, inputs: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (rows, width) = inputs.dims2()?;
        let gradient: Vec<f32> = gradient.flatten_all()?.to_vec1()?;
        let mut by_inputs = vec![0.0; rows * width];
        for (by_input, share) in by_inputs.chunks_exact_mut(width).zip(self.shares(rows)) {
            if let Some((row, share)) = share {
                let by_mean = &gradient[row * width..(row + 1) * width];
                by_input.iter_mut().zip(by_mean).for_each(|(x, g)| *x = g * share);
            }
        }
        Tensor::from_vec(by_inputs, (rows, width), &Device::Cpu).map(Some)
    }
}
