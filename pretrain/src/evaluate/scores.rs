//! States to logits: the one place where evaluation meets the network.

use candle_core::Result;

use crate::network::{Network, State};

/// Logits computed at once at most: 16 MiB.
const MOST_LOGITS: usize = 1 << 22;

/// States that are scored together; it depends on the catalogue alone, because rounding may depend on it.
pub(crate) fn batch(items: usize) -> usize {
    (MOST_LOGITS / items.max(1)).clamp(1, 256)
}

/// The logits of every item for each of `states`, row-major, nothing masked.
pub(crate) fn scores(network: &Network, states: &[State]) -> Result<Vec<f32>> {
    network.logits(&network.encode(states)?)?.flatten_all()?.to_vec1()
}
