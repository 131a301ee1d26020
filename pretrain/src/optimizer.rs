//! Adam, with its moments in plain sight.

use common::policy::adam::{Step, corrections};
use common::{Error, Result};

use crate::network::parameters::Parameters;
use crate::network::slab::Slab;

/// Added to the root of the second moment.
const EPSILON: f32 = 1e-8;
/// The gradient's Euclidean norm over all tensors is scaled down to this where it is larger.
const CLIP_NORM: f32 = 1.0;

/// A linear schedule: 1 at the first of `steps`, 1 / steps at the last; `step` counts from 1.
pub fn decay(step: u64, steps: u64) -> f32 {
    (1.0 - (step - 1) as f64 / steps as f64) as f32
}

/// Adam (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1) over all tensors of a network.
///
/// Of a table with a row an item the rows in the update's slab are moved, and no others (lazy Adam): a row's moments decay
/// when it is met, so that an update costs what it touches. Over a whole catalogue that is plain Adam.
pub struct Adam {
    clip_norm: f32,
    /// First moments, shaped as the weights.
    pub first: Vec<Vec<f32>>,
    /// Second moments, shaped as the weights.
    pub second: Vec<Vec<f32>>,
    /// Steps done.
    pub steps: u64,
}

impl Adam {
    /// Moments zero.
    pub fn new(parameters: &Parameters) -> Self {
        Adam {
            clip_norm: CLIP_NORM,
            first: parameters.zeros(),
            second: parameters.zeros(),
            steps: 0,
        }
    }

    /// Moves `parameters` against `gradient`, a tensor over the items of `slab` each (empty: no gradient, no move), with step
    /// size `learning_rate`.
    ///
    /// # Errors
    /// When the gradient is not finite (nothing has moved then), or a weight after the step (the parameters are spoilt then).
    pub(crate) fn step(
        &mut self,
        parameters: &mut Parameters,
        slab: &Slab,
        gradient: &[Vec<f32>],
        learning_rate: f32,
    ) -> Result<()> {
        let squares = |values: &Vec<f32>| values.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
        let norm = gradient.iter().map(squares).sum::<f64>().sqrt();
        if !norm.is_finite() {
            let broken = gradient
                .iter()
                .position(|values| values.iter().any(|g| !g.is_finite()));
            return Err(self.diverged("the gradient of", parameters, broken));
        }
        let scale = if norm > f64::from(self.clip_norm) {
            (f64::from(self.clip_norm) / norm) as f32
        } else {
            1.0
        };
        self.steps += 1;
        let (first, second) = corrections(i32::try_from(self.steps).unwrap_or(i32::MAX));
        let step = Step {
            scale,
            rate: (f64::from(learning_rate) / first) as f32,
            unbias: (1.0 / second) as f32,
            epsilon: EPSILON,
        };
        let apply = |w: &mut [f32], m: &mut [f32], v: &mut [f32], gradient: &[f32]| {
            step.apply(w, m, v, gradient);
            w.iter().fold(true, |all, w| all & w.is_finite())
        };
        let mut broken = None;
        for (at, gradient) in gradient.iter().enumerate() {
            let width = parameters.item_rows()[at];
            let (w, m, v) = (
                &mut parameters.values[at],
                &mut self.first[at],
                &mut self.second[at],
            );
            let finite = match (slab.items(), width) {
                _ if gradient.is_empty() => true,
                (Some(items), Some(width)) => {
                    items
                        .iter()
                        .zip(gradient.chunks_exact(width))
                        .fold(true, |all, (&item, g)| {
                            let row = item as usize * width..(item as usize + 1) * width;
                            all & apply(&mut w[row.clone()], &mut m[row.clone()], &mut v[row], g)
                        })
                }
                _ => apply(w, m, v, gradient),
            };
            if !finite {
                broken = broken.or(Some(at));
            }
        }
        match broken {
            None => Ok(()),
            Some(_) => Err(self.diverged("the tensor", parameters, broken)),
        }
    }

