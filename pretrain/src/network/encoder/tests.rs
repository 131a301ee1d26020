//! Every encoder against finite differences; [`super::super::tests`] holds them to what a policy artifact means.

use candle_core::{Device, Var};
use common::policy_artifact::NetworkConfig;
use common::rng::{normal, stream};

use super::*;

const DIMS: usize = 4;

const ENCODERS: [Encoder; 5] = [
    Encoder::Mean,
    Encoder::Gru,
    Encoder::Attention { layers: 1, heads: 1 },
    Encoder::Attention { layers: 2, heads: 2 },
    Encoder::Attention { layers: 3, heads: 6 },
];

/// An encoder over random tensors and inputs, padding included.
struct Case {
    encoder: Encoder,
    lengths: Vec<usize>,
    /// The encoder's tensors, the inputs and the first states.
    variables: Vec<Var>,
    /// What the encoded states are multiplied with to get one number.
    probe: Tensor,
}

fn case(encoder: Encoder, hidden: usize, lengths: &[usize]) -> Case {
    let steps = lengths.iter().copied().max().unwrap_or(0);
    let config = NetworkConfig {
        items: 1,
        dims: DIMS,
        hidden,
        traits: 0,
        window: steps.max(1),
        encoder,
    };
    let variable = |name: &str, shape: &[usize]| {
        let mut rng = stream(5, name, &[]);
        let count: usize = shape.iter().product();
        let gain = if name.ends_with("_gain") { 1.0 } else { 0.0 };
        let deviation = match shape {
            [_, fan_in] => (*fan_in as f32).sqrt().recip(),
            _ => 0.4,
        };
        let values = (0..count).map(|_| gain + deviation * normal(&mut rng)).collect();
        Var::from_vec(values, shape, &Device::Cpu).unwrap()
    };
    let mut variables: Vec<Var> = config
        .encoder_shapes()
        .iter()
        .map(|(name, shape)| variable(name, shape))
        .collect();
    variables.push(variable("inputs", &[steps * lengths.len(), DIMS + 1]));
    variables.push(variable("hidden", &[lengths.len(), hidden]));
    Case {
        encoder,
        lengths: lengths.to_vec(),
        variables,
        probe: variable("probe", &[lengths.len(), hidden]).into_inner(),
    }
}

impl Case {
    fn run(&self, tensors: &[Tensor], dropout: Option<&mut Dropout>) -> Tensor {
        let [own @ .., inputs, hidden] = tensors else {
            unreachable!()
        };
        let sequences = Sequences {
            inputs,
            lengths: &self.lengths,
            hidden,
        };
        encode(self.encoder, own, &sequences, dropout).unwrap()
    }

    fn tensors(&self) -> Vec<Tensor> {
        self.variables
            .iter()
            .map(|variable| variable.as_tensor().clone())
            .collect()
    }

    /// The encoded states, and the gradient of their product with the probe by each variable.
    fn gradients(&self, dropout: Option<&mut Dropout>) -> (Vec<f32>, Vec<Vec<f32>>) {
        let out = self.run(&self.tensors(), dropout);
        let store = (&out * &self.probe)
            .unwrap()
            .sum_all()
            .unwrap()
            .backward()
            .unwrap();
        let gradient = |variable: &Var| match store.get(variable) {
            Some(gradient) => data(gradient),
            None => vec![0.0; variable.elem_count()],
        };
        (data(&out), self.variables.iter().map(gradient).collect())
    }
}

