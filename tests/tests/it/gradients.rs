//! The policy's mathematics stands in two places on purpose, candle in `pretrain` and plain loops in `online`. This
//! holds them to each other: logits, value, loss and every tensor's gradient.

use common::policy_artifact::{Encoder, NetworkConfig, Weights};
use common::rng::{ChaCha8Rng, RngExt, normal, stream};
use online::policy::{self, Context};
use pretrain::network::reference;

const ENCODERS: [Encoder; 5] = [
    Encoder::Mean,
    Encoder::History,
    Encoder::Gru,
    Encoder::Attention { layers: 1, heads: 1 },
    Encoder::Attention { layers: 2, heads: 2 },
];

/// A user's state, what is consumed there, the action and its return.
struct Case {
    context: Context,
    consumed: Vec<u32>,
    action: u32,
    target: f32,
}

/// Initial weights with noise on every tensor, so that no gradient is zero by symmetry.
fn weights(config: &NetworkConfig, seed: u64) -> Weights {
    let mut weights = Weights::init(config, seed);
    let mut rng = stream(seed, "noise", &[]);
    for tensor in weights.tensors_mut() {
        tensor.iter_mut().for_each(|w| *w += 0.1 * normal(&mut rng));
    }
    if config.encoder == Encoder::History {
        // Divisors are not below 0, and here not near it.
        let divisors = weights.encoder[2..].iter_mut().flatten();
        divisors.for_each(|w| *w = 0.2 + w.abs());
    }
    weights
}

fn case(config: &NetworkConfig, rng: &mut ChaCha8Rng, length: usize) -> Case {
    let items = config.items as u32;
    let history: Vec<(u32, f32)> = (0..length)
        .map(|_| {
            (
                rng.random_range(0..items),
                if rng.random::<bool>() { 1.0 } else { -1.0 },
            )
        })
        .collect();
    let mut consumed: Vec<u32> = history.iter().map(|(item, _)| *item).collect();
    consumed.sort_unstable();
    consumed.dedup();
    let action = (0..items).find(|item| !consumed.contains(item) && rng.random_range(0..3) == 0);
    let action = action
        .or_else(|| (0..items).find(|item| !consumed.contains(item)))
        .unwrap();
    // One of the states has a memory; the others' are made from their histories.
    let kept = if length == 3 { config.memory() } else { 0 };
    Case {
        context: Context {
            traits: (0..config.traits).map(|_| normal(rng)).collect(),
            history,
            memory: (0..kept).map(|_| normal(rng).abs()).collect(),
        },
        consumed,
        action,
        target: normal(rng),
    }
}

fn close(name: &str, ours: f32, theirs: f32, scale: f32) {
    assert!(
        (ours - theirs).abs() <= 2e-5 * (1.0 + scale),
        "{name}: plain loops {ours}, candle {theirs}"
    );
}

fn agree(config: &NetworkConfig, seed: u64) {
    let weights = weights(config, seed);
    let mut rng = stream(seed, "cases", &[]);
    let lengths = [0, 1, 3, config.window, config.window];
    let cases: Vec<Case> = lengths
        .iter()
        .map(|&length| case(config, &mut rng, length))
        .collect();

    let network = policy::Network::new(config.clone(), weights.clone());
    for case in &cases {
        let state = reference::State {
            history: &case.context.history,
            memory: &case.context.memory,
            traits: &case.context.traits,
        };
        let theirs = reference::forward(config, &weights, state).unwrap();
        let encoded = network.encode(&[&case.context]);
        let mut logits = vec![0.0; config.items];
        network.logits(&network.queries(&encoded), &mut logits);
        for (item, (ours, theirs)) in logits.iter().zip(&theirs.logits).enumerate() {
            close(&format!("logit {item}"), *ours, *theirs, theirs.abs());
        }
        close(
            "value",
            network.values(&encoded)[0],
            theirs.value,
            theirs.value.abs(),
        );
    }

    let (critic, entropy) = (0.5, 0.03);
    let contexts: Vec<Context> = cases.iter().map(|case| case.context.clone()).collect();
    let ours: Vec<policy::Transition> = cases
        .iter()
        .enumerate()
        .map(|(context, case)| policy::Transition {
            context,
            consumed: case.consumed.clone(),
            action: case.action,
            propensity: 1.0,
            target: case.target,
        })
        .collect();
    let theirs: Vec<reference::Transition> = cases
        .iter()
        .map(|case| reference::Transition {
            state: reference::State {
                history: &case.context.history,
                memory: &case.context.memory,
                traits: &case.context.traits,
            },
            consumed: &case.consumed,
            action: case.action,
            target: case.target,
        })
        .collect();
    let coefficients = policy::Coefficients {
        critic,
        entropy,
        off_policy: false,
    };
    let (our_loss, our_gradient) = policy::a2c_gradients(config, &weights, &contexts, &ours, &coefficients);
    let coefficients = reference::Coefficients {
        value: critic,
        entropy,
    };
    let (their_loss, their_gradient) =
        reference::a2c_gradient(config, &weights, &theirs, coefficients).unwrap();
    close("loss", our_loss.total, their_loss.loss, their_loss.loss.abs());
    close(
        "policy loss",
        our_loss.policy,
        their_loss.policy,
        their_loss.policy.abs(),
    );
    close(
        "value loss",
        our_loss.value,
        their_loss.value,
        their_loss.value.abs(),
    );
    close(
        "entropy",
        our_loss.entropy,
        their_loss.entropy,
        their_loss.entropy.abs(),
    );
    let of_encoder: Vec<String> = config
        .encoder_shapes()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for ((name, _), (ours, theirs)) in config
        .shapes()
        .into_iter()
        .zip(our_gradient.tensors().into_iter().zip(their_gradient.tensors()))
    {
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let largest = theirs.iter().fold(0.0f32, |most, g| most.max(g.abs()));
        // What reads the whole history is made in closed form and stays as it is.
        let fixed = config.encoder == Encoder::History && of_encoder.contains(&name);
        assert!(!fixed || largest == 0.0, "{name}");
        assert!(
            largest > 0.0 || config.traits == 0 || fixed,
            "{name}: the gradient is all zero, the case tests nothing"
        );
        for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            close(&format!("gradient of {name}[{at}]"), *ours, *theirs, largest);
        }
    }
}

#[test]
fn candle_and_plain_loops_agree_on_every_tensor() {
    for encoder in ENCODERS {
        for (seed, items) in [(1, 23), (2, 64), (3, 150)] {
            let config = NetworkConfig {
                items,
                dims: 8,
                hidden: 12,
                traits: 5,
                window: 10,
                encoder,
            };
            agree(&config, seed);
        }
    }
}

#[test]
fn they_agree_on_shapes_that_fill_no_vector_register() {
    for encoder in ENCODERS {
        let config = NetworkConfig {
            items: 37,
            dims: 7,
            hidden: 6,
            traits: 3,
            window: 4,
            encoder,
        };
        agree(&config, 4);
    }
}

#[test]
fn they_agree_on_a_long_window_and_wide_heads() {
    for encoder in ENCODERS {
        let config = NetworkConfig {
            items: 60,
            dims: 16,
            hidden: 40,
            traits: 3,
            window: 50,
            encoder,
        };
        agree(&config, 6);
    }
}

#[test]
fn they_agree_without_traits() {
    for encoder in ENCODERS {
        let config = NetworkConfig {
            items: 40,
            dims: 8,
            hidden: 8,
            traits: 0,
            window: 10,
            encoder,
        };
        agree(&config, 5);
    }
}
