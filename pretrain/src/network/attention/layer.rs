//! Linear layers and layer norms over the flat weights.

use candle_core::{CpuStorage, Layout, Result};
use common::policy::linear::{add_bias, add_rows};

use super::norm::{self, Norm};
use super::parts::Pair;
use crate::network::matrix::{Matrix, Rows, add, values};

/// The flat weights as they are read.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    storage: &'a CpuStorage,
    /// Where they begin in the storage.
    offset: usize,
    pub(super) values: &'a [f32],
}

impl<'a> Weights<'a> {
    pub(super) fn new(storage: &'a CpuStorage, layout: &Layout) -> Result<Self> {
        Ok(Weights {
            storage,
            offset: layout.start_offset(),
            values: values(storage, layout)?,
        })
    }

    /// `input W' + b`, row by row.
    pub(super) fn linear(&self, pair: &Pair, input: &Rows) -> Result<Vec<f32>> {
        let mut out = input.view()?.times(self.matrix(pair).transposed())?;
        add_bias(&mut out, &self.values[pair.bias.clone()]);
        Ok(out)
    }

    /// Adds the gradients by weight and bias to `gradient` and returns that by the input.
    pub(super) fn linear_backward(
        &self,
        pair: &Pair,
        input: &Rows,
        upstream: &Rows,
        gradient: &mut [f32],
    ) -> Result<Vec<f32>> {
        let up = upstream.view()?;
        add(
            &mut gradient[pair.weight.clone()],
            &up.transposed().times(input.view()?)?,
        );
        add_rows(&mut gradient[pair.bias.clone()], upstream.values()?);
        up.times(self.matrix(pair))
    }

    pub(super) fn norm(&self, pair: &Pair, rows: Vec<f32>) -> (Vec<f32>, Norm) {
        norm::forward(
            rows,
            &self.values[pair.weight.clone()],
            &self.values[pair.bias.clone()],
        )
    }

    /// Adds the gradients by gain and bias to `gradient` and turns `upstream` into that by what was normed.
    pub(super) fn norm_backward(&self, pair: &Pair, norm: &Norm, upstream: &mut [f32], gradient: &mut [f32]) {
        let (by_gain, by_bias) = gradient[pair.weight.start..pair.bias.end].split_at_mut(pair.weight.len());
        norm.backward(upstream, &self.values[pair.weight.clone()], by_gain, by_bias);
    }

    /// `[outputs, inputs]`
    fn matrix(&self, pair: &Pair) -> Matrix<'_> {
        let outputs = pair.bias.len();
        let inputs = pair.weight.len() / outputs;
        Matrix::new(self.storage, self.offset + pair.weight.start, outputs, inputs)
    }
}
