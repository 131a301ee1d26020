//! The adapter as a whole: it is the policy before any answer, learns from each, and comes back from its bytes.

use common::policy_artifact::Encoder;
use common::rng::normal;

use super::*;
use crate::adapt::{Frozen, Name};
use crate::context::Context;

const ITEMS: usize = 300;
const DIMS: usize = 6;
const LIKES: LikeModel = LikeModel {
    intercept: -2.0,
    slope: 0.7,
    centre: 0.4,
};

fn config() -> NetworkConfig {
    NetworkConfig {
        items: ITEMS,
        dims: DIMS,
        hidden: 5,
        traits: 1,
        window: 4,
        encoder: Encoder::Gru,
    }
}

fn weights(seed: u64) -> Weights {
    let mut weights = Weights::init(&config(), seed);
    let mut rng = stream(seed, "biases", &[]);
    weights.item_bias.fill_with(|| normal(&mut rng));
    weights
}

fn hyper(scan: Scan) -> Hyper {
    Hyper {
        scan,
        ..Hyper::for_strategy(Name::Adapter)
    }
}

/// Of three items, two were never liked in the log and one often.
fn popularity() -> Vec<f32> {
    let likes = |item: usize| if item % 3 == 2 { 15.0 } else { 0.0 };
    (0..ITEMS).map(likes).collect()
}

fn adapter(hyper: &Hyper) -> Adapter {
    Adapter::new(config(), weights(1), Some(LIKES), &popularity(), hyper, 7)
}

fn user_context(memory: &[f32]) -> EncodedContext {
    EncodedContext::new(Context {
        traits: vec![0.5],
        history: vec![(3, 1.0)],
        memory: memory.to_vec(),
    })
}

fn choice(user_context: &EncodedContext, k: usize, number: u64) -> ChoiceRequest<'_> {
    ChoiceRequest {
        user_context,
        consumed: &[3],
        consumed_set: None,
        candidates: None,
        k,
        key: [number, 0, 0],
        greedy: false,
    }
}

fn shown(item: u32) -> Shown {
    Shown {
        item,
        propensity: 0.1,
        prior: 0.1,
        adapted: 0.1,
        weight: 0.0,
    }
}

/// Answers about an item by a user of this memory.
fn answer(adapter: &mut Adapter, memory: &mut [f32], item: u32, reward: f32) {
    let now = user_context(memory);
    assert!(adapter.answer(&now, memory, &shown(item), reward));
}

/// What the adapter acts by for a user of this memory.
fn acting(adapter: &Adapter, memory: &[f32]) -> Vec<f32> {
    let now = user_context(memory);
    adapter.explain(&choice(&now, 1, 0), &mut Buffers::new()).adapted
}

#[test]
fn before_any_answer_it_is_the_policy_to_the_last_bit() {
    let adapter = adapter(&hyper(Scan::Exact));
    let frozen = Frozen::new(config(), weights(1), 7);
    for memory in [vec![], vec![0.0; 2 * DIMS]] {
        let user_context = user_context(&memory);
        let choices: Vec<ChoiceRequest<'_>> =
            (0..200).map(|number| choice(&user_context, 3, number)).collect();
        let (ours, theirs) = (
            adapter.choose(&choices, &mut Buffers::new()),
            frozen.choose(&choices, &mut Buffers::new()),
        );
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            assert_eq!(
                (ours.items, ours.propensities),
                (theirs.items, theirs.propensities)
            );
        }
    }
}

