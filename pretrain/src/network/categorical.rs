//! The distribution over items: a softmax over the logits of the items that are not consumed.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::exp;

/// The log-probability of an action and the entropy of its distribution, both differentiable.
///
/// One operation instead of a dozen primitive ones over `[B, N]`: it passes once over each row forward and once
/// backward, which is where most of a training step would go. `reference` composes the same from primitive
/// operations; a test holds the two to each other.
#[derive(Clone)]
pub(crate) struct Categorical {
    /// The item chosen in each row.
    pub(crate) actions: Arc<Vec<u32>>,
    /// The items masked out in each row.
    pub(crate) consumed: Arc<Vec<Vec<u32>>>,
}

impl Categorical {
    /// From `logits` `[B, N]` to `[B, 2]`: the log-probability of the row's action and the row's entropy in nats.
    pub(crate) fn apply(self, logits: &Tensor) -> Result<Tensor> {
        logits.contiguous()?.apply_op1(self)
    }

    fn rows<'a>(&self, storage: &'a CpuStorage, layout: &Layout) -> Result<(&'a [f32], usize)> {
        let CpuStorage::F32(values) = storage else {
            bail!("categorical: logits must be f32")
        };
        let Some((from, to)) = layout.contiguous_offsets() else {
            bail!("categorical: logits must be contiguous")
        };
        let (rows, width) = layout.shape().dims2()?;
        if rows != self.actions.len() || rows != self.consumed.len() {
            bail!(
                "categorical: {rows} rows, {} actions, {} masks",
                self.actions.len(),
                self.consumed.len()
            );
        }
        Ok((&values[from..to], width))
    }
}

impl CustomOp1 for Categorical {
    fn name(&self) -> &'static str {
        "categorical"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (values, width) = self.rows(storage, layout)?;
        let mut scratch = vec![0.0; width];
        let mut out = Vec::with_capacity(2 * self.actions.len());
        for ((logits, &action), consumed) in values
            .chunks_exact(width)
            .zip(&*self.actions)
            .zip(&*self.consumed)
        {
            let log_normaliser = softmax_into(logits, consumed, &mut scratch);
            let expected = expected_logit(&scratch, logits);
            out.push(logits[action as usize] - log_normaliser);
            out.push(log_normaliser - expected);
        }
        Ok((CpuStorage::F32(out), Shape::from((self.actions.len(), 2))))
    }

    /// With p the softmax, a the action, l the log-normaliser and H the entropy:
    /// d log p_a / d logit_i = [i = a] - p_i and dH / d logit_i = -p_i (logit_i - l + H).
    fn bwd(&self, logits: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (storage, layout) = logits.storage_and_layout();
        let candle_core::Storage::Cpu(storage) = &*storage else {
            bail!("categorical: only on the CPU")
        };
        let (values, width) = self.rows(storage, layout)?;
        let result = result.to_vec2::<f32>()?;
        let gradient = gradient.to_vec2::<f32>()?;
        let mut out = vec![0.0; values.len()];
        for (row, probabilities) in out.chunks_exact_mut(width).enumerate() {
            let logits = &values[row * width..(row + 1) * width];
            let log_normaliser = softmax_into(logits, &self.consumed[row], probabilities);
            let (by_log_probability, by_entropy) = (gradient[row][0], gradient[row][1]);
            let shift = log_normaliser - result[row][1];
            for (p, logit) in probabilities.iter_mut().zip(logits) {
                *p *= -by_log_probability - by_entropy * (logit - shift);
            }
            probabilities[self.actions[row] as usize] += by_log_probability;
        }
        Ok(Some(Tensor::from_vec(out, logits.shape(), logits.device())?))
    }
}

/// Writes the probabilities of one row into `probabilities` (0 for consumed items) and returns the logarithm of
/// the sum of the exponentials.
pub(crate) fn softmax_into(logits: &[f32], consumed: &[u32], probabilities: &mut [f32]) -> f32 {
    probabilities.copy_from_slice(logits);
    for &item in consumed {
        probabilities[item as usize] = f32::NEG_INFINITY;
    }
    let most = exp::max(probabilities);
    for p in probabilities.iter_mut() {
        *p = exp::exp(*p - most);
    }
    let total = exp::sum(probabilities);
    let scale = 1.0 / total;
    for p in probabilities.iter_mut() {
        *p *= scale;
    }
    most + total.ln()
}

