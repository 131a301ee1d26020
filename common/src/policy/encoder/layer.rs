//! A linear layer over rows of one of the encoder's tensors, with the bias that stands after it.

use std::ops::Range;

use crate::policy_artifact::Weights;

use super::super::linear::{self, Packed};

/// Where the layer's weights stand.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Which of the encoder's tensors; the next one is the bias.
    pub(super) tensor: usize,
    /// Outputs: rows of that tensor.
    pub(super) rows: Range<usize>,
    /// Inputs.
    pub(super) columns: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Layer {
    place: Place,
    packed: Packed,
}

impl Layer {
    pub(super) fn new(weights: &Weights, place: Place) -> Self {
        Layer {
            packed: Packed::new(place.weight(weights), place.rows.len(), place.columns),
            place,
        }
    }

    pub(super) fn refresh(&mut self, weights: &Weights) {
        self.packed.refresh(self.place.weight(weights));
    }

    /// `W x + b` for each row x of `input`.
    pub(super) fn forward(&self, weights: &Weights, input: &[f32]) -> Vec<f32> {
        let Place {
            tensor,
            rows,
            columns,
        } = &self.place;
        let mut out = vec![0.0; input.len() / columns * rows.len()];
        self.packed.forward(input, &mut out);
        linear::add_bias(&mut out, &weights.encoder[tensor + 1][rows.clone()]);
        out
    }
}

impl Place {
    fn weight<'a>(&self, weights: &'a Weights) -> &'a [f32] {
        &weights.encoder[self.tensor][self.rows.start * self.columns..self.rows.end * self.columns]
    }

    /// Adds the gradients of weight and bias, and that at the input to `at_input`.
    pub(super) fn backward(
        &self,
        weights: &Weights,
        input: &[f32],
        upstream: &[f32],
        at_input: &mut [f32],
        gradient: &mut Weights,
    ) {
        let here = self.rows.start * self.columns..self.rows.end * self.columns;
        let weight = &mut gradient.encoder[self.tensor][here];
        linear::add_weight_gradient(weight, upstream, input, self.columns, 1.0);
        let bias = &mut gradient.encoder[self.tensor + 1][self.rows.clone()];
        linear::add_rows(bias, upstream);
        linear::add_input_gradient(at_input, upstream, self.weight(weights), self.columns, 1.0);
    }
}