#[test]
fn a_share_of_the_decisions_is_the_frozen_policys_with_its_propensities() {
    let hyper = Hyper {
        adapter: AdapterSettings {
            control: 0.25,
            ..AdapterSettings::DEFAULT
        },
        ..hyper(Scan::Exact)
    };
    let mut adapter = adapter(&hyper);
    let mut memory = vec![0.0; 2 * DIMS];
    for item in 0..100 {
        answer(
            &mut adapter,
            &mut memory,
            item,
            f32::from(u8::from(item % 3 == 0)),
        );
    }
    let now = user_context(&memory);
    let laid_open = adapter.explain(&choice(&now, 1, 0), &mut Buffers::new());
    assert_ne!(laid_open.prior, laid_open.adapted);
    assert_eq!(laid_open.weight, 0.25);
    let choices: Vec<ChoiceRequest<'_>> = (0..4000).map(|number| choice(&now, 1, number)).collect();
    let mut control = 0;
    for slate in adapter.choose(&choices, &mut Buffers::new()) {
        let arm = if slate.weight == 1.0 {
            control += 1;
            &laid_open.prior
        } else {
            assert_eq!(slate.weight, 0.0);
            &laid_open.adapted
        };
        assert_eq!(slate.propensities[0], arm[slate.items[0] as usize]);
    }
    assert!((900..1100).contains(&control), "{control}");
}

#[test]
fn a_like_makes_it_likelier_for_the_user_and_less_so_for_others() {
    for scan in [Scan::Exact, Scan::Quantised] {
        let mut adapter = adapter(&hyper(scan));
        let (mut one, other) = (vec![0.0; 2 * DIMS], vec![0.0; 2 * DIMS]);
        let before = acting(&adapter, &other)[42];
        answer(&mut adapter, &mut one, 42, 1.0);
        let (theirs, others) = (acting(&adapter, &one)[42], acting(&adapter, &other)[42]);
        assert!(theirs > others && others > before, "{before} {others} {theirs}");
        // A given context without a memory is one of whom nothing is known.
        assert_eq!(acting(&adapter, &[]), acting(&adapter, &other));
        for _ in 0..5 {
            answer(&mut adapter, &mut one, 42, 0.0);
        }
        assert!(acting(&adapter, &one)[42] < before);
    }
}

#[test]
fn an_answer_touches_its_item_and_its_user_alone() {
    let mut adapter = adapter(&hyper(Scan::Exact));
    let mut memory = vec![0.0; 2 * DIMS];
    answer(&mut adapter, &mut memory, 7, 1.0);
    answer(&mut adapter, &mut memory, 9, 0.0);
    let before = adapter.beliefs.clone();
    answer(&mut adapter, &mut memory, 8, 1.0);
    let after = &adapter.beliefs;
    for item in (0..ITEMS).filter(|item| *item != 8) {
        assert_eq!(before.means[item], after.means[item]);
        assert_eq!(before.variances[item], after.variances[item]);
        assert_eq!(before.parts()[item], after.parts()[item]);
    }
    assert!(after.means[8] > 0.0 && after.variances[8] < before.variances[8]);
    assert!(after.covariance[0] < before.covariance[0]);
    assert_eq!(adapter.version(), 3);
}

