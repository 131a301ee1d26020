use common::rng::{RngExt, normal, stream};

use super::*;
use crate::context::Context;

const ITEMS: usize = 9;
const DIMS: usize = 3;

fn strategy(alpha: f32) -> LinUcb {
    let mut rng = stream(1, "test", &[]);
    let embeddings: Vec<f32> = (0..ITEMS * DIMS).map(|_| normal(&mut rng)).collect();
    let config = NetworkConfig {
        items: ITEMS,
        dims: DIMS,
        ..NetworkConfig::default()
    };
    LinUcb::new(&config, &embeddings, LinUcbSettings { alpha })
}

fn shown(item: u32) -> Shown {
    Shown {
        item,
        propensity: 1.0,
        prior: 1.0,
        adapted: 1.0,
        weight: 0.0,
    }
}

fn user_context(memory: Vec<f32>) -> EncodedContext {
    EncodedContext::new(Context {
        traits: vec![],
        history: vec![],
        memory,
    })
}

/// The solution of a dense system with several right sides, by elimination with pivots.
fn solve(mut a: Vec<Vec<f64>>, mut right: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = a.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs()));
        a.swap(column, pivot.unwrap());
        right.swap(column, pivot.unwrap());
        let (of_a, of_right) = (a[column].clone(), right[column].clone());
        for row in (0..n).filter(|&row| row != column) {
            let factor = a[row][column] / of_a[column];
            let pairs = a[row].iter_mut().zip(&of_a);
            pairs
                .chain(right[row].iter_mut().zip(&of_right))
                .for_each(|(x, y)| *x -= factor * y);
        }
    }
    for row in 0..n {
        let pivot = a[row][row];
        right[row].iter_mut().for_each(|x| *x /= pivot);
    }
    right
}

/// Mean and squared width of each of `items`, by a ridge regression of `answers` that is solved anew.
fn regression(items: &[Vec<f64>], answers: &[(usize, f64)], ridge: f64) -> Vec<(f64, f64)> {
    let n = items[0].len();
    let mut a: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| if i == j { ridge } else { 0.0 }).collect())
        .collect();
    let mut b = vec![0.0; n];
    for &(item, y) in answers {
        for i in 0..n {
            b[i] += y * items[item][i];
            for j in 0..n {
                a[i][j] += items[item][i] * items[item][j];
            }
        }
    }
    let right = (0..n)
        .map(|i| std::iter::once(b[i]).chain(items.iter().map(|x| x[i])).collect())
        .collect();
    let solved = solve(a, right);
    let dot = |x: &[f64], column: usize| x.iter().zip(&solved).map(|(x, row)| x * row[column]).sum::<f64>();
    items
        .iter()
        .enumerate()
        .map(|(j, x)| (dot(x, 0), dot(x, j + 1)))
        .collect()
}

#[test]
fn bounds_are_those_of_two_dense_regressions() {
    let alpha = 0.7;
    let mut strategy = strategy(alpha);
    let rows = |features: &Features| -> Vec<Vec<f64>> {
        let row = |item| features.row(item).iter().map(|&x| f64::from(x)).collect();
        (0..ITEMS).map(row).collect()
    };
    let (x, z) = (rows(&strategy.shared), rows(&strategy.own));
    let mut memories = vec![vec![0.0; strategy.memory()]; 2];
    let (mut all, mut left) = (Vec::new(), [Vec::new(), Vec::new()]);
    let mut rng = stream(2, "test", &[]);
    for turn in 0..60 {
        let (user, item) = (turn % 2, rng.random_range(0..ITEMS));
        let reward = if (item + user).is_multiple_of(3) { 1.0 } else { 0.0 };
        let mean = regression(&x, &all, RIDGE)[item].0;
        left[user].push((item, f64::from(reward) - mean));
        all.push((item, f64::from(reward)));
        assert!(strategy.answer(
            &user_context(vec![]),
            &mut memories[user],
            &shown(item as u32),
            reward
        ));
        let shared = regression(&x, &all, RIDGE);
        for user in 0..2 {
            let own = regression(&z, &left[user], USER_RIDGE);
            let (mut bounds, mut widths) = (Vec::new(), Vec::new());
            strategy.bounds(&memories[user], &mut bounds, &mut widths);
            for item in 0..ITEMS {
                let width = shared[item].1 + own[item].1;
                let bound = shared[item].0 + own[item].0 + f64::from(alpha) * width.sqrt();
                assert!(
                    (f64::from(widths[item]) - width).abs() < 1e-4,
                    "{turn} {item}: {} {width}",
                    widths[item]
                );
                assert!(
                    (f64::from(bounds[item]) - bound).abs() < 1e-4,
                    "{turn} {item}: {} {bound}",
                    bounds[item]
                );
            }
        }
    }
    assert_eq!(strategy.version(), 60);
}

#[test]
fn the_best_open_items_act_in_their_order() {
    let mut strategy = strategy(0.1);
    let mut memory = vec![0.0; strategy.memory()];
    for _ in 0..20 {
        strategy.answer(&user_context(vec![]), &mut memory, &shown(4), 1.0);
        strategy.answer(&user_context(vec![]), &mut memory, &shown(2), 0.0);
    }
    let of = |memory: Vec<f32>, consumed: &[u32], candidates: Option<&[u32]>, k: usize| {
        let user_context = user_context(memory);
        let choice = ChoiceRequest {
            user_context: &user_context,
            consumed,
            consumed_set: None,
            candidates,
            k,
            key: [0; 3],
            greedy: false,
        };
        let slate = strategy.choose(&[choice], &mut Buffers::new()).remove(0);
        assert!(slate.propensities.iter().all(|p| *p == 1.0));
        slate.items
    };
    let (mut bounds, mut widths) = (Vec::new(), Vec::new());
    strategy.bounds(&memory, &mut bounds, &mut widths);
    let mut order: Vec<u32> = (0..ITEMS as u32).collect();
    order.sort_by(|&a, &b| bounds[b as usize].total_cmp(&bounds[a as usize]));
    assert_eq!(of(memory.clone(), &[], None, 4), order[..4]);
    assert_eq!(of(memory.clone(), &order[..3], None, 2), order[3..5]);
    assert_eq!(of(memory.clone(), &[], Some(&[2, 4]), 9), [4, 2]);
    // Who has had everything begins again.
    let everything: Vec<u32> = (0..ITEMS as u32).collect();
    assert_eq!(of(memory.clone(), &everything, None, 1), order[..1]);
    // Nobody knows a newcomer, but what all share.
    assert_eq!(of(vec![], &[], Some(&[2, 4]), 1), [4]);
}

#[test]
fn what_was_learnt_comes_back_and_damage_is_refused() {
    let mut one = strategy(0.1);
    let mut memory = vec![0.0; one.memory()];
    one.answer(&user_context(vec![]), &mut memory, &shown(3), 1.0);
    let mut other = strategy(0.1);
    other.restore(&one.save()).unwrap();
    assert_eq!(other.save(), one.save());
    for damage in [
        |learnt: &mut Learnt| learnt.means[0] = f32::NAN,
        |learnt: &mut Learnt| learnt.widths.truncate(1),
        |learnt: &mut Learnt| learnt.inverse[0] = f64::INFINITY,
        |learnt: &mut Learnt| learnt.weights.truncate(1),
    ] {
        let mut learnt = one.learnt.clone();
        damage(&mut learnt);
        assert!(other.restore(&saved::pack(&learnt)).is_err());
        assert_eq!(other.save(), one.save());
    }
}
