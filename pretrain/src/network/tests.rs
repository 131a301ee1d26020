//! The heads and the loss as they are trained here, and as a policy artifact means them ([`common::policy`], which knows finite
//! differences): logits, value, loss and every tensor's gradient, that of the encoder's tensors too.

use common::policy::a2c::{self, Workspace};
use common::policy::{Network as Plain, Transition};
use common::policy_artifact::{Encoder, Weights};
use common::rng::{ChaCha8Rng, RngExt, normal, stream};

use super::categorical::Choices;
use super::loss::{Coefficients, Transitions};
use super::*;

const ENCODERS: [Encoder; 4] = [
    Encoder::Mean,
    Encoder::Gru,
    Encoder::Attention { layers: 1, heads: 1 },
    Encoder::Attention { layers: 2, heads: 2 },
];

/// A user's state, and of two steps from it what is consumed, the action and its return.
struct Case {
    traits: Vec<f32>,
    history: Vec<(u32, f32)>,
    steps: [(Vec<u32>, u32, f32); 2],
}

impl Case {
    fn new(config: &NetworkConfig, rng: &mut ChaCha8Rng, length: usize) -> Self {
        let items = config.items as u32;
        let feedback = |liked| if liked { 1.0 } else { -1.0 };
        let history: Vec<(u32, f32)> = (0..length)
            .map(|_| (rng.random_range(0..items), feedback(rng.random::<bool>())))
            .collect();
        let traits = (0..config.traits).map(|_| normal(rng)).collect();
        let steps = [0, 1].map(|more| {
            let mut consumed: Vec<u32> = history.iter().map(|(item, _)| *item).collect();
            consumed.extend((0..more).map(|_| rng.random_range(0..items)));
            consumed.sort_unstable();
            consumed.dedup();
            let open: Vec<u32> = (0..items).filter(|item| !consumed.contains(item)).collect();
            let action = open[rng.random_range(0..open.len())];
            (consumed, action, normal(rng))
        });
        Case {
            traits,
            history,
            steps,
        }
    }

    fn state(&self) -> State<'_> {
        State {
            history: &self.history,
            memory: &[],
            traits: &self.traits,
        }
    }
}

/// Initial weights with noise on every tensor, so that no gradient is zero by symmetry.
fn weights(config: &NetworkConfig, seed: u64) -> Weights {
    let mut weights = Weights::init(config, seed);
    let mut rng = stream(seed, "noise", &[]);
    for tensor in weights.tensors_mut() {
        tensor.iter_mut().for_each(|w| *w += 0.1 * normal(&mut rng));
    }
    weights
}

fn close(name: &str, ours: f32, meant: f32, scale: f32) {
    assert!(
        (ours - meant).abs() <= 2e-5 * (1.0 + scale.abs()),
        "{name}: {ours}, meant is {meant}"
    );
}

fn agree(config: &NetworkConfig, seed: u64, lengths: &[usize]) {
    let weights = weights(config, seed);
    let mut rng = stream(seed, "cases", &[]);
    let cases: Vec<Case> = lengths
        .iter()
        .map(|&length| Case::new(config, &mut rng, length))
        .collect();
    let states: Vec<State> = cases.iter().map(Case::state).collect();

    let meant = Plain::new(config.clone(), weights.clone());
    let forward = meant.forward(&states);
    let mut expected = vec![0.0; cases.len() * config.items];
    meant.logits(&meant.queries(&meant.encode(&states)), &mut expected);
    let parameters = Parameters::new(config, weights, 0, 0);
    let network = Network::trainable(&parameters, &Slab::Whole).unwrap();
    let encoded = network.encode(&states).unwrap();
    let logits = network.logits(&encoded).unwrap().flatten_all().unwrap();
    let all = |ours: Tensor, expected: &[f32], name: &str| {
        let ours = ours.to_vec1::<f32>().unwrap();
        assert_eq!(ours.len(), expected.len());
        for (at, (ours, meant)) in ours.iter().zip(expected).enumerate() {
            close(&format!("{name} {at}"), *ours, *meant, *meant);
        }
    };
    all(logits, &expected, "logit");
    all(network.values(&encoded).unwrap(), &forward.values, "value");

    let (mut steps, mut choices, mut returns) = (Vec::new(), Choices::default(), Vec::new());
    for (context, case) in cases.iter().enumerate() {
        for (consumed, action, target) in &case.steps {
            let row = context as u32;
            assert!(choices.push(&Slab::Whole, row, *action, consumed.iter().copied()));
            returns.push(*target);
            steps.push(Transition {
                context,
                consumed: consumed.clone(),
                action: *action,
                propensity: 1.0,
                target: *target,
            });
        }
    }
    let coefficients = a2c::Coefficients {
        critic: 0.5,
        entropy: 0.03,
        off_policy: false,
    };
    let mut workspace = Workspace::new(config);
    let expected = a2c::gradients(&meant, &forward, &steps, &coefficients, &mut workspace);
    let coefficients = Coefficients {
        value: 0.5,
        entropy: 0.03,
    };
    let transitions = Transitions {
        states,
        choices,
        returns,
    };
    let (loss, parts) = loss::a2c(&network, transitions, coefficients, steps.len()).unwrap();
    for (name, ours, meant) in [
        ("loss", parts.loss, expected.total),
        ("policy loss", parts.policy, expected.policy),
        ("value loss", parts.value, expected.value),
        ("entropy", parts.entropy, expected.entropy),
    ] {
        close(name, ours, meant, meant);
    }
    let gradient = network.gradient(&loss).unwrap();
    let expected = workspace.gradient.tensors();
    for ((ours, meant), (name, _)) in gradient.iter().zip(expected).zip(config.shapes()) {
        let largest = meant.iter().fold(0.0f32, |most, g| most.max(g.abs()));
        assert!(
            largest > 0.0 || config.traits == 0,
            "{name}: the gradient is all zero, the case tests nothing"
        );
        if meant.is_empty() || ours.is_empty() {
            assert_eq!(largest, 0.0, "{name}");
            continue;
        }
        assert_eq!(ours.len(), meant.len(), "{name}");
        for (at, (ours, meant)) in ours.iter().zip(meant).enumerate() {
            close(&format!("gradient of {name}[{at}]"), *ours, *meant, largest);
        }
    }
}

fn config(items: usize, [dims, hidden, traits, window]: [usize; 4], encoder: Encoder) -> NetworkConfig {
    NetworkConfig {
        items,
        dims,
        hidden,
        traits,
        window,
        encoder,
    }
}

#[test]
fn training_agrees_with_what_the_artifact_means() {
    for encoder in ENCODERS {
        for (seed, items) in [(1, 23), (2, 64), (3, 150)] {
            agree(&config(items, [8, 12, 5, 10], encoder), seed, &[0, 1, 3, 10, 10]);
        }
    }
}

#[test]
fn also_on_shapes_that_fill_no_vector_register_and_without_traits() {
    for encoder in ENCODERS {
        agree(&config(37, [7, 6, 3, 4], encoder), 4, &[0, 1, 3, 4, 4]);
        agree(&config(40, [8, 8, 0, 10], encoder), 5, &[0, 1, 3, 10, 10]);
        agree(&config(40, [8, 8, 0, 10], encoder), 5, &[0, 0]);
    }
}