#[test]
fn a_step_is_that_of_the_filter() {
    // By the definition, in one joint covariance that is diagonal but for c and s.
    let mut adapter = adapter(&hyper(Scan::Exact));
    let mut memory = vec![0.0; 2 * DIMS];
    for (item, reward) in [(5, 1.0), (5, 0.0), (8, 1.0), (5, 1.0)] {
        let now = user_context(&memory);
        let mut query = Vec::new();
        adapter.queries([&now], &mut query);
        let pair = pair(&adapter.network, item, &query, 0.0);
        let unit = f64::from(LIKES.slope * adapter.network.scale());
        let z = f64::from(LIKES.slope * pair.logit - LIKES.centre);
        let e: Vec<f64> = pair.embedding.iter().map(|x| unit * f64::from(*x)).collect();
        let norms: f64 = weights(1)
            .item_embedding
            .iter()
            .map(|x| (unit * f64::from(*x)).powi(2))
            .sum();
        let precision = norms / ITEMS as f64 / f64::from(AdapterSettings::DEFAULT.user).powi(2);
        let variance = |information: f32| 1.0 / (precision + f64::from(information));
        let beliefs = adapter.beliefs.clone();
        let (v, spread): (Vec<f64>, Vec<f64>) = (0..DIMS)
            .map(|k| (f64::from(memory[k]), variance(memory[DIMS + k])))
            .unzip();
        let [c, s] = beliefs.global;
        let [cc, cs, ss] = beliefs.covariance;
        let beta = (f64::from(beliefs.means[item]), f64::from(beliefs.variances[item]));
        let eta = c + s * z + beta.0 + (0..DIMS).map(|k| e[k] * v[k]).sum::<f64>();
        let p = 1.0 / (1.0 + (-eta).exp());
        let (r, h) = (f64::from(reward) - p, p * (1.0 - p));
        let g = [cc + cs * z, cs + ss * z];
        let t = g[0] + z * g[1] + beta.1 + (0..DIMS).map(|k| spread[k] * e[k] * e[k]).sum::<f64>();
        let gain = 1.0 / (1.0 + h * t);
        answer(&mut adapter, &mut memory, item as u32, reward);
        let now = &adapter.beliefs;
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{a} {b}");
        near(now.global[0], c + g[0] * r * gain);
        near(now.global[1], s + g[1] * r * gain);
        near(now.covariance[1], cs - g[0] * g[1] * h * gain);
        near(f64::from(now.means[item]), beta.0 + beta.1 * r * gain);
        near(
            f64::from(now.variances[item]),
            beta.1 - beta.1 * beta.1 * h * gain,
        );
        for k in 0..DIMS {
            near(f64::from(memory[k]), v[k] + spread[k] * e[k] * r * gain);
            let left = spread[k] - (spread[k] * e[k]).powi(2) * h * gain;
            near(variance(memory[DIMS + k]), left);
        }
    }
}

/// A world whose users like as the model says, with other numbers than the policy expects: the adapter's probabilities are
/// to be right in it.
#[test]
fn its_probabilities_become_those_of_the_world() {
    let mut adapter = adapter(&hyper(Scan::Exact));
    let users = 60;
    let mut rng = stream(3, "world", &[]);
    let beta: Vec<f32> = (0..ITEMS).map(|_| 0.6 * normal(&mut rng)).collect();
    let width = 2 * DIMS;
    let mut memories = vec![0.0f32; users * width];
    let taste: Vec<f32> = (0..users * DIMS).map(|_| 0.8 * normal(&mut rng)).collect();
    let unit = LIKES.slope * adapter.network.scale();
    // By predicted probability: answers, sum of predictions, likes.
    let mut bins = [(0u32, 0.0f64, 0.0f64); 3];
    let (mut ours, mut flat) = (0.0, 0.0);
    for round in 0..30_000 {
        let user = rng.random_range(0..users);
        let item = rng.random_range(0..ITEMS);
        let memory = &mut memories[user * width..][..width];
        let now = user_context(memory);
        let mut query = Vec::new();
        adapter.queries([&now], &mut query);
        let pair = pair(&adapter.network, item, &query, 0.0);
        let own: f32 = pair
            .embedding
            .iter()
            .zip(&taste[user * DIMS..])
            .map(|(e, v)| unit * e * v)
            .sum();
        let eta = -0.5 + 0.8 * (LIKES.slope * pair.logit - LIKES.centre) + beta[item] + own;
        let liked = rng.random::<f32>() < 1.0 / (1.0 + (-eta).exp());
        if round >= 20_000 {
            let p = adapter.beliefs.outlook(&pair, memory).probability;
            let bin = &mut bins[usize::from(p > 0.3) + usize::from(p > 0.5)];
            *bin = (bin.0 + 1, bin.1 + p, bin.2 + f64::from(u8::from(liked)));
            let miss = |p: f64| if liked { -p.ln() } else { -(1.0 - p).ln() };
            ours += miss(p);
            flat += miss(0.38);
        }
        answer(&mut adapter, memory, item as u32, f32::from(u8::from(liked)));
    }
    for (answers, predicted, likes) in bins {
        assert!(answers > 1000, "{bins:?}");
        let off = (predicted - likes) / f64::from(answers);
        assert!(off.abs() < 0.04, "{bins:?}");
    }
    assert!(ours < 0.95 * flat, "{ours} {flat}");
    assert!(
        (adapter.beliefs.global[0] + 0.5).abs() < 0.25,
        "{:?}",
        adapter.beliefs.global
    );
}

