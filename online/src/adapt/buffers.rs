//! The memory that choosing needs, kept by each thread from one call to the next.

use crate::explore::Categorical;

/// Scratch memory of one thread. It carries nothing from one call to the next.
#[derive(Debug, Default)]
pub struct Buffers {
    /// The encoder's states, `[requests, hidden]`.
    pub(super) states: Vec<f32>,
    /// `[requests, items]`.
    pub(super) logits: Vec<f32>,
    /// Those of a second policy.
    pub(super) other_logits: Vec<f32>,
    /// The distribution of one request.
    pub(super) categorical: Categorical,
    /// That of a second policy.
    pub(super) other: Categorical,
    /// Consumed items in order.
    pub(super) consumed: Vec<u32>,
}

impl Buffers {
    /// Empty; it grows to what is needed.
    pub fn new() -> Self {
        Buffers::default()
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
