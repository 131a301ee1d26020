//! Scans of a large catalogue: how long a decision's scores take, and what a shortlist leaves out.

use std::path::PathBuf;
use std::time::Instant;

use common::policy_artifact::Policy;
use common::{Result, terminal};

use super::latency::Latency;
use super::made::{self, Sizes};
use super::table::table;
use crate::index::{Shortlist, Sieve, rescore};
use crate::policy::{Context, Network};

/// What to measure.
#[derive(Debug, Clone)]
pub struct IndexConfig {
    /// A policy folder; none: one is made up.
    pub policy: Option<PathBuf>,
    /// Sizes of the made-up one; of a policy folder only the number of users asked counts.
    pub sizes: Sizes,
    /// How many items shortlists keep.
    pub keep: Vec<usize>,
    /// Seed of what is made up.
    pub seed: u64,
}

/// What a user's exact scores are.
struct Truth {
    query: Vec<f32>,
    /// The best items, best first.
    best: Vec<u32>,
    highest: f32,
    /// Sum of e^(score - highest).
    sum: f64,
}

/// Items that recall is measured on.
const DEPTH: usize = 100;

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
    terminal::info("scoring all items");
    let (truths, exact) = truths(&network, &contexts)?;
    let weights = network.weights();
    let begun = Instant::now();
    let shortlist = Shortlist::new(&weights.item_embedding, &weights.item_bias, dims);
    let made = begun.elapsed();
    let mut rows = vec![row("exact, all", &exact, 1.0, 1.0, 1.0, items * dims * 4)];
    for &keep in &config.keep {
        terminal::info(&format!("keeping {keep}"));
        rows.push(kept(&network, &shortlist, &truths, keep)?);
    }
    println!(
        "{items} items, {dims} dimensions, {asked} users asked one after another, one core; the copy was made in {:.2} s\n",
        made.as_secs_f64()
    );
    let names = [
        "",
        "p50 ms",
        "p99 ms",
        "recall@10",
        "recall@100",
        "chance kept",
        "MB read",
    ];
    print!("{}", table(&names, &rows));
    Ok(())
}

fn truths(network: &Network, contexts: &[Context]) -> Result<(Vec<Truth>, Latency)> {
    let mut logits = vec![0.0; network.config().items];
    let mut latency = Latency::new()?;
    let mut truths = Vec::new();
    for context in contexts {
        let query = network.queries(&network.encode(&[context]));
        let begun = Instant::now();
        network.logits(&query, &mut logits);
        latency.add(begun.elapsed());
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum = logits.iter().map(|logit| f64::from(logit - highest).exp()).sum();
        let mut best: Vec<u32> = (0..logits.len() as u32).collect();
        let better = |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
        if best.len() > DEPTH {
            best.select_nth_unstable_by(DEPTH, better);
            best.truncate(DEPTH);
        }
        best.sort_unstable_by(better);
        truths.push(Truth {
            query,
            best,
            highest,
            sum,
        });
    }
    Ok((truths, latency))
}

/// The row of a shortlist that keeps `keep`, with the exact scores of what it keeps.
fn kept(network: &Network, shortlist: &Shortlist, truths: &[Truth], keep: usize) -> Result<Vec<String>> {
    let weights = network.weights();
    let tables = (weights.item_embedding.as_slice(), weights.item_bias.as_slice());
    let (mut sieve, mut scores) = (Sieve::default(), Vec::new());
    let mut latency = Latency::new()?;
    let (mut ten, mut hundred, mut chance) = (0.0, 0.0, 0.0);
    for truth in truths {
        let begun = Instant::now();
        let codes = shortlist.best(&truth.query, network.scale(), keep, &mut sieve);
        rescore(tables, &truth.query, network.scale(), codes, &mut scores);
        latency.add(begun.elapsed());
        let found = |best: &[u32]| {
            let count = best
                .iter()
                .filter(|code| codes.binary_search(code).is_ok())
                .count();
            count as f64 / best.len().max(1) as f64
        };
        ten += found(&truth.best[..truth.best.len().min(10)]);
        hundred += found(&truth.best);
        let left: f64 = scores
            .iter()
            .map(|score| f64::from(score - truth.highest).exp())
            .sum();
        chance += left / truth.sum;
    }
    let count = truths.len().max(1) as f64;
    let (items, dims) = (network.config().items, network.config().dims);
    Ok(row(
        &format!("quantised, the best {keep}"),
        &latency,
        ten / count,
        hundred / count,
        chance / count,
        items * (dims + 8) + keep * dims * 4,
    ))
}

fn row(what: &str, latency: &Latency, ten: f64, hundred: f64, chance: f64, bytes: usize) -> Vec<String> {
    let ms = |share: f64| format!("{:.3}", latency.quantile(share) / 1e3);
    vec![
        what.to_string(),
        ms(0.5),
        ms(0.99),
        format!("{ten:.4}"),
        format!("{hundred:.4}"),
        format!("{chance:.4}"),
        format!("{:.1}", bytes as f64 / 1e6),
    ]
}
