//! Adam on one tensor with its own L2 penalty.

use rayon::prelude::*;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.99;
const EPSILON: f32 = 1e-8;
/// Values a parallel piece; elementwise, so that the cut does not change the result.
const PIECE: usize = 1 << 14;

/// A tensor, its gradient, and Adam's moments (Kingma and Ba, ICLR 2015, algorithm 1).
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) values: Vec<f32>,
    pub(super) gradient: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    l2: f32,
}

impl Tensor {
    pub(super) fn new(values: Vec<f32>, l2: f32) -> Self {
        let zeros = vec![0.0; values.len()];
        Tensor {
            gradient: zeros.clone(),
            first: zeros.clone(),
            second: zeros,
            values,
            l2,
        }
    }

    pub(super) fn zeros(len: usize, l2: f32) -> Self {
        Self::new(vec![0.0; len], l2)
    }

    /// One step, the `step`-th from 1, down the gradient of the loss plus l2/2 times the squared norm.
    pub(super) fn update(&mut self, learning_rate: f32, step: i32) {
        let (unbias1, unbias2) = (1.0 - BETA1.powi(step), 1.0 - BETA2.powi(step));
        let l2 = self.l2;
        self.values
            .par_chunks_mut(PIECE)
            .zip(self.gradient.par_chunks(PIECE))
            .zip(
                self.first
                    .par_chunks_mut(PIECE)
                    .zip(self.second.par_chunks_mut(PIECE)),
            )
            .for_each(|((values, gradients), (firsts, seconds))| {
                for (((value, gradient), first), second) in
                    values.iter_mut().zip(gradients).zip(firsts).zip(seconds)
                {
                    let gradient = gradient + l2 * *value;
                    *first = BETA1 * *first + (1.0 - BETA1) * gradient;
                    *second = BETA2 * *second + (1.0 - BETA2) * gradient * gradient;
                    *value -= learning_rate * (*first / unbias1) / ((*second / unbias2).sqrt() + EPSILON);
                }
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_minimum_of_a_penalised_parabola() {
        // Loss (x - 3)^2 / 2 with l2 = 0.5 has its minimum at 3 / 1.5.
        let mut x = Tensor::zeros(1, 0.5);
        for step in 1..2_000 {
            x.gradient[0] = x.values[0] - 3.0;
            x.update(0.05 / (1.0 + step as f32 / 50.0), step);
        }
        assert!((x.values[0] - 2.0).abs() < 1e-3, "{}", x.values[0]);
    }
}
