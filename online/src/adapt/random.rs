//! Uniform over the items not yet consumed.

use super::{Decision, Strategy};
use crate::explore::{Choice, draw_uniform};

/// The random baseline.
#[derive(Debug)]
pub struct Random {
    items: usize,
}

impl Random {
    /// Over a catalogue of `items`.
    pub fn new(items: usize) -> Self {
        Random { items }
    }
}

impl Strategy for Random {
    fn choose(&mut self, decisions: &[Decision<'_>]) -> Vec<Choice> {
        let mut consumed = Vec::new();
        decisions
            .iter()
            .map(|decision| {
                consumed.clear();
                consumed.extend_from_slice(decision.consumed);
                consumed.sort_unstable();
                consumed.dedup();
                draw_uniform(self.items, &consumed, decision.uniform)
            })
            .collect()
    }
}
