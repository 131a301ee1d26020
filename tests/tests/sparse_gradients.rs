//! The adapter's update is written out by hand, event by event, and touches a few items alone. This holds it to candle's
//! autograd over the whole catalogue: the same sampled loss, and its gradient in every tensor.

use candle_core::{DType, Device, Result, Tensor, Var};
use common::policy_artifact::{NetworkConfig, Weights};
use common::rng::{ChaCha8Rng, RngExt, normal, stream};
use online::index::Scan;
use online::policy::sparse::{Gradient, Optimiser, Sample, Scores, Sparse};
use online::policy::{Context, Network};

/// critic, push, R.
const FACTORS: (f32, f32, f32) = (0.5, 0.7, 1.3);

fn config(items: usize, dims: usize, hidden: usize) -> NetworkConfig {
    NetworkConfig {
        items,
        dims,
        hidden,
        traits: 3,
        window: 5,
        ..NetworkConfig::default()
    }
}

/// A learnt part with noise everywhere and some items touched.
fn sparse(config: &NetworkConfig, rng: &mut ChaCha8Rng) -> Sparse {
    let mut sparse = Sparse::new(config);
    sparse.bend.iter_mut().for_each(|a| *a = 0.1 * normal(rng));
    sparse.value.iter_mut().for_each(|v| *v = 0.1 * normal(rng));
    sparse.offset = 0.2;
    for item in (0..config.items as u32).filter(|item| item % 3 == 1) {
        let place = sparse.rows.touch(item);
        sparse.rows.row_mut(place).fill_with(|| 0.3 * normal(rng));
        *sparse.rows.bias_mut(place) = 0.3 * normal(rng);
    }
    sparse
}

/// The learnt part as candle's variables: A, d, b, v, v0.
struct Variables([Var; 5]);

impl Variables {
    fn new(config: &NetworkConfig, sparse: &Sparse) -> Result<Self> {
        let (items, dims) = (config.items, config.dims);
        let cpu = &Device::Cpu;
        let (mut d, mut b) = (vec![0.0f32; items * dims], vec![0.0f32; items]);
        for (place, &item) in sparse.rows.items().iter().enumerate() {
            let row = &mut d[item as usize * dims..][..dims];
            row.iter_mut()
                .zip(sparse.rows.row(place))
                .for_each(|(to, from)| *to = *from);
            b[item as usize] = sparse.rows.bias(place);
        }
        Ok(Variables([
            // Stored by columns, so that it is read as the transpose.
            Var::from_tensor(
                &Tensor::from_slice(&sparse.bend, (dims, dims), cpu)?
                    .t()?
                    .contiguous()?,
            )?,
            Var::from_vec(d, (items, dims), cpu)?,
            Var::from_vec(b, items, cpu)?,
            Var::from_slice(&sparse.value, config.hidden, cpu)?,
            Var::from_slice(&[sparse.offset], 1, cpu)?,
        ]))
    }

    /// The logits of all items and the value, one number.
    fn forward(&self, network: &Network, state: &[f32], query: &[f32]) -> Result<(Tensor, Tensor)> {
        let [a, d, b, v, v0] = &self.0;
        let (config, weights, cpu) = (network.config(), network.weights(), &Device::Cpu);
        let vector = |values: &[f32]| Tensor::from_slice(values, (values.len(), 1), cpu);
        let q = vector(query)?;
        let bent = (&q + a.matmul(&q)?)?;
        let e = Tensor::from_slice(&weights.item_embedding, (config.items, config.dims), cpu)?;
        let products = (&e + d.as_tensor())?.matmul(&bent)?.squeeze(1)?;
        let scaled = (products * f64::from(network.scale()))?;
        let bias = Tensor::from_slice(&weights.item_bias, config.items, cpu)?;
        let logits = ((scaled + bias)? + b.as_tensor())?;
        let value = (v.unsqueeze(0)?.matmul(&vector(state)?)?.squeeze(1)? + v0.as_tensor())?;
        let prior = Tensor::from_slice(&network.values(state), 1, cpu)?;
        Ok((logits, (value + prior)?))
    }
}

fn close(name: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    let largest = theirs.iter().fold(0.0f32, |most, g| most.max(g.abs()));
    assert!(largest > 0.0, "{name}: all zero, the case tests nothing");
    for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (ours - theirs).abs() <= 2e-5 * (1.0 + largest),
            "{name}[{at}]: by hand {ours}, candle {theirs}"
        );
    }
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor
        .to_dtype(DType::F32)
        .and_then(|t| t.flatten_all())
        .and_then(|t| t.to_vec1())
        .unwrap()
}

/// What acts, from a table that takes over every touched item.
fn logits_of(network: &Network, sparse: &Sparse, bent: &[f32], logits: &mut [f32]) {
    let mut scores = Scores::new(network, Scan::Exact);
    for place in 0..sparse.rows.items().len() {
        scores.set(network, &sparse.rows, place);
    }
    scores.logits(bent, bent.len(), network.scale(), logits);
}

