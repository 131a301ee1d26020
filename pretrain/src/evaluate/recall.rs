//! Ranking quality on held-out likes of the log.

use candle_core::Result;

use crate::network::{Network, State};

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

/// The share of `held` whose item is among the `k` highest of the full catalogue without the consumed items; an
/// item with the same logit counts as higher.
pub(crate) fn recall(network: &Network, held: &[Held], k: usize) -> Result<f64> {
    const ROWS: usize = 256;
    let mut hits = 0;
    for part in held.chunks(ROWS) {
        let states: Vec<State> = part.iter().map(|h| h.state).collect();
        let logits = network.logits(&network.encode(&states)?)?.to_vec2::<f32>()?;
        for (held, mut logits) in part.iter().zip(logits) {
            let own = logits[held.item as usize];
            for &item in &held.consumed {
                logits[item as usize] = f32::NEG_INFINITY;
            }
            let above = logits.iter().filter(|&&logit| logit >= own).count();
            hits += usize::from(above <= k);
        }
    }
    Ok(hits as f64 / held.len() as f64)
}
