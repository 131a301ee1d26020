//! Recall on held-out likes of the log, while a policy is trained.

use common::policy::{Network, State};

use super::ranking::{Measure, Metric, places};
use super::scores::{batch, scores};

/// A held-out like: the state it followed, what was consumed there, and the item.
#[derive(Clone, Debug)]
pub struct Held<'a> {
    /// The state before.
    pub state: State<'a>,
    /// Items consumed before, which are not ranked.
    pub consumed: Vec<u32>,
    /// The item liked.
    pub item: u32,
}

/// The share of `held` whose item is among the `k` highest of the full catalogue without the consumed items.
pub(crate) fn recall(network: &Network, held: &[Held], k: usize) -> f64 {
    let items = network.config().items;
    let metric = Metric {
        measure: Measure::Recall,
        k,
    };
    let mut sum = 0.0;
    for part in held.chunks(batch(items)) {
        let states: Vec<State> = part.iter().map(|h| h.state).collect();
        let mut logits = scores(network, &states);
        for (held, logits) in part.iter().zip(logits.chunks_exact_mut(items)) {
            for &item in &held.consumed {
                logits[item as usize] = f32::NEG_INFINITY;
            }
            sum += metric.of(&places(logits, &[held.item]), 1);
        }
    }
    sum / held.len() as f64
}
