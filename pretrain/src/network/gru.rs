//! The encoder: a gated recurrent unit over the user's last interactions, oldest first.

use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid;

/// A GRU in PyTorch's convention: gates stacked in the order r, z, n and
///
/// ```text
/// r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
/// z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
/// n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
/// h' = (1 - z) * n + z * h
/// ```
///
/// Source: Cho et al. 2014 (arXiv 1406.1078) in the form of `torch.nn.GRU`.
pub(crate) struct Gru<'a> {
    /// `[3H, I]`
    pub(crate) weight_input: &'a Tensor,
    /// `[3H, H]`
    pub(crate) weight_hidden: &'a Tensor,
    /// `[3H]`
    pub(crate) bias_input: &'a Tensor,
    /// `[3H]`
    pub(crate) bias_hidden: &'a Tensor,
}

impl Gru<'_> {
    /// The last hidden state `[B, H]` after `inputs` `[T, B, I]` from `hidden` `[B, H]`.
    ///
    /// `present[t]` is `[B, 1]` with 1 where row b has an input at time t and 0 where its hidden state stays as
    /// it is. Shorter histories are padded at the front.
    pub(crate) fn encode(&self, inputs: &Tensor, present: &[Tensor], hidden: Tensor) -> Result<Tensor> {
        let (steps, batch, width) = inputs.dims3()?;
        let size = hidden.dim(1)?;
        // The input's share of the gates has no recurrence: one product for all times.
        let from_input = inputs
            .reshape((steps * batch, width))?
            .matmul(&self.weight_input.t()?)?
            .broadcast_add(self.bias_input)?
            .reshape((steps, batch, 3 * size))?;
        let weight_hidden = self.weight_hidden.t()?;
        let mut hidden = hidden;
        for (t, mask) in present.iter().enumerate() {
            let input = from_input.get(t)?;
            let recurrent = hidden.matmul(&weight_hidden)?.broadcast_add(self.bias_hidden)?;
            let gates = sigmoid(&(input.narrow(1, 0, 2 * size)? + recurrent.narrow(1, 0, 2 * size)?)?)?;
            let reset = gates.narrow(1, 0, size)?;
            let update = gates.narrow(1, size, size)?;
            let proposal = (input.narrow(1, 2 * size, size)?
                + (reset * recurrent.narrow(1, 2 * size, size)?)?)?
            .tanh()?;
            let change = ((&hidden - &proposal)? * update)?;
            let next = (proposal + change)?;
            hidden = (&hidden + (next - &hidden)?.broadcast_mul(mask)?)?;
        }
        Ok(hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
        Tensor::from_slice(values, shape, &Device::Cpu).unwrap()
    }

    /// H = 1, I = 1 by hand: gates r, z, n have input weights 1, 2, 3, hidden weights 4, 5, 6 and biases
    /// 0.1, 0.2, 0.3 (input) and 0.4, 0.5, 0.6 (hidden). In this order and with b_hn inside the reset gate's
    /// product it is PyTorch's GRU and not one of the others.
    #[test]
    fn one_step_by_hand_in_the_order_of_pytorch() {
        let gru = Gru {
            weight_input: &tensor(&[1.0, 2.0, 3.0], &[3, 1]),
            weight_hidden: &tensor(&[4.0, 5.0, 6.0], &[3, 1]),
            bias_input: &tensor(&[0.1, 0.2, 0.3], &[3]),
            bias_hidden: &tensor(&[0.4, 0.5, 0.6], &[3]),
        };
        let (x, h) = (0.2_f32, -0.3_f32);
        let logistic = |v: f32| 1.0 / (1.0 + (-v).exp());
        let r = logistic(x + 0.1 + 4.0 * h + 0.4);
        let z = logistic(2.0 * x + 0.2 + 5.0 * h + 0.5);
        let n = (3.0 * x + 0.3 + r * (6.0 * h + 0.6)).tanh();
        let by_hand = (1.0 - z) * n + z * h;
        let encoded = gru
            .encode(
                &tensor(&[x], &[1, 1, 1]),
                &[tensor(&[1.0], &[1, 1])],
                tensor(&[h], &[1, 1]),
            )
            .unwrap();
        let encoded = encoded.to_vec2::<f32>().unwrap()[0][0];
        assert!((encoded - by_hand).abs() < 1e-6, "{encoded} {by_hand}");
    }

    #[test]
    fn padding_in_front_changes_nothing() {
        let values: Vec<f32> = (0..24).map(|i| (i as f32 * 0.7).sin() * 0.5).collect();
        let gru = Gru {
            weight_input: &tensor(&values[..12], &[6, 2]),
            weight_hidden: &tensor(&values[4..16], &[6, 2]),
            bias_input: &tensor(&values[..6], &[6]),
            bias_hidden: &tensor(&values[9..15], &[6]),
        };
        let start = tensor(&[0.1, -0.2], &[1, 2]);
        let (absent, present) = (tensor(&[0.0], &[1, 1]), tensor(&[1.0], &[1, 1]));
        let short = gru
            .encode(
                &tensor(&[0.3, 0.4], &[1, 1, 2]),
                std::slice::from_ref(&present),
                start.clone(),
            )
            .unwrap();
        let padded = gru
            .encode(
                &tensor(&[9.0, 9.0, 0.3, 0.4], &[2, 1, 2]),
                &[absent, present],
                start,
            )
            .unwrap();
        assert_eq!(short.to_vec2::<f32>().unwrap(), padded.to_vec2::<f32>().unwrap());
    }
}