fn data(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn close(ours: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
    for (at, (o, e)) in ours.iter().zip(expected).enumerate() {
        assert!((o - e).abs() <= tolerance * largest, "{what} [{at}]: {o} {e}");
    }
}

/// Differences to both sides in every number of every tensor, the dropout's stream begun anew each time. The gradient
/// lies between the two: they are the same but for rounding, and differ where a rectifier's kink lies within the step.
#[test]
fn gradients_are_finite_differences_with_and_without_dropout() {
    const STEP: f32 = 4e-3;
    let dropout = |rate| Dropout::new(rate, stream(1, "dropout", &[]));
    for &encoder in &ENCODERS[..4] {
        for rate in [0.0, 0.3] {
            let case = case(encoder, 4, &[3, 0, 2]);
            let (_, gradients) = case.gradients(Some(&mut dropout(rate)));
            let probe = data(&case.probe);
            for (at, gradient) in gradients.iter().enumerate() {
                let values = data(&case.variables[at]);
                let shape = case.variables[at].shape();
                let product = |values: &[f32]| {
                    let mut tensors = case.tensors();
                    tensors[at] = Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
                    let out = data(&case.run(&tensors, Some(&mut dropout(rate))));
                    let products = out.iter().zip(&probe).map(|(o, p)| f64::from(*o) * f64::from(*p));
                    products.sum::<f64>()
                };
                let here = product(&values);
                for i in 0..values.len() {
                    let moved = |by: f32| {
                        let mut values = values.clone();
                        values[i] += by;
                        product(&values)
                    };
                    let slopes = [STEP, -STEP].map(|step| (moved(step) - here) / f64::from(step));
                    let ours = f64::from(gradient[i]);
                    let tolerance = 1e-2 * (1.0 + ours.abs());
                    assert!(
                        slopes.iter().any(|slope| ours < slope + tolerance)
                            && slopes.iter().any(|slope| ours > slope - tolerance),
                        "{encoder:?}, dropout {rate}, tensor {at} [{i}]: {slopes:?} {ours}"
                    );
                }
            }
        }
    }
}

#[test]
fn padding_changes_nothing_and_gets_no_gradient() {
    let lengths = [4, 1, 0, 3];
    for encoder in ENCODERS {
        let mut case = case(encoder, 6, &lengths);
        let before = case.gradients(None);
        let at = case.variables.len() - 2;
        let mut inputs = data(&case.variables[at]);
        let rows = inputs.chunks_exact_mut(DIMS + 1).enumerate();
        for (row, values) in rows.filter(|(row, _)| row / 4 + lengths[row % 4] < 4) {
            values.fill(1e3);
            assert_eq!(before.1[at][row * (DIMS + 1)..][..DIMS + 1], [0.0; DIMS + 1]);
        }
        case.variables[at] = Var::from_vec(inputs, (16, DIMS + 1), &Device::Cpu).unwrap();
        assert!(case.gradients(None) == before, "{encoder:?}");
    }
}

#[test]
fn a_user_does_not_depend_on_the_others() {
    for encoder in ENCODERS {
        let all = case(encoder, 6, &[4, 1, 0, 3]);
        let together = data(&all.run(&all.tensors(), None));
        for (user, &length) in all.lengths.iter().enumerate() {
            let mut alone = case(encoder, 6, &[length]);
            let mut tensors = all.tensors();
            let count = tensors.len();
            let rows: Vec<u32> = (4 - length..4).map(|step| (step * 4 + user) as u32).collect();
            let rows = Tensor::new(rows, &Device::Cpu).unwrap();
            tensors[count - 2] = tensors[count - 2].index_select(&rows, 0).unwrap();
            tensors[count - 1] = tensors[count - 1].narrow(0, user, 1).unwrap();
            alone.lengths = vec![length];
            let out = data(&alone.run(&tensors, None));
            close(
                &out,
                &together[user * 6..(user + 1) * 6],
                1e-5,
                &format!("{encoder:?}"),
            );
        }
    }
}

#[test]
fn users_without_any_interaction_are_read_from_their_profiles() {
    for encoder in ENCODERS {
        let case = case(encoder, 6, &[0, 0]);
        let encoded = data(&case.run(&case.tensors(), None));
        if matches!(encoder, Encoder::Attention { .. }) {
            assert!(encoded.iter().all(|x| x.is_finite()));
        } else {
            assert_eq!(encoded, data(&case.variables[case.variables.len() - 1]));
        }
    }
}

#[test]
fn heads_that_do_not_divide_the_units_are_refused() {
    let case = case(Encoder::Attention { layers: 1, heads: 4 }, 6, &[1]);
    let tensors = case.tensors();
    let [own @ .., inputs, hidden] = tensors.as_slice() else {
        unreachable!()
    };
    let sequences = Sequences {
        inputs,
        lengths: &case.lengths,
        hidden,
    };
    let error = encode(case.encoder, own, &sequences, None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("4 heads for 6 hidden units"), "{error}");
}

/// The result of two `torch.nn.TransformerEncoderLayer` (torch 2.15, double precision, causal mask) over tensors filled
/// with 0.5 sin(0.37 i + t), t the tensor's place in the order of the artifact, and 1 more for gains.
#[test]
fn self_attention_is_that_of_pytorch() {
    let config = NetworkConfig {
        items: 1,
        dims: 2,
        hidden: 4,
        traits: 0,
        window: 3,
        encoder: Encoder::Attention { layers: 2, heads: 2 },
    };
    let filled = |(t, (name, shape)): (usize, (String, Vec<usize>))| {
        let gain = if name.ends_with("_gain") { 1.0 } else { 0.0 };
        let value = |i: usize| (gain + 0.5 * (0.37 * i as f64 + t as f64).sin()) as f32;
        let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    };
    let tensors: Vec<Tensor> = config
        .encoder_shapes()
        .into_iter()
        .enumerate()
        .map(filled)
        .collect();
    let inputs: Vec<f32> = (0..9).map(|i| (0.7 * f64::from(i)).cos() as f32).collect();
    let sequences = Sequences {
        inputs: &Tensor::from_vec(inputs, (3, 3), &Device::Cpu).unwrap(),
        lengths: &[3],
        hidden: &Tensor::new(&[[0.1_f32, -0.2, 0.3, 0.4]], &Device::Cpu).unwrap(),
    };
    let expected = [0.973_092_6, 1.631_418_6, -0.617_846_86, -1.948_774_4];
    let ours = encode(config.encoder, &tensors, &sequences, None).unwrap();
    close(&data(&ours), &expected, 2e-6, "torch");
}