#[test]
fn its_bytes_bring_it_back_and_damaged_ones_change_nothing() {
    let mut one = adapter(&hyper(Scan::Exact));
    let mut memory = vec![0.0; 2 * DIMS];
    for item in [5, 200, 7, 5] {
        answer(&mut one, &mut memory, item, f32::from(u8::from(item == 5)));
    }
    let saved = one.save();
    let mut other = adapter(&hyper(Scan::Exact));
    other.restore(&saved).unwrap();
    assert_eq!(other.save(), saved);
    let mut memories = [memory.clone(), memory];
    for (adapter, memory) in [&mut one, &mut other].into_iter().zip(&mut memories) {
        answer(adapter, memory, 8, 1.0);
    }
    assert_eq!(memories[0], memories[1]);
    assert_eq!(acting(&one, &memories[0]), acting(&other, &memories[1]));
    let before = other.save();
    assert_eq!(one.save(), before);
    for bad in [&saved[..saved.len() - 1], &[&saved[..], &[0]].concat(), &[]] {
        assert!(other.restore(bad).is_err());
    }
    let wrongs: [fn(&mut state::Saved); 6] = [
        |saved| saved.items[2] = ITEMS as u32,
        |saved| saved.items.swap(0, 1),
        |saved| saved.means[0] = f32::NAN,
        |saved| saved.variances[1] = -1.0,
        |saved| _ = saved.variances.pop(),
        |saved| saved.covariance[1] = 2.0,
    ];
    for wrong in wrongs {
        let mut strange: state::Saved = crate::adapt::saved::unpack(&saved).unwrap();
        wrong(&mut strange);
        assert!(other.restore(&crate::adapt::saved::pack(&strange)).is_err());
    }
    assert_eq!(other.save(), before);
}

#[test]
fn items_carry_over_by_id() {
    let mut old = adapter(&hyper(Scan::Exact));
    let mut memory = vec![0.0; 2 * DIMS];
    for item in [0, 5, 9] {
        answer(&mut old, &mut memory, item, 1.0);
    }
    // Item 0 is gone, all others moved up by one.
    let map: Vec<Option<u32>> = (0..ITEMS as u32).map(|item| item.checked_sub(1)).collect();
    let mut new = Adapter::new(
        config(),
        weights(2),
        Some(LIKES),
        &popularity(),
        &hyper(Scan::Exact),
        7,
    );
    let carried = new.carry_over(&old.save(), &map, false).unwrap();
    assert_eq!((carried.items, carried.kept.as_slice()), (2, &["items"][..]));
    for (from, to) in [(5, 4), (9, 8)] {
        assert_eq!(new.beliefs.means[to], old.beliefs.means[from]);
        assert_eq!(new.beliefs.variances[to], old.beliefs.variances[from]);
    }
    assert!(!new.beliefs.is_touched(5));
    assert_eq!(new.beliefs.global, [f64::from(LIKES.intercept), 1.0]);
}

#[test]
fn a_slate_is_distinct_and_within_the_candidates() {
    let adapter = adapter(&hyper(Scan::Quantised));
    let user_context = user_context(&[]);
    let choice = ChoiceRequest {
        candidates: Some(&[1, 3, 8, 9]),
        ..choice(&user_context, 9, 0)
    };
    let mut items = adapter.choose(&[choice], &mut Buffers::new()).remove(0).items;
    items.sort_unstable();
    assert_eq!(items, vec![1, 8, 9]);
}
