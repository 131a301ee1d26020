//! The network against small computations written out in double precision.

use crate::policy_artifact::{Encoder, NetworkConfig, Weights};
use crate::rng::{RngExt, stream};

use super::a2c::{Workspace, gradients};
use super::{Coefficients, Loss, Network, State, Transition};

struct Context {
    traits: Vec<f32>,
    history: Vec<(u32, f32)>,
}

fn state(context: &Context) -> State<'_> {
    State {
        history: &context.history,
        memory: &[],
        traits: &context.traits,
    }
}

fn states(contexts: &[Context]) -> Vec<State<'_>> {
    contexts.iter().map(state).collect()
}

fn a2c_gradients(
    config: &NetworkConfig,
    weights: &Weights,
    contexts: &[Context],
    transitions: &[Transition],
    coefficients: &Coefficients,
) -> (Loss, Weights) {
    let network = Network::new(config.clone(), weights.clone());
    let forward = network.forward(&states(contexts));
    let mut workspace = Workspace::new(config);
    let loss = gradients(&network, &forward, transitions, coefficients, &mut workspace);
    (loss, workspace.gradient)
}

const ENCODERS: [Encoder; 4] = [
    Encoder::Mean,
    Encoder::Gru,
    Encoder::Attention { layers: 1, heads: 1 },
    Encoder::Attention { layers: 2, heads: 2 },
];

