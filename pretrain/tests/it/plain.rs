//! The plain recommenders, from the log to what a frozen policy would choose.

use crate::support;
use std::path::Path;

use crate::support::{expect, says};
use common::ids::IdKind;
use common::policy_artifact::Policy;

const USERS: usize = 24;
const ITEMS: usize = 30;
const RIDGE: f64 = 20.0;

fn likes() -> Vec<Vec<f64>> {
    let log = support::log(IdKind::Text);
    let mut likes = vec![vec![0.0; ITEMS]; USERS];
    for row in (0..log.len()).filter(|&row| log.is_like(row)) {
        likes[log.user[row] as usize][log.item[row] as usize] = 1.0;
    }
    likes
}

fn policy(folder: &Path, method: &str) -> Policy {
    let name = method.split(' ').next().unwrap();
    let arguments = format!("train --method {method} --log log --seeds 1 --out {name}");
    expect(folder, &arguments, 0);
    let policy = Policy::load(&folder.join(name).join("seed-0")).unwrap();
    assert_eq!(policy.config.method, name.replace('-', "_"));
    expect(folder, &arguments, 0);
    policy
}

/// The logits of a memory, as `Encoder::History` states them.
fn logits(policy: &Policy, memory: &[f32]) -> Vec<f64> {
    let (network, weights) = (&policy.config.network, &policy.weights);
    let (h, d) = (network.hidden, network.dims);
    let [constant, a, b] = [2, 3, 4].map(|at| &weights.encoder[at]);
    let state: Vec<f64> = (0..h)
        .map(|k| {
            let divisor = constant[k] + a[k] * memory[h] + b[k] * memory[h + 1];
            if divisor > 0.0 {
                f64::from(memory[k] / divisor)
            } else {
                0.0
            }
        })
        .collect();
    let dot = |row: &[f32], x: &[f64]| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum::<f64>();
    let query: Vec<f64> = weights
        .query_weight
        .chunks(h)
        .map(|row| dot(row, &state))
        .collect();
    let scale = f64::from(weights.log_temperature[0]).exp() / (d as f64).sqrt();
    weights
        .item_embedding
        .chunks(d)
        .zip(&weights.item_bias)
        .map(|(row, bias)| scale * dot(row, &query) + f64::from(*bias))
        .collect()
}

/// Asserts that of what each user has not had, the policy's softmax chooses an item whose score is the best.
fn chooses_the_best(policy: &Policy, score: impl Fn(usize, usize) -> f64) {
    let width = policy.config.network.memory();
    for user in 0..USERS {
        let logits = logits(policy, &policy.users.memory[user * width..(user + 1) * width]);
        let open: Vec<usize> = (0..ITEMS)
            .filter(|&item| !policy.users.consumed[user].contains(&(item as u32)))
            .collect();
        let best = |of: &dyn Fn(usize) -> f64| open.iter().map(|&i| of(i)).fold(f64::NEG_INFINITY, f64::max);
        let (top, highest) = (best(&|i| score(user, i)), best(&|i| logits[i]));
        let total: f64 = open.iter().map(|&i| (logits[i] - highest).exp()).sum();
        let greedy: f64 = open
            .iter()
            .filter(|&&i| top - score(user, i) < 1e-4)
            .map(|&i| (logits[i] - highest).exp())
            .sum();
        assert!(greedy / total > 0.99, "user {user}: {greedy} of {total}");
    }
    // Who is new gets what is popular.
    let newcomer = logits(policy, &vec![0.0; width]);
    let popularity = &policy.items.popularity;
    let most = popularity.iter().copied().fold(0.0, f32::max);
    let highest = (0..ITEMS)
        .max_by(|&a, &b| newcomer[a].total_cmp(&newcomer[b]))
        .unwrap();
    assert_eq!(popularity[highest], most);
}

#[test]
fn popularity_chooses_what_is_liked_most() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let likes = likes();
    let policy = policy(folder.path(), "popularity");
    assert_eq!((policy.config.network.dims, policy.config.network.hidden), (1, 1));
    chooses_the_best(&policy, |_, item| likes.iter().map(|row| row[item]).sum());
}