    fn diverged(&self, what: &str, parameters: &Parameters, at: Option<usize>) -> Error {
        let name = at.map_or("", |at| parameters.shapes()[at].0.as_str());
        Error::data(format!("training diverged: {what} `{name}` is no longer finite"))
            .at(format!("step {}", self.steps))
            .hint("lower --lr; the last good checkpoint is kept, and a run with the same flags would go on from it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::policy_artifact::{NetworkConfig, Weights};

    fn parameters() -> Parameters {
        let network = NetworkConfig {
            items: 3,
            dims: 1,
            hidden: 1,
            traits: 0,
            window: 1,
            ..NetworkConfig::default()
        };
        Parameters::new(&network, Weights::init(&network, 0), 0, 0)
    }

    fn adam(parameters: &Parameters, clip_norm: f32) -> Adam {
        Adam {
            clip_norm,
            ..Adam::new(parameters)
        }
    }

    /// A gradient of the item biases (tensor 1) alone.
    fn of_biases(parameters: &Parameters, values: &[f32]) -> Vec<Vec<f32>> {
        let mut gradient = vec![Vec::new(); parameters.values.len()];
        gradient[1] = values.to_vec();
        gradient
    }

    /// Two steps with gradients 0.5 and -0.2, by algorithm 1 of the paper.
    #[test]
    fn two_steps_by_hand() {
        let mut parameters = parameters();
        let before = parameters.clone();
        let mut adam = adam(&parameters, f32::INFINITY);
        let mut step = |adam: &mut Adam, g: f32| {
            let gradient = of_biases(&parameters, &[0.0, g, 0.0]);
            adam.step(&mut parameters, &Slab::Whole, &gradient, 0.1).unwrap();
            parameters.values[1][1]
        };
        let first = step(&mut adam, 0.5);
        assert!(
            (first + 0.1).abs() < 1e-6,
            "the first step has the size of the learning rate"
        );
        let second = step(&mut adam, -0.2);
        let m = 0.9 * 0.05 + 0.1 * -0.2_f64;
        let v = 0.999 * 0.00025 + 0.001 * 0.04_f64;
        let by = 0.1 * (m / 0.19) / ((v / (1.0 - 0.999 * 0.999)).sqrt() + 1e-8);
        assert!((f64::from(second) - (-0.1 - by)).abs() < 1e-6);
        assert!((f64::from(adam.first[1][1]) - m).abs() < 1e-7);
        assert!((f64::from(adam.second[1][1]) - v).abs() < 1e-7);
        assert_eq!((parameters.values[1][0], adam.steps), (0.0, 2));
        assert_eq!(parameters.values[0], before.values[0], "no gradient, no move");
    }

    /// A part of the catalogue moves as the whole would, and the rest stays.
    #[test]
    fn rows_of_a_slab_move_as_in_the_whole_and_no_others_do() {
        let (mut whole, mut part) = (parameters(), parameters());
        let before = whole.clone();
        let (mut of_whole, mut of_part) = (adam(&whole, 1.0), adam(&part, 1.0));
        let slab = Slab::part(vec![2], vec![0.0], [0].into_iter());
        for _ in 0..2 {
            let mut gradient = of_biases(&whole, &[3.0, 0.0, -1.0]);
            gradient[0] = vec![0.5, 0.0, 0.25];
            of_whole.step(&mut whole, &Slab::Whole, &gradient, 0.1).unwrap();
            let mut gradient = of_biases(&part, &[-1.0, 3.0]);
            gradient[0] = vec![0.25, 0.5];
            of_part.step(&mut part, &slab, &gradient, 0.1).unwrap();
        }
        assert_eq!(whole, part);
        assert_eq!(whole.values[0][1], before.values[0][1]);
        assert_ne!(whole.values[0][2], before.values[0][2]);
    }

    #[test]
    fn a_long_gradient_is_scaled_to_the_clip_norm() {
        let mut parameters = parameters();
        let mut adam = adam(&parameters, 1.0);
        let gradient = of_biases(&parameters, &[30.0, 40.0, 0.0]);
        adam.step(&mut parameters, &Slab::Whole, &gradient, 0.1).unwrap();
        let m = &adam.first[1];
        assert!((m[0] - 0.06).abs() < 1e-6 && (m[1] - 0.08).abs() < 1e-6, "{m:?}");
    }

    #[test]
    fn a_step_to_nan_or_infinity_is_refused() {
        let mut parameters = parameters();
        let mut adam = adam(&parameters, f32::INFINITY);
        parameters.values[1][0] = -f32::MAX;
        let before = parameters.clone();
        let says = |adam: &mut Adam, parameters: &mut Parameters, g: f32, rate: f32| {
            let gradient = of_biases(parameters, &[g, 0.0, 0.0]);
            adam.step(parameters, &Slab::Whole, &gradient, rate)
                .unwrap_err()
                .to_string()
        };
        let error = says(&mut adam, &mut parameters, f32::NAN, 0.1);
        assert!(
            error.contains("gradient of `item_bias`") && error.contains("--lr"),
            "{error}"
        );
        assert!(parameters == before && adam.steps == 0, "nothing has moved");
        let error = says(&mut adam, &mut parameters, 1.0, f32::MAX);
        assert!(error.contains("the tensor `item_bias`"), "{error}");
    }

    #[test]
    fn the_schedule_falls_from_one_to_almost_nothing() {
        assert_eq!([decay(1, 4), decay(2, 4), decay(4, 4)], [1.0, 0.75, 0.25]);
    }
}