fn random_weights(config: &NetworkConfig) -> Weights {
    let mut weights = Weights::zeros(config);
    let mut rng = stream(9, "weights", &[]);
    for (tensor, (name, _)) in weights.tensors_mut().into_iter().zip(config.shapes()) {
        let centre = if name.ends_with("_gain") { 1.0 } else { 0.0 };
        tensor.fill_with(|| centre + rng.random::<f32>() * 1.2 - 0.6);
    }
    weights
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[test]
fn one_unit_follows_the_equations() {
    let config = NetworkConfig {
        items: 2,
        dims: 1,
        hidden: 1,
        traits: 1,
        window: 10,
        encoder: Encoder::Gru,
    };
    let mut w = Weights::zeros(&config);
    w.item_embedding = vec![0.5, -1.0];
    w.item_bias = vec![0.1, -0.2];
    (w.profile_weight, w.profile_bias) = (vec![0.7], vec![0.2]);
    w.encoder[0] = vec![0.3, -0.4, 0.8, 0.6, -0.9, 0.25];
    w.encoder[1] = vec![0.45, -0.35, 0.55];
    (w.encoder[2], w.encoder[3]) = (vec![0.05, -0.15, 0.35], vec![0.12, 0.22, -0.32]);
    (w.query_weight, w.query_bias) = (vec![1.5], vec![-0.3]);
    w.log_temperature = vec![0.4];
    (w.critic_w1, w.critic_b1) = (vec![2.0], vec![0.1]);
    (w.critic_w2, w.critic_b2) = (vec![-0.7], vec![0.05]);

    let mut h = (0.7f64 * 0.9 + 0.2).tanh();
    for (e, f) in [(-1.0f64, 1.0f64), (0.5, -1.0)] {
        let r = sigmoid(0.3 * e - 0.4 * f + 0.05 + 0.45 * h + 0.12);
        let z = sigmoid(0.8 * e + 0.6 * f - 0.15 - 0.35 * h + 0.22);
        let n = (-0.9 * e + 0.25 * f + 0.35 + r * (0.55 * h - 0.32)).tanh();
        h = (1.0 - z) * n + z * h;
    }
    let q = 1.5 * h - 0.3;
    let logits = [0.4f64.exp() * 0.5 * q + 0.1, 0.4f64.exp() * -q - 0.2];
    let value = -0.7 * (2.0 * h + 0.1).max(0.0) + 0.05;

    let network = Network::new(config, w);
    let context = Context {
        traits: vec![0.9],
        history: vec![(1, 1.0), (0, -1.0)],
    };
    let forward = network.forward(&[state(&context)]);
    let mut out = vec![0.0; 2];
    network.logits(&network.queries(&network.encode(&[state(&context)])), &mut out);
    for (ours, truth) in out.iter().zip(logits) {
        assert!((f64::from(*ours) - truth).abs() < 1e-6, "{ours} {truth}");
    }
    assert!((f64::from(forward.values[0]) - value).abs() < 1e-6);
}

#[test]
fn a_context_does_not_depend_on_its_batch() {
    for encoder in ENCODERS {
        does_not_depend_on_its_batch(encoder);
    }
}

/// Many contexts of many lengths: more tokens than self-attention takes through its blocks at once.
fn many(encoder: Encoder) -> (Network, Vec<Context>) {
    let config = NetworkConfig {
        items: 50,
        dims: 6,
        hidden: 6,
        traits: 3,
        window: 70,
        encoder,
    };
    let network = Network::new(config.clone(), random_weights(&config));
    let contexts = (0..31usize).map(|c| Context {
        traits: vec![c as f32 / 31.0, -0.5, 0.25],
        history: (0..(c * 37) % 71)
            .map(|i| ((c * 7 + i) as u32 % 50, if i % 2 == 0 { 1.0 } else { -1.0 }))
            .collect(),
    });
    (network, contexts.collect())
}

fn does_not_depend_on_its_batch(encoder: Encoder) {
    let (network, contexts) = many(encoder);
    let together = network.encode(&states(&contexts));
    for (context, together) in contexts.iter().zip(together.chunks_exact(6)) {
        assert_eq!(network.encode(&[state(context)]), together);
    }
}

#[test]
fn the_gradient_of_many_contexts_is_the_sum_of_theirs() {
    for encoder in ENCODERS {
        let (network, contexts) = many(encoder);
        let gradient = |contexts: &[State], upstream: &[f32]| {
            let mut gradient = Weights::zeros(&network.config);
            let forward = network.forward(contexts);
            forward
                .tape
                .backward(&network.config, &network.weights, upstream, &mut gradient);
            gradient
        };
        let mut rng = stream(9, "upstream", &[]);
        let upstream: Vec<f32> = (0..6 * contexts.len())
            .map(|_| rng.random::<f32>() - 0.5)
            .collect();
        let together = gradient(&states(&contexts), &upstream);
        let mut sum = Weights::zeros(&network.config);
        for (context, upstream) in contexts.iter().zip(upstream.chunks_exact(6)) {
            let own = gradient(&[state(context)], upstream);
            for (sum, own) in sum.tensors_mut().into_iter().zip(own.tensors()) {
                sum.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            }
        }
        for (at, (together, sum)) in together.tensors().into_iter().zip(sum.tensors()).enumerate() {
            for (ours, sum) in together.iter().zip(sum) {
                let close = (ours - sum).abs() < 1e-4 * (1.0 + sum.abs());
                assert!(close, "{encoder:?}, tensor {at}: {ours} {sum}");
            }
        }
    }
}

/// The result of two `torch.nn.TransformerEncoderLayer` (torch 2.15, double precision, causal mask) over tensors filled
/// with 0.5 sin(0.37 i + t), t the tensor's place in the encoder's order, and 1 more for gains.
#[test]
fn self_attention_is_that_of_pytorch() {
    let config = NetworkConfig {
        items: 3,
        dims: 2,
        hidden: 4,
        traits: 0,
        window: 3,
        encoder: Encoder::Attention { layers: 2, heads: 2 },
    };
    let mut weights = Weights::zeros(&config);
    for (t, (name, _)) in config.encoder_shapes().iter().enumerate() {
        let gain = if name.ends_with("_gain") { 1.0 } else { 0.0 };
        for (i, value) in weights.encoder[t].iter_mut().enumerate() {
            *value = (gain + 0.5 * (0.37 * i as f64 + t as f64).sin()) as f32;
        }
    }
    weights.profile_bias = [0.1f64, -0.2, 0.3, 0.4].map(|s| s.atanh() as f32).to_vec();
    let input = |i: u32| (0.7 * f64::from(i)).cos() as f32;
    weights.item_embedding = [0, 1, 3, 4, 6, 7].map(input).to_vec();
    let context = Context {
        traits: Vec::new(),
        history: vec![(0, input(2)), (1, input(5)), (2, input(8))],
    };
    let encoded = Network::new(config, weights).encode(&[state(&context)]);
    let expected = [0.973_092_6, 1.631_418_6, -0.617_846_86, -1.948_774_4];
    for (ours, expected) in encoded.iter().zip(expected) {
        assert!((ours - expected).abs() < 4e-6, "{encoded:?}");
    }
}

/// A batch with an empty history, a shared context, a repeated item and consumed items.
fn batch() -> (Vec<Context>, Vec<Transition>) {
    let contexts = vec![
        Context {
            traits: vec![0.3, -0.2, 0.9],
            history: vec![],
        },
        Context {
            traits: vec![0.0; 3],
            history: vec![(3, 1.0), (5, -1.0), (3, 1.0)],
        },
        Context {
            traits: vec![1.0, 0.0, -1.0],
            history: vec![(36, -1.0)],
        },
    ];
    let step = |context, consumed: &[u32], action, propensity, target| Transition {
        context,
        consumed: consumed.to_vec(),
        action,
        propensity,
        target,
    };
    let transitions = vec![
        step(1, &[3, 5], 7, 0.1, 0.9),
        step(0, &[], 0, 0.4, -0.4),
        step(1, &[3, 5, 7], 36, 0.2, -0.3),
        step(2, &[36], 2, 0.01, 1.5),
    ];
    (contexts, transitions)
}

/// The loss in double precision from the logits and values of `weights`, with the advantages and importance weights of
/// `fixed`, as the loss holds them constant.
fn surrogate(config: &NetworkConfig, weights: &Weights, fixed: &Weights, coefficients: &Coefficients) -> f64 {
    let (contexts, transitions) = batch();
    let run = |weights: &Weights| {
        let network = Network::new(config.clone(), weights.clone());
        let forward = network.forward(&states(&contexts));
        let mut logits = vec![0.0; contexts.len() * config.items];
        network.logits(&forward.queries, &mut logits);
        (logits, forward.values)
    };
    // Of all open items, and of the action.
    let log_policy = |logits: &[f32], t: &Transition| -> (Vec<f64>, f64) {
        let row = &logits[t.context * config.items..][..config.items];
        let open = |i: &usize| !t.consumed.contains(&(*i as u32));
        let sum: f64 = (0..row.len()).filter(open).map(|i| f64::from(row[i]).exp()).sum();
        let log_p = |i: usize| f64::from(row[i]) - sum.ln();
        (
            (0..row.len()).filter(open).map(log_p).collect(),
            log_p(t.action as usize),
        )
    };
    let (logits, values) = run(weights);
    let (fixed_logits, fixed_values) = run(fixed);
    let mut total = 0.0;
    for t in &transitions {
        let advantage = f64::from(t.target - fixed_values[t.context]);
        let ratio = log_policy(&fixed_logits, t).1.exp() / f64::from(t.propensity);
        let weight = if coefficients.off_policy && advantage < 0.0 {
            ratio.min(1.0)
        } else {
            1.0
        };
        let error = f64::from(t.target - values[t.context]);
        let (open, action) = log_policy(&logits, t);
        let entropy: f64 = open.iter().map(|l| -l.exp() * l).sum();
        total += -weight * advantage * action + f64::from(coefficients.critic) * 0.5 * error * error
            - f64::from(coefficients.entropy) * entropy;
    }
    total / transitions.len() as f64
}

fn gradients_are_those_of_the_loss(encoder: Encoder, coefficients: Coefficients) {
    let config = NetworkConfig {
        items: 37,
        dims: 5,
        hidden: 6,
        traits: 3,
        window: 10,
        encoder,
    };
    let weights = random_weights(&config);
    let (contexts, transitions) = batch();
    let (loss, gradient) = a2c_gradients(&config, &weights, &contexts, &transitions, &coefficients);
    let truth = surrogate(&config, &weights, &weights, &coefficients);
    assert!(
        (f64::from(loss.total) - truth).abs() < 1e-5,
        "{} {truth}",
        loss.total
    );

    const STEP: f32 = 1e-2;
    for (tensor, (name, _)) in config.shapes().iter().enumerate() {
        let count = weights.tensors()[tensor].len();
        let mut largest = 0.0f64;
        let mut kinks = 0;
        for i in 0..count {
            let moved = |by: f32| {
                let mut moved = weights.clone();
                moved.tensors_mut()[tensor][i] += by;
                surrogate(&config, &moved, &weights, &coefficients)
            };
            let slopes = [STEP, -STEP].map(|step| (moved(step) - truth) / f64::from(step));
            let numeric = (slopes[0] + slopes[1]) / 2.0;
            let ours = f64::from(gradient.tensors()[tensor][i]);
            let error = (numeric - ours).abs();
            if error > 5e-5 {
                // Where a rectifier's kink lies within the step, the slopes to both sides differ.
                let apart = (slopes[0] - slopes[1]).abs();
                assert!(
                    error < apart / 2.0 + 2e-4,
                    "{encoder:?}, {name}[{i}]: {slopes:?} {ours}"
                );
                kinks += 1;
            }
            largest = largest.max(ours.abs());
        }
        assert!(kinks * 10 <= count, "{encoder:?}, {name}: {kinks} of {count}");
        assert!(
            largest > 1e-3,
            "{encoder:?}: {name} gets next to no gradient in this batch ({largest}): the check would be void"
        );
    }
}

#[test]
fn gradients_match_finite_differences_in_every_tensor() {
    let coefficients = Coefficients {
        critic: 0.5,
        entropy: 0.1,
        off_policy: false,
    };
    for encoder in ENCODERS {
        gradients_are_those_of_the_loss(encoder, coefficients);
    }
}

#[test]
fn gradients_match_finite_differences_off_policy() {
    let coefficients = Coefficients {
        critic: 0.5,
        entropy: 0.1,
        off_policy: true,
    };
    for encoder in ENCODERS {
        gradients_are_those_of_the_loss(encoder, coefficients);
    }
}

#[test]
fn no_transitions_give_no_gradient() {
    let config = NetworkConfig {
        items: 4,
        dims: 2,
        hidden: 2,
        traits: 0,
        window: 10,
        encoder: Encoder::Gru,
    };
    let coefficients = Coefficients {
        critic: 0.5,
        entropy: 0.1,
        off_policy: false,
    };
    let (loss, gradient) = a2c_gradients(&config, &random_weights(&config), &[], &[], &coefficients);
    assert_eq!((loss.total, gradient), (0.0, Weights::zeros(&config)));
}