fn agree(config: &NetworkConfig, action: u32, negatives: &[u32], seed: u64) {
    let mut rng = stream(seed, "sparse", &[]);
    let network = Network::new(config.clone(), Weights::init(config, seed));
    let mut sparse = sparse(config, &mut rng);
    let context = Context {
        traits: vec![0.5, -1.0, 0.2],
        history: vec![(rng.random_range(0..config.items as u32), 1.0)],
    };
    let state = network.encode(&[&context]);
    let query = network.queries(&state);
    let (critic, push, target) = FACTORS;

    let variables = Variables::new(config, &sparse).unwrap();
    let (logits, value) = variables.forward(&network, &state, &query).unwrap();
    let mut ours = vec![0.0; config.items];
    let mut bent = vec![0.0; config.dims];
    sparse.bend(&query, &mut bent);
    logits_of(&network, &sparse, &bent, &mut ours);
    close("logits", &ours, &numbers(&logits));
    let our_value = network.values(&state)[0] + sparse.value(&state);
    close("value", &[our_value], &numbers(&value));

    let loss = || -> Result<Tensor> {
        let index = |items: &[u32]| Tensor::from_slice(items, items.len(), &Device::Cpu);
        let of_action = logits.index_select(&index(&[action])?, 0)?.sum_all()?;
        let of_negatives = logits.index_select(&index(negatives)?, 0)?.mean_all()?;
        let actor = ((of_action - of_negatives)? * f64::from(-push))?;
        let miss = (value.squeeze(0)? - f64::from(target))?;
        actor + (miss.sqr()? * f64::from(0.5 * critic))?
    };
    let theirs = loss().unwrap().backward().unwrap();
    let theirs: Vec<Vec<f32>> = variables
        .0
        .iter()
        .map(|variable| numbers(theirs.get(variable).unwrap()))
        .collect();

    let sample = Sample {
        state: &state,
        query: &query,
        action,
        negatives,
        push,
        at_value: critic * (our_value - target),
    };
    let mut gradient = Gradient::default();
    gradient.compute(&network, &mut sparse, &sample);
    let (dims, items) = (config.dims, config.items);
    let of_bend: Vec<f32> = (0..dims * dims)
        .map(|at| gradient.at_bent[at / dims] * query[at % dims])
        .collect();
    let (mut of_rows, mut of_biases) = (vec![0.0; items * dims], vec![0.0; items]);
    for &(place, at) in &gradient.at_logits {
        let item = sparse.rows.items()[place] as usize;
        of_biases[item] = at;
        for (out, q) in of_rows[item * dims..][..dims].iter_mut().zip(&gradient.bent) {
            *out = at * gradient.scale * q;
        }
    }
    let of_value: Vec<f32> = state.iter().map(|h| gradient.at_value * h).collect();
    let ours = [of_bend, of_rows, of_biases, of_value, vec![gradient.at_value]];
    let norms = gradient.squares(&sample);
    for ((name, ours), theirs) in ["A", "d", "b", "v", "v0"].iter().zip(&ours).zip(&theirs) {
        close(name, ours, theirs);
    }
    let squares = |values: &[f32]| values.iter().map(|g| g * g).sum::<f32>();
    let value = squares(&theirs[3]) + squares(&theirs[4]);
    let theirs = [
        squares(&theirs[0]),
        squares(&theirs[1]),
        squares(&theirs[2]),
        value,
    ];
    close(
        "norms",
        &[norms.bend, norms.rows, norms.biases, norms.value],
        &theirs,
    );

    // A step goes down the loss.
    let mut after = sparse.clone();
    Optimiser::default().step(&mut after, &gradient, &sample, 1e-3);
    let lower = Variables::new(config, &after).unwrap();
    let (logits, value) = lower.forward(&network, &state, &query).unwrap();
    let (logits, value) = (numbers(&logits), numbers(&value)[0]);
    let drawn = |all: &[f32]| {
        let mean = negatives.iter().map(|&item| all[item as usize]).sum::<f32>() / negatives.len() as f32;
        all[action as usize] - mean
    };
    let mut before = vec![0.0; items];
    logits_of(&network, &sparse, &bent, &mut before);
    assert!(drawn(&logits) > drawn(&before));
    assert!((value - target).abs() < (our_value - target).abs());
}

#[test]
fn the_sparse_gradient_is_that_of_autograd_in_every_tensor() {
    // Touched and untouched items, one drawn twice, and the action among the negatives.
    agree(&config(23, 8, 12), 4, &[1, 2, 7, 7, 22], 1);
    agree(&config(40, 7, 5), 3, &[3, 5, 9, 11, 12, 13, 39, 0], 2);
    agree(&config(17, 16, 16), 16, &[0], 3);
}
