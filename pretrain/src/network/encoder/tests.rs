//! Every encoder on candle's tape against finite differences.

use common::rng::{normal, stream};

use super::super::parameters::Parameters;
use super::super::{Network, QUERY};
use super::*;

const ENCODERS: [Choice; 4] = [
    Choice::Mean,
    Choice::Gru,
    Choice::Attention { layers: 1, heads: 1 },
    Choice::Attention { layers: 2, heads: 2 },
];

/// Of users with three interactions, none, and two; the embeddings of other items get no gradient.
const HISTORIES: [&[(u32, f32)]; 3] = [&[(3, 1.0), (0, -1.0), (3, 1.0)], &[], &[(1, -1.0), (4, 1.0)]];
const TRAITS: [[f32; 2]; 3] = [[0.5, -1.0], [-0.3, 0.2], [1.2, 0.8]];

fn states() -> Vec<State<'static>> {
    let state = |(history, traits): (&&'static [(u32, f32)], &'static [f32; 2])| State {
        history,
        memory: &[],
        traits,
    };
    HISTORIES.iter().zip(&TRAITS).map(state).collect()
}

fn parameters(encoder: Choice) -> Parameters {
    let config = NetworkConfig {
        items: 6,
        dims: 4,
        hidden: 4,
        traits: 2,
        window: 3,
        encoder,
    };
    let mut weights = Weights::init(&config, 5);
    let mut rng = stream(5, "noise", &[]);
    for tensor in weights.tensors_mut() {
        tensor.iter_mut().for_each(|w| *w += 0.3 * normal(&mut rng));
    }
    Parameters::new(&config, weights, 0, 0)
}

/// The product of the encoded states with some numbers, and its gradient by every tensor.
fn product(parameters: &Parameters, rate: f32) -> (f64, Vec<Vec<f32>>) {
    let mut rng = stream(5, "probe", &[]);
    let probe: Vec<f32> = (0..12).map(|_| normal(&mut rng)).collect();
    let probe = Tensor::from_vec(probe, (3, 4), &Device::Cpu).unwrap();
    let network = Network::trainable(parameters, &Slab::Whole).unwrap();
    let mut dropout = Dropout::new(rate, stream(1, "dropout", &[]));
    let encoded = network.encode_training(&states(), Some(&mut dropout)).unwrap();
    let products = (encoded * probe).unwrap();
    let gradient = network.gradient(&products.sum_all().unwrap()).unwrap();
    let products: Vec<f32> = products.flatten_all().unwrap().to_vec1().unwrap();
    (products.into_iter().map(f64::from).sum(), gradient)
}

/// Differences to both sides in every number of every tensor, the dropout's stream begun anew each time. The gradient
/// lies between the two: they are the same but for rounding, and differ where a rectifier's kink lies within the step.
#[test]
fn gradients_are_finite_differences_with_and_without_dropout() {
    const STEP: f32 = 4e-3;
    for encoder in ENCODERS {
        let parameters = parameters(encoder);
        for rate in [0.0, 0.3] {
            let (here, gradient) = product(&parameters, rate);
            let tensors = [0]
                .into_iter()
                .chain(QUERY..4 + parameters.config().encoder_tensors());
            for at in tensors {
                assert_eq!(gradient[at].len(), parameters.values[at].len());
                assert!(gradient[at].iter().any(|g| g.abs() > 1e-3), "tensor {at}");
                for (i, &ours) in gradient[at].iter().enumerate() {
                    let moved = |by: f32| {
                        let mut parameters = parameters.clone();
                        parameters.values[at][i] += by;
                        product(&parameters, rate).0
                    };
                    let slopes = [STEP, -STEP].map(|step| (moved(step) - here) / f64::from(step));
                    let ours = f64::from(ours);
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
fn what_is_left_out_follows_the_stream() {
    for encoder in ENCODERS {
        let parameters = parameters(encoder);
        assert_eq!(product(&parameters, 0.3), product(&parameters, 0.3));
        assert_ne!(product(&parameters, 0.3).0, product(&parameters, 0.0).0);
    }
}

#[test]
fn a_detached_network_encodes_the_same_and_gives_no_gradient() {
    let parameters = parameters(Choice::Gru);
    let network = Network::trainable(&parameters, &Slab::Whole).unwrap();
    let detached = network.detached().encode(&states()).unwrap();
    let encoded = network.encode(&states()).unwrap();
    assert_eq!(
        encoded.to_vec2::<f32>().unwrap(),
        detached.to_vec2::<f32>().unwrap()
    );
    let gradient = network.gradient(&detached.sum_all().unwrap()).unwrap();
    assert_eq!(gradient, vec![Vec::<f32>::new(); parameters.values.len()]);
}

#[test]
fn the_whole_history_is_not_trained() {
    let Err(error) = Network::trainable(&parameters(Choice::History), &Slab::Whole) else {
        unreachable!()
    };
    assert!(error.to_string().contains("closed form"), "{error}");
}