#[test]
fn item_knn_chooses_by_the_sum_of_cosines() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let likes = likes();
    let policy = policy(folder.path(), "item-knn");
    let product = |i: usize, j: usize| likes.iter().map(|row| row[i] * row[j]).sum::<f64>();
    chooses_the_best(&policy, |user, j| {
        (0..ITEMS)
            .filter(|&i| likes[user][i] > 0.0 && i != j && product(j, j) > 0.0)
            .map(|i| product(i, j) / (product(i, i) * product(j, j)).sqrt())
            .sum()
    });
}

/// By the normal equations that define EASE, item by item: (X'X + ridge I) without the item's own row and column, by
/// Gauss-Seidel.
#[test]
fn ease_chooses_by_the_regression_on_all_other_items() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let likes = likes();
    let policy = policy(folder.path(), "ease --ridge 20");
    let product = |i: usize, j: usize| likes.iter().map(|row| row[i] * row[j]).sum::<f64>();
    let weights: Vec<Vec<f64>> = (0..ITEMS)
        .map(|j| {
            let mut b = vec![0.0; ITEMS];
            for _ in 0..500 {
                for i in (0..ITEMS).filter(|&i| i != j) {
                    let others: f64 = (0..ITEMS)
                        .filter(|&k| k != i && k != j)
                        .map(|k| product(i, k) * b[k])
                        .sum();
                    b[i] = (product(i, j) - others) / (product(i, i) + RIDGE);
                }
            }
            b
        })
        .collect();
    chooses_the_best(&policy, |user, j| {
        likes[user].iter().zip(&weights[j]).map(|(x, b)| x * b).sum()
    });
}

/// A user's factors solve the normal equations of the items that they were solved for, so that one more half step of the
/// converged factors changes nothing; the choice is that of their products.
#[test]
fn als_chooses_by_the_product_of_factors_that_have_converged() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    let likes = likes();
    let policy = policy(
        folder.path(),
        "als --factors 3 --iterations 400 --ridge 0.5 --alpha 4",
    );
    let (width, dims) = (policy.config.network.memory(), policy.config.network.dims);
    let user = |user: usize| &policy.users.memory[user * width..user * width + 3];
    let item = |item: usize| &policy.weights.item_embedding[item * dims..item * dims + 3];
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    for (u, likes) in likes.iter().enumerate() {
        for k in 0..3 {
            let gradient: f64 = (0..ITEMS)
                .map(|i| {
                    let (confidence, liked) = if likes[i] > 0.0 { (4.0, 1.0) } else { (1.0, 0.0) };
                    confidence * (dot(user(u), item(i)) - liked) * f64::from(item(i)[k])
                })
                .sum::<f64>()
                + 0.5 * f64::from(user(u)[k]);
            assert!(gradient.abs() < 1e-3, "user {u}, factor {k}: {gradient}");
        }
    }
    chooses_the_best(&policy, |u, i| dot(user(u), item(i)));
}

#[test]
fn what_belongs_to_other_methods_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    support::write(folder.path());
    for (flags, words) in [
        (
            "popularity --ridge 3",
            "--ridge is a hyper-parameter of ease and als",
        ),
        ("ease --factors 3", "--factors is a hyper-parameter of als"),
        (
            "als --neighbours 3",
            "--neighbours is a hyper-parameter of item-knn",
        ),
        (
            "item-knn --alpha 3",
            "--alpha is a hyper-parameter of cql, cal-ql and als",
        ),
        ("ease --steps 3", "--steps is a hyper-parameter of the methods"),
        (
            "bc --traits none --iterations 3",
            "--iterations is a hyper-parameter of als",
        ),
        ("ease --ridge 0", "--ridge 0 is not between"),
        ("ease --profiles profiles.parquet", "reads no --profiles"),
    ] {
        let error = expect(
            folder.path(),
            &format!("train --method {flags} --log log --out x"),
            2,
        );
        says(&error, &[words]);
    }
}