/// Draws an item from `probabilities` with `uniform` in [0, 1).
pub(crate) fn draw(probabilities: &[f32], uniform: f32) -> u32 {
    let mut below = 0.0;
    let mut last = 0;
    for (item, &p) in probabilities.iter().enumerate() {
        if p > 0.0 {
            below += p;
            last = item;
            if uniform < below {
                break;
            }
        }
    }
    last as u32
}

fn expected_logit(probabilities: &[f32], logits: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0.0_f32; LANES];
    let (p_chunks, l_chunks) = (probabilities.chunks_exact(LANES), logits.chunks_exact(LANES));
    let rest: f32 = p_chunks
        .remainder()
        .iter()
        .zip(l_chunks.remainder())
        .map(|(p, l)| p * l)
        .sum();
    for (p, l) in p_chunks.zip(l_chunks) {
        for (lane, (p, l)) in lanes.iter_mut().zip(p.iter().zip(l)) {
            *lane += p * l;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    const WIDTH: usize = 37;

    fn logits(rows: usize) -> Var {
        let values: Vec<f32> = (0..rows * WIDTH).map(|i| (i as f32 * 1.3).sin() * 3.0).collect();
        Var::from_vec(values, (rows, WIDTH), &Device::Cpu).unwrap()
    }

    /// The same two numbers from primitive operations, with autograd.
    fn primitive(logits: &Tensor, actions: &[u32], consumed: &[Vec<u32>]) -> (Tensor, Tensor) {
        let mut mask = vec![0.0_f32; actions.len() * WIDTH];
        for (row, items) in consumed.iter().enumerate() {
            for &item in items {
                mask[row * WIDTH + item as usize] = -1e9;
            }
        }
        let mask = Tensor::from_vec(mask, (actions.len(), WIDTH), &Device::Cpu).unwrap();
        let log_p = candle_nn::ops::log_softmax(&(logits + mask).unwrap(), 1).unwrap();
        let index = Tensor::from_slice(actions, (actions.len(), 1), &Device::Cpu).unwrap();
        let chosen = log_p.gather(&index, 1).unwrap().squeeze(1).unwrap();
        let entropy = (log_p.exp().unwrap() * &log_p)
            .unwrap()
            .sum(1)
            .unwrap()
            .neg()
            .unwrap();
        (chosen, entropy)
    }

    #[test]
    fn agrees_with_primitive_operations_forward_and_backward() {
        let (actions, consumed) = (vec![3, 36, 0], vec![vec![], vec![0, 5, 35], vec![1]]);
        let weights = Tensor::new(&[[0.7_f32, -0.2], [-1.1, 0.4], [0.3, 0.0]], &Device::Cpu).unwrap();
        let variable = logits(3);
        let (chosen, entropy) = primitive(&variable, &actions, &consumed);
        let expected = Tensor::stack(&[chosen, entropy], 1).unwrap();
        let expected_gradient = (&expected * &weights)
            .unwrap()
            .sum_all()
            .unwrap()
            .backward()
            .unwrap();
        let op = Categorical {
            actions: Arc::new(actions),
            consumed: Arc::new(consumed),
        };
        let ours = op.apply(&variable).unwrap();
        let gradient = (&ours * &weights).unwrap().sum_all().unwrap().backward().unwrap();
        let pairs = [
            (&expected, &ours),
            (
                expected_gradient.get(&variable).unwrap(),
                gradient.get(&variable).unwrap(),
            ),
        ];
        for (expected, ours) in pairs {
            let (expected, ours) = (expected.to_vec2::<f32>().unwrap(), ours.to_vec2::<f32>().unwrap());
            for (e, o) in expected.iter().flatten().zip(ours.iter().flatten()) {
                assert!((e - o).abs() < 1e-5, "{e} {o}");
            }
        }
        assert_eq!(
            gradient.get(&variable).unwrap().to_vec2::<f32>().unwrap()[1][5],
            0.0,
            "masked: no gradient"
        );
    }

    #[test]
    fn draws_follow_the_probabilities_and_never_a_consumed_item() {
        let mut p = vec![0.0; 4];
        softmax_into(&[0.0, 9.0, 0.0, 0.0], &[1], &mut p);
        assert_eq!(p[1], 0.0);
        assert_eq!(
            [0.0, 0.3, 0.34, 0.99, 0.999_999_94].map(|u| draw(&p, u)),
            [0, 0, 2, 3, 3]
        );
    }
}
