//! Scans of a large catalogue: how long a decision's scores take, and how far coarse ones are from exact ones.

use std::path::PathBuf;
use std::time::Instant;

use common::bench::table;
use common::policy::Network;
use common::policy::distribution::softmax;
use common::policy_artifact::Policy;
use common::{Result, terminal};

use super::latency::Latency;
use super::made::{self, Sizes};
use crate::context::Context;
use crate::index::Coarse;

/// What to measure.
#[derive(Debug, Clone)]
pub struct IndexConfig {
    /// A policy folder; none: one is made up.
    pub policy: Option<PathBuf>,
    /// Sizes of the made-up one; of a policy folder only the number of users asked counts.
    pub sizes: Sizes,
    /// Seed of what is made up.
    pub seed: u64,
}

/// The largest number of items that recall is measured on.
const DEPTH: usize = 100;

/// Means over the users asked.
#[derive(Default)]
struct Nearness {
    /// Of the exact best 10, those among the coarse best 10.
    ten: f64,
    /// The same of 100.
    hundred: f64,
    /// Half the sum of the probabilities' differences (total variation).
    moved: f64,
}

/// Measures and prints a table to stdout.
///
/// # Errors
/// A policy that cannot be loaded or made.
pub fn index(config: &IndexConfig) -> Result<()> {
    let policy = match &config.policy {
        Some(folder) => crate::run::load(folder)?,
        None => made::policy(config.sizes, config.seed)?,
    };
    let Policy {
        config: described,
        weights,
        users,
        ..
    } = policy;
    let asked = users.ids.len().min(config.sizes.users);
    let contexts: Vec<Context> = (0..asked).map(|user| made::context(&users, user)).collect();
    let (items, dims) = (described.network.items, described.network.dims);
    let network = Network::new(described.network, weights);
    let begun = Instant::now();
    let coarse = Coarse::new(&network.weights().item_embedding, items, dims);
    let made = begun.elapsed();
    terminal::info("scoring");
    let (mut exact_time, mut coarse_time) = (Latency::new()?, Latency::new()?);
    let (mut exact, mut near) = (vec![0.0; items], vec![0.0; items]);
    let (mut probabilities, mut other) = (vec![0.0; items], vec![0.0; items]);
    let mut nearness = Nearness::default();
    for context in &contexts {
        let query = network.queries(&network.encode(&[context.state()]));
        let begun = Instant::now();
        network.logits(&query, &mut exact);
        exact_time.add(begun.elapsed());
        let begun = Instant::now();
        coarse.scores(&query, network.scale(), &mut near);
        for (logit, bias) in near.iter_mut().zip(&network.weights().item_bias) {
            *logit += bias;
        }
        coarse_time.add(begun.elapsed());
        nearness.ten += recall(&exact, &near, 10);
        nearness.hundred += recall(&exact, &near, DEPTH);
        softmax(&exact, &mut probabilities);
        softmax(&near, &mut other);
        let differences = probabilities
            .iter()
            .zip(&other)
            .map(|(p, q)| f64::from((p - q).abs()));
        nearness.moved += differences.sum::<f64>() / 2.0;
    }
    let of_all = |sum: f64| sum / asked.max(1) as f64;
    let nearness = Nearness {
        ten: of_all(nearness.ten),
        hundred: of_all(nearness.hundred),
        moved: of_all(nearness.moved),
    };
    let same = Nearness {
        ten: 1.0,
        hundred: 1.0,
        moved: 0.0,
    };
    let names = [
        "",
        "p50 ms",
        "p99 ms",
        "recall@10",
        "recall@100",
        "probability moved",
        "MB read",
    ];
    let rows = [
        row("exact", &exact_time, &same, items * (dims + 1) * 4),
        row("quantised", &coarse_time, &nearness, items * (dims + 8)),
    ];
    terminal::print(format_args!(
        "{items} items, {dims} dimensions, {asked} users asked one after another, one core; the copy was made in {:.2} s\n\n{}",
        made.as_secs_f64(),
        table(&names, &rows)
    ))
}

/// The share of the best `depth` items of `exact` that are among those of `near`.
fn recall(exact: &[f32], near: &[f32], depth: usize) -> f64 {
    let (truth, found) = (best(exact, depth), best(near, depth));
    let count = truth
        .iter()
        .filter(|code| found.binary_search(code).is_ok())
        .count();
    count as f64 / truth.len().max(1) as f64
}

/// The codes of the best `depth` items, ascending.
fn best(scores: &[f32], depth: usize) -> Vec<u32> {
    let mut codes: Vec<u32> = (0..scores.len() as u32).collect();
    let better = |a: &u32, b: &u32| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b));
    if codes.len() > depth {
        codes.select_nth_unstable_by(depth, better);
        codes.truncate(depth);
    }
    codes.sort_unstable();
    codes
}

fn row(what: &str, latency: &Latency, near: &Nearness, bytes: usize) -> Vec<String> {
    let ms = |share: f64| format!("{:.3}", latency.quantile(share) / 1e3);
    vec![
        what.to_string(),
        ms(0.5),
        ms(0.99),
        format!("{:.4}", near.ten),
        format!("{:.4}", near.hundred),
        format!("{:.4}", near.moved),
        format!("{:.1}", bytes as f64 / 1e6),
    ]
}
