//! The memory that choosing needs, kept by each thread from one call to the next.

use crate::explore::Deck;

/// Scratch memory of one thread. It carries nothing from one call to the next.
#[derive(Debug, Default)]
pub struct Room {
    /// The encoder's states, `[moments, hidden]`.
    pub(super) states: Vec<f32>,
    /// `[moments, items]`.
    pub(super) logits: Vec<f32>,
    /// Those of a second policy.
    pub(super) other_logits: Vec<f32>,
    /// The distribution of one moment.
    pub(super) deck: Deck,
    /// That of a second policy.
    pub(super) other: Deck,
    /// Consumed items in order.
    pub(super) consumed: Vec<u32>,
}

impl Room {
    /// Empty; it grows to what is needed.
    pub fn new() -> Self {
        Room::default()
    }

    /// The consumed items, ascending, each once.
    pub(super) fn sorted(&mut self, consumed: &[u32]) -> &[u32] {
        self.consumed.clear();
        self.consumed.extend_from_slice(consumed);
        self.consumed.sort_unstable();
        self.consumed.dedup();
        &self.consumed
    }
}
