//! States to logits: the one place where evaluation meets the network.

use common::policy::{Network, State};

/// Logits computed at once at most: 16 MiB.
const MOST_LOGITS: usize = 1 << 22;

/// States that are encoded together: what an encoder makes of them stays in the cache.
const ENCODED: usize = 32;

/// States that are scored together.
pub(crate) fn batch(items: usize) -> usize {
    (MOST_LOGITS / items.max(1)).clamp(1, 256)
}

/// The logits of every item for each of `states`, row-major, nothing masked.
pub(crate) fn scores(network: &Network, states: &[State]) -> Vec<f32> {
    let encoded = states.chunks(ENCODED).flat_map(|part| network.encode(part));
    let queries = network.queries(&encoded.collect::<Vec<f32>>());
    let mut logits = vec![0.0; states.len() * network.config().items];
    network.logits(&queries, &mut logits);
    logits
}
